"""What a user would write with httpx as it comes: so many workers, submit, ask until it is done. No journal."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import httpx

from tests.benchmarks.peers.loops import run


async def worker(client: httpx.AsyncClient, url: str, items: Iterator[str], out: TextIO) -> None:
    for line in items:
        item = json.loads(line)
        reply = await client.post(f"{url}/jobs", json=item)
        reply.raise_for_status()
        job = reply.json()
        while job["status"] != "succeeded":
            reply = await client.get(f"{url}/jobs/{job['id']}")
            reply.raise_for_status()
            job = reply.json()
        out.write(json.dumps({"id": item["id"], **job["result"]}) + "\n")


async def work(url: str, items: Path, out: Path, in_flight: int) -> None:
    with items.open() as lines, out.open("w") as rows:
        async with httpx.AsyncClient() as client:
            await asyncio.gather(*(worker(client, url, lines, rows) for _ in range(in_flight)))


if __name__ == "__main__":
    run(work(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])), sys.argv[5:])
