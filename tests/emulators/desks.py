"""Talk to an emulator in the process: a client with the token, a clock that is turned by hand."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
from starlette.applications import Starlette

LIVE = {"authorization": "Bearer emulator"}
Script = Callable[[httpx.AsyncClient], Awaitable[None]]


class Clock:
    """Seconds since 1970, moved on by the test."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def talk(app: Starlette, script: Script) -> None:
    """Run a script of requests against an app."""

    async def main() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://emulator", headers=LIVE) as client:
            await script(client)

    asyncio.run(main())
