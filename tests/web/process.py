"""The installed command `runner serve` as a process of its own, to be killed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from tests.web.place import signature

ROOT = Path(__file__).parents[2]


class Process:
    """One running service."""

    def __init__(self, child: asyncio.subprocess.Process, url: str, http: httpx.AsyncClient) -> None:
        self.child, self.url, self.http = child, url, http

    async def train(self, body: bytes) -> int:
        headers = {"X-Hub-Signature": signature(body)}
        return (await self.http.post("/model_run", content=body, headers=headers)).status_code

    async def runs(self) -> list[dict[str, Any]]:
        return (await self.http.get("/api/runs")).json()["runs"]

    async def ended(self) -> dict[str, Any]:
        """Return the newest run when it has ended."""
        (run, *_) = await self.runs()
        await self.http.get(f"/api/runs/{run['id']}/events")
        return (await self.runs())[0]

    async def kill(self) -> None:
        self.child.kill()
        await self.child.wait()

    async def terminate(self) -> int:
        self.child.terminate()
        return await asyncio.wait_for(self.child.wait(), 10)


@asynccontextmanager
async def process(folder: Path, environ: Mapping[str, str], *options: str) -> AsyncIterator[Process]:
    """Start the service on a folder; it is killed at the end if it still runs."""
    child = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "runner", "serve", "-f", str(folder), "--port", "0", *options],
        cwd=ROOT,
        env=dict(environ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert child.stdout is not None
        line = (await asyncio.wait_for(child.stdout.readline(), 60)).decode()
        assert line.startswith("listening on "), "the service did not start"
        url = line.removeprefix("listening on ").strip()
        async with httpx.AsyncClient(base_url=url, timeout=60) as http:
            yield Process(child, url, http)
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()


async def until_there(path: Path) -> None:
    """Wait for a file that another process makes."""
    async with asyncio.timeout(60):
        while not path.exists():  # noqa: ASYNC110, ASYNC240 - there is nobody to set an event
            await asyncio.sleep(0.02)
