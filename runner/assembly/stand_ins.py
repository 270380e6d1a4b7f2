"""Emulators in the place of platforms, inside the process: what `--emulate` does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import Protocol

from runner.emulators import EMULATORS, create, not_installed
from runner.model.contracts import Clock
from runner.model.errors import ConfigError
from runner.model.item import Json
from runner.platforms import Catalog
from runner.transport.clock import SystemClock

TOKEN = "emulator"


class Stands(Protocol):
    """Something in the place of platforms."""

    async def fields(self, platform: str) -> Mapping[str, Json] | None:
        """Return the connection fields that lead to it; None for a platform whose place it does not take."""


class StandIns:
    """Starts one emulator per platform, when it is first asked for; all end with the `async with` block."""

    def __init__(
        self,
        catalog: Catalog,
        knobs: Mapping[str, Mapping[str, Json]] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            catalog: says which connection fields lead to an emulator.
            knobs: platform to switches of its emulator, as `runner emulate --knob` takes them.
            clock: what the emulators live by; None for the real time.
        """
        self._catalog = catalog
        self._knobs = knobs or {}
        self._clock = clock or SystemClock()
        self._stats: dict[str, Callable[[], Mapping[str, Json]]] = {}
        self._fields: dict[str, Mapping[str, Json]] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> StandIns:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def stats(self) -> Mapping[str, Mapping[str, Json]]:
        """Return platform to what its emulator was asked, as GET /_emulator/stats tells it, with all items."""
        return {platform: tell() for platform, tell in self._stats.items()}

    async def fields(self, platform: str) -> Mapping[str, Json] | None:
        """Return the connection fields that lead to the stand-in; None for a platform that has none.

        Raises:
            ConfigError: the libraries of the stand-ins are not installed, or a knob is unknown.
        """
        if platform not in EMULATORS:
            return None
        if platform not in self._fields:
            url = await self._start(platform)
            self._fields[platform] = self._catalog.manifest(platform).emulated(url, TOKEN)
        return self._fields[platform]

    async def _start(self, platform: str) -> str:
        knobs = self._knobs.get(platform, {})
        if taken := sorted({"token", "clock"}.intersection(knobs)):
            raise ConfigError(f"{taken[0]} is no knob of an emulator", mend="leave it out")
        try:
            from runner.emulators.serve import serving  # the web parts come with an extra

            app = create(platform, token=TOKEN, clock=self._clock.now, **knobs)
            self._stats[platform] = partial(app.state.desk.stats, sys.maxsize)
        except ValueError as error:
            raise ConfigError(str(error), mend="mend the knobs of the emulator") from error
        except ImportError as error:
            raise not_installed(error) from error
        return await self._stack.enter_async_context(serving(app))
