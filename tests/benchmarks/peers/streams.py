"""The practical limit for one who writes HTTP himself: asyncio streams, one connection for each worker, no journal.

Reads any reply with a Content-Length: status line, headers, body. Run as
`python -m tests.benchmarks.peers.streams URL ITEMS OUT IN_FLIGHT [LOOP]`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import orjson

from tests.benchmarks.peers.loops import run


class Client:
    """One connection."""

    def __init__(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.host, self.reader, self.writer = host, reader, writer

    async def ask(self, method: str, path: str, body: bytes = b"") -> Any:
        head = f"{method} {path} HTTP/1.1\r\nhost: {self.host}\r\ncontent-length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body)
        status, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        answer = await self.reader.readexactly(int(headers["content-length"]))
        if not status.split(" ")[1].startswith("2"):
            raise RuntimeError(f"{method} {path}: {status}")
        return orjson.loads(answer)


async def worker(client: Client, items: Iterator[bytes], out: BinaryIO) -> None:
    for line in items:
        key = orjson.loads(line)["id"]
        job = await client.ask("POST", "/jobs", line.rstrip())
        while job["status"] != "succeeded":
            job = await client.ask("GET", f"/jobs/{job['id']}")
        out.write(orjson.dumps({"id": key, **job["result"]}) + b"\n")
    client.writer.close()


async def work(url: str, items: Path, out: Path, in_flight: int) -> None:
    parts = urlsplit(url)
    with items.open("rb") as lines, out.open("wb") as rows:
        pairs = [await asyncio.open_connection(parts.hostname, parts.port) for _ in range(in_flight)]
        await asyncio.gather(*(worker(Client(parts.netloc, *pair), lines, rows) for pair in pairs))


if __name__ == "__main__":
    run(work(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])), sys.argv[5:])
