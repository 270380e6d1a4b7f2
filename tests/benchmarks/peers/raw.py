"""Beyond the practical limit: asyncio protocols, a parser for exactly these replies, no library, no journal.

Every connection does one item after the other: submit, ask, write the row. Run as
`python -m tests.benchmarks.peers.raw URL ITEMS OUT IN_FLIGHT [LOOP]`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import urlsplit

import orjson

from tests.benchmarks.peers.loops import run

SUBMIT = b"POST /jobs HTTP/1.1\r\nhost: %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
ASK = b"GET /jobs/%s HTTP/1.1\r\nhost: %s\r\n\r\n"


class Worker(asyncio.Protocol):
    """One connection."""

    def __init__(self, host: bytes, items: Iterator[bytes], out: BinaryIO, ended: asyncio.Future[None]) -> None:
        self.host, self.items, self.out, self.ended = host, items, out, ended
        self.key = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are none by inheritance
        self.submit()

    def submit(self) -> None:
        line = next(self.items, None)
        if line is None:
            self.transport.close()
            return
        self.key = orjson.loads(line)["id"]
        body = line.rstrip()
        self.transport.write(SUBMIT % (self.host, len(body)) + body)

    def data_received(self, data: bytes) -> None:
        value = orjson.loads(data[data.index(b"\r\n\r\n") + 4 :])  # the server writes a whole answer at once
        result = value.get("result")
        if result is None:
            self.transport.write(ASK % (value["id"].encode(), self.host))
            return
        self.out.write(orjson.dumps({"id": self.key, **result}) + b"\n")
        self.submit()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set_result(None)


async def work(url: str, items: Path, out: Path, in_flight: int) -> None:
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    with items.open("rb") as lines, out.open("wb") as rows:
        ends = [loop.create_future() for _ in range(in_flight)]
        for end in ends:
            await loop.create_connection(
                partial(Worker, parts.netloc.encode(), lines, rows, end), parts.hostname, parts.port
            )
        await asyncio.gather(*ends)


if __name__ == "__main__":
    run(work(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])), sys.argv[5:])
