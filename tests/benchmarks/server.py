"""A job server that costs next to nothing, so that what is measured is its client: `python -m tests.benchmarks.server`.

One process, one loop, a parser for exactly the requests that are sent here, JSON answers made of bytes. Nothing is
kept per job: the id of a job says all that its result needs, so a million jobs take no memory. Every connection is kept
alive, and requests that come in a row on one connection are answered in a row.

    POST /jobs             {"id": KEY, "text": ...}     201 {"id": JOB, "status": "queued"}
    GET  /jobs/JOB                                      200 {"id": JOB, "status": "succeeded", "result": {...}}
    GET  /jobs/JOB/result                               200 {"of": KEY, "length": 250}
    POST /files            lines of {"id": KEY, ...}    201 {"id": FILE}
    POST /batches          {"file": FILE}               201 {"id": BATCH, "status": "done", "output": FILE}
    GET  /batches/BATCH                                 200 the same
    GET  /files/FILE                                    200 lines of {"of": KEY, "length": 250}
    GET  /stats                                         200 {"submitted": 3, "asked": 3, "seconds": 0.1}
"""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import sys
import tempfile
from pathlib import Path
from typing import cast

import orjson

try:
    import uvloop
except ImportError:  # the server is slower then, and its ceiling says so
    uvloop = None

END = b"\r\n\r\n"
LENGTH = b"content-length:"
OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
CREATED = b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
MISSING = b'{"message": "there is nothing here"}'


class Jobs:
    """What the server counts, and the files of batches."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.submitted = self.asked = self.files = 0

    def submit(self, body: bytes) -> bytes:
        item = orjson.loads(body)
        self.submitted += 1
        return b'{"id": "%s~%d~%d", "status": "queued"}' % (item["id"].encode(), len(item["text"]), self.submitted)

    def ask(self, job: bytes) -> bytes:
        self.asked += 1
        key, length, _ = job.split(b"~")
        return b'{"id": "%s", "status": "succeeded", "result": {"of": "%s", "length": %s}}' % (job, key, length)

    def result(self, job: bytes) -> bytes:
        key, length, _ = job.split(b"~")
        return b'{"of": "%s", "length": %s}' % (key, length)

    def upload(self, body: bytes) -> bytes:
        self.files += 1
        items = [orjson.loads(line) for line in body.splitlines()]
        lines = [b'{"of": "%s", "length": %d}\n' % (item["id"].encode(), len(item["text"])) for item in items]
        (self.folder / str(self.files)).write_bytes(b"".join(lines))
        return b'{"id": "%d"}' % self.files

    def batch(self, body: bytes) -> bytes:
        self.submitted += 1
        return self.batch_state(orjson.loads(body)["file"].encode())

    def batch_state(self, batch: bytes) -> bytes:
        return b'{"id": "%s", "status": "done", "output": "%s"}' % (batch, batch)

    def stats(self) -> bytes:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        facts = {"submitted": self.submitted, "asked": self.asked, "seconds": usage.ru_utime + usage.ru_stime}
        return json.dumps(facts).encode()


class Connection(asyncio.Protocol):
    """One connection: whole requests in, whole answers out."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self.rest = b""
        self.parts: list[bytes] = []
        self.missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are none by inheritance

    def data_received(self, data: bytes) -> None:
        if self.missing:
            self.parts.append(data)
            self.missing -= len(data)
            if self.missing > 0:
                return
            data, self.parts, self.missing = b"".join(self.parts), [], 0
        data = self.rest + data if self.rest else data
        while data:
            head = data.find(END)
            if head < 0:
                break
            size = _size(data[:head])
            end = head + 4 + size
            if len(data) < end:
                self.parts, self.missing = [data], end - len(data)
                data = b""
                break
            self.answer(data[: data.index(b"\r")], data[head + 4 : end])
            data = data[end:]
        self.rest = data

    def answer(self, line: bytes, body: bytes) -> None:
        method, path, _ = line.split(b" ")
        path = path.partition(b"?")[0]
        jobs = self.jobs
        head = OK
        if method == b"POST":
            head = CREATED
            verb = {b"/jobs": jobs.submit, b"/files": jobs.upload, b"/batches": jobs.batch}[path]
            text = verb(body)
        elif path.startswith(b"/jobs/"):
            job = path[6:].replace(b"%7E", b"~")
            text = jobs.result(job[:-7]) if job.endswith(b"/result") else jobs.ask(job)
        elif path.startswith(b"/batches/"):
            text = jobs.batch_state(path[9:])
        elif path.startswith(b"/files/"):
            text = (jobs.folder / path[7:].decode()).read_bytes()
        else:
            text = jobs.stats() if path == b"/stats" else MISSING
        self.transport.write(head % len(text) + text)


def _size(head: bytes) -> int:
    lowered = head.lower()
    at = lowered.find(LENGTH)
    if at < 0:
        return 0
    end = lowered.find(b"\r", at)
    return int(lowered[at + len(LENGTH) : end if end > 0 else None])


async def serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, ended.set)
    with tempfile.TemporaryDirectory() as folder:
        jobs = Jobs(Path(folder))
        server = await loop.create_server(lambda: Connection(jobs), "127.0.0.1", port, backlog=1024)
        print(server.sockets[0].getsockname()[1], flush=True)
        await ended.wait()
        server.close()


def main() -> None:
    run = uvloop.run if uvloop is not None else asyncio.run
    run(serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0))


if __name__ == "__main__":
    main()
