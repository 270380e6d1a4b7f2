"""The fault server: a job API over raw sockets, so that connections can be reset, cut and held as in real life.

    python -m tests.faults.server --seed 7 --faults 0.3

prints its address. Forms of a job: `POST /jobs` (one item), `POST /batches` (an array), `POST /containers`,
`PUT /containers/C/files/NAME`, `POST /runs` (files of a container), `POST /files`, `POST /line-batches` (a file of
lines). `GET /jobs`, `GET /jobs/ID`, `GET /jobs/ID/results`, `POST /jobs/ID/cancel`. `GET /_audit` tells what was
accepted, by item; `POST /_turn` sets knobs and faults; `GET /_done` ends it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from email.utils import formatdate
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.faults.book import Book, Knobs, Wrong
from tests.faults.mischief import Mischief

TOKEN = "right"
HANG_S = 6.0


class Server:
    """Serves one book under one mischief."""

    def __init__(self, book: Book, mischief: Mischief) -> None:
        self.book, self.mischief = book, mischief
        self.over = asyncio.Event()
        self._tasks: set[asyncio.Task] = set()

    async def serve(self, port: int) -> None:
        listener = await asyncio.start_server(self._client, "127.0.0.1", port, limit=1 << 20)
        print(f"listening on http://127.0.0.1:{listener.sockets[0].getsockname()[1]}", flush=True)
        await self.over.wait()
        await asyncio.sleep(0.05)
        os._exit(0)  # open connections are of no interest any more

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await _read(reader)) is not None:
                if not await self._answer(writer, *request):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, method: str, target: str, headers: dict, body: bytes) -> bool:
        """Answer one request; False when the connection is not to be used again."""
        split = urlsplit(target)
        path, query = split.path, dict(parse_qsl(split.query))
        self.book.requests[f"{method} {_route(path)}"] += 1
        fault = self.mischief.strike(path)
        if fault in ("reset before", "hang before"):
            return await self._drop(writer, hang=fault == "hang before")
        if fault == "late":
            self._later(method, path, query, headers, body)
            return await self._drop(writer)
        if fault is not None and fault[0] in "45" and fault != "500 after":
            return await _send(writer, int(fault[:3]), {"error": f"fault: {fault}"}, _retry_after(fault))
        status, reply = self._do(method, path, query, headers, body)
        if fault in ("reset after", "hang after"):
            return await self._drop(writer, hang=fault == "hang after")
        if fault == "500 after":
            return await _send(writer, 500, {"error": "fault: after the work"})
        if fault in ("doubled", "reordered", "foreign", "endless") and status == 200:
            reply = self._spoil(fault, reply)
        return await _send(writer, status, reply, fault=fault)

    async def _drop(self, writer: asyncio.StreamWriter, *, hang: bool = False) -> bool:
        if hang:
            await asyncio.sleep(HANG_S)
        writer.transport.abort()
        return False

    def _later(self, *request) -> None:
        async def do() -> None:
            await asyncio.sleep(self.mischief.uniform(0.1, 0.6))
            self._do(*request)

        task = asyncio.create_task(do())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _spoil(self, fault: str, reply):
        if not isinstance(reply, dict) or "results" not in reply:
            return reply
        results = [dict(each) for each in reply["results"]]
        if fault == "doubled":
            results += results[:3]
        elif fault == "reordered":
            self.mischief.shuffle(results)
        elif fault == "foreign":
            results.insert(0, {"ref": "nobody-0", "ok": True, "result": {"upper": "?"}, "error": None})
        return {"results": results, "next": "0" if fault == "endless" else reply["next"]}

    def _do(self, method: str, path: str, query: dict, headers: dict, body: bytes):
        try:
            return self._route(method, path, query, headers, body)
        except Wrong as wrong:
            return wrong.status, {"error": str(wrong)}
        except (ValueError, KeyError, TypeError, IndexError) as error:
            return 400, {"error": f"{type(error).__name__}: {error}"}

    def _route(self, method: str, path: str, query: dict, headers: dict, body: bytes):
        if path.startswith("/_"):
            return self._admin(path, body)
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {"error": "bad token"}
        parts = [unquote(part) for part in path.strip("/").split("/")]
        return getattr(self, f"{method}_{parts[0]}".lower().replace("-", "_"))(parts[1:], query, headers, body)

    def _admin(self, path: str, body: bytes):
        if path == "/_done":
            self.over.set()
        if path == "/_turn":
            turned = json.loads(body)
            for name, value in turned.items():
                holder = self.book.knobs if hasattr(self.book.knobs, name) else self.mischief
                setattr(holder, name, tuple(value) if isinstance(value, list) else value)
        return 200, {**self.book.audit(), "struck": self.mischief.struck}

    # -- the API
    def post_jobs(self, parts, query, headers, body):
        if parts:
            job = self.book.job(parts[0])
            self.book.cancel(job)
            return 200, self.book.shown(job)
        sent = json.loads(body)
        job = self.book.submit(sent.get("label"), [("0", sent["item"])], headers.get("idempotency-key"))
        return 201, self.book.shown(job)

    def post_batches(self, parts, query, headers, body):
        sent = json.loads(body)
        items = [(each["ref"], each["item"]) for each in sent["items"]]
        return 201, self.book.shown(self.book.submit(sent.get("label"), items, headers.get("idempotency-key")))

    def post_containers(self, parts, query, headers, body):
        return 201, {"id": self.book.container(json.loads(body)["name"])}

    def get_containers(self, parts, query, headers, body):
        return 200, {"containers": [{"id": made, "name": name} for made, name in self.book.names.items()]}

    def put_containers(self, parts, query, headers, body):
        self.book.containers[parts[0]][parts[2]] = body
        return 200, {}

    def post_runs(self, parts, query, headers, body):
        return 201, self.book.shown(self.book.run(json.loads(body)["container"]))

    def post_files(self, parts, query, headers, body):
        name = f"f{len(self.book.files)}"
        self.book.files[name] = body
        return 201, {"id": name}

    def post_line_batches(self, parts, query, headers, body):
        sent = json.loads(body)
        return 201, self.book.shown(self.book.lines(sent["file"], sent["label"]))

    def get_jobs(self, parts, query, headers, body):
        if not parts:
            return 200, self.book.listing(float(query.get("since") or 0), int(query.get("cursor") or 0))
        job = self.book.job(parts[0])
        if len(parts) == 1:
            return 200, self.book.shown(job)
        results, cursor, page = self.book.results(job), int(query.get("cursor") or 0), self.book.knobs.page
        if parts[1] == "content":
            return 200, [*results]
        more = cursor + page < len(results)
        return 200, {"results": results[cursor : cursor + page], "next": str(cursor + page) if more else None}


async def _read(reader: asyncio.StreamReader) -> tuple[str, str, dict, bytes] | None:
    head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
    if not head:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    return method, target, headers, await reader.readexactly(int(headers.get("content-length", 0)))


async def _send(writer: asyncio.StreamWriter, status: int, reply, more: dict | None = None, *, fault=None) -> bool:
    if isinstance(reply, list):
        content = b"".join(json.dumps(each).encode() + b"\n" for each in reply)
    else:
        content = json.dumps(reply).encode()
    if fault == "malformed":
        content = content[: len(content) // 2] + b"}{"
    headers = {"content-type": "application/json", "date": formatdate(time.time(), usegmt=True), **(more or {})}
    length = len(content) + (50 if fault == "truncated" else 0)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"HTTP/1.1 {status} -\r\n{head}content-length: {length}\r\n\r\n".encode())
    if fault == "slow":
        for at in range(0, len(content), max(1, len(content) // 5)):
            writer.write(content[at : at + max(1, len(content) // 5)])
            await writer.drain()
            await asyncio.sleep(0.05)
    else:
        writer.write(content)
    await writer.drain()
    return fault != "truncated"


def _retry_after(fault: str) -> dict:
    if fault == "429 retry-after":
        return {"retry-after": "1"}
    if fault == "429 retry-after date":
        return {"retry-after": formatdate(time.time() + 1, usegmt=True)}
    return {"retry-after-ms": "300"} if fault == "429 retry-after-ms" else {}


def _route(path: str) -> str:
    parts = path.strip("/").split("/")
    return "/" + "/".join(
        "{}" if place in (1, 3) and not part.startswith("_") else part for place, part in enumerate(parts)
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=float, default=0.0)
    given = parser.parse_args()
    server = Server(Book(Knobs(seed=given.seed)), Mischief(given.faults, given.seed))
    asyncio.run(server.serve(given.port))


if __name__ == "__main__":
    main()
