"""Emulators in the place of platforms, inside the process: what `--emulate` does."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from types import TracebackType

from runner.emulators import EMULATORS, create
from runner.model.errors import ConfigError
from runner.model.item import Json
from runner.platforms import Catalog

TOKEN = "emulator"


class StandIns:
    """Starts one emulator per platform, when it is first asked for; all end with the `async with` block."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._fields: dict[str, Mapping[str, Json]] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> StandIns:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def fields(self, platform: str) -> Mapping[str, Json] | None:
        """Return the connection fields that lead to the stand-in; None for a platform that has none.

        Raises:
            ConfigError: the libraries of the stand-ins are not installed.
        """
        if platform not in EMULATORS:
            return None
        if platform not in self._fields:
            url = await self._start(platform)
            self._fields[platform] = self._catalog.manifest(platform).emulated(url, TOKEN)
        return self._fields[platform]

    async def _start(self, platform: str) -> str:
        try:
            from runner.emulators.serve import serving  # the web parts come with an extra

            app = create(platform, token=TOKEN)
        except ImportError as error:
            raise ConfigError(
                f"--emulate needs a library that is not installed: {error.name}", mend="pip install 'runner[emulate]'"
            ) from error
        return await self._stack.enter_async_context(serving(app))
