"""What a user would write with aiohttp: so many workers, submit, ask until it is done, write the row. No journal."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import aiohttp

from tests.benchmarks.peers.loops import run


async def worker(session: aiohttp.ClientSession, url: str, items: Iterator[str], out: TextIO) -> None:
    for line in items:
        item = json.loads(line)
        async with session.post(f"{url}/jobs", json=item) as reply:
            reply.raise_for_status()
            job = await reply.json()
        while job["status"] != "succeeded":
            async with session.get(f"{url}/jobs/{job['id']}") as reply:
                reply.raise_for_status()
                job = await reply.json()
        out.write(json.dumps({"id": item["id"], **job["result"]}) + "\n")


async def work(url: str, items: Path, out: Path, in_flight: int) -> None:
    with items.open() as lines, out.open("w") as rows:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=in_flight)) as session:
            await asyncio.gather(*(worker(session, url, lines, rows) for _ in range(in_flight)))


if __name__ == "__main__":
    run(work(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])), sys.argv[5:])
