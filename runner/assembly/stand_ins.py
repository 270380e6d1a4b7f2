"""Emulators in the place of platforms, inside the process: what `--emulate` does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Protocol

from runner.emulators import EMULATORS, create, not_installed
from runner.model.contracts import Clock
from runner.model.errors import ConfigError
from runner.model.item import Json
from runner.model.secret import Secret
from runner.platforms import Catalog, Manifest
from runner.transport.clock import SystemClock
from runner.transport.loopback import Reach

TOKEN = "emulator"
_NOTHING = "no secret"
_NO_HOST = "http://host.invalid"


class Stands(Protocol):
    """Something in the place of platforms."""

    @property
    def reach(self) -> Reach:
        """Which hosts a request may reach: this machine only, when the stand-in runs here."""

    async def fields(self, platform: str, how: Mapping[str, str]) -> Mapping[str, Json] | None:
        """Return the connection fields that lead to it; None for a platform whose place it does not take.

        Args:
            platform: name of the manifest.
            how: `emulate` of the connection; empty when it does not say.
        """


@dataclass(frozen=True, slots=True)
class Address:
    """One address in the place of every platform.

    Attributes:
        secret: every secret of the connections that lead there.
        reach: see `Stands`; a sandbox that the user names may lead to further hosts.
    """

    catalog: Catalog
    url: str
    secret: str
    reach: Reach = Reach.ALL

    async def fields(self, platform: str, how: Mapping[str, str]) -> Mapping[str, Json]:
        """Return the connection fields that lead to the address.

        Raises:
            ConfigError: the manifest does not say how it is reached.
        """
        manifest = self.catalog.manifest(platform)
        return manifest.emulated(self.url, self.secret) or self._guessed(manifest)

    def _guessed(self, manifest: Manifest) -> Mapping[str, Json]:
        fields = manifest.connection.fields
        if "base_url" not in fields:
            what = f"platform {manifest.name!r} does not say how to reach an emulator"
            mend = 'add to its manifest: connection: {emulate: {FIELD: "{{ emulator.url }}"}}'
            raise ConfigError(what, mend=mend)
        secrets = {name: Secret(self.secret) for name, each in fields.items() if each.type == "secret"}
        return {**secrets, "base_url": self.url}


@dataclass(frozen=True, slots=True)
class NoHost:
    """Stand-in for untrusted plans: connections are built without any secret, and reach no host."""

    catalog: Catalog
    reach: Reach = Reach.NOTHING

    async def fields(self, platform: str, how: Mapping[str, str]) -> Mapping[str, Json]:
        """Return placeholders for the fields that the manifest needs and the project keeps secret."""
        fields = self.catalog.manifest(platform).connection.fields
        secrets = {name: Secret(_NOTHING) for name, each in fields.items() if each.type == "secret"}
        return {**secrets, **({"base_url": _NO_HOST} if "base_url" in fields else {})}


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
        self._urls: dict[str, str] = {}
        self._stack = AsyncExitStack()

    @property
    def reach(self) -> Reach:
        """Emulators listen on loopback."""
        return Reach.THIS_MACHINE

    async def __aenter__(self) -> StandIns:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def stats(self) -> Mapping[str, Mapping[str, Json]]:
        """Return platform to what its emulator was asked, as GET /_emulator/stats tells it, with all items."""
        return {platform: tell() for platform, tell in self._stats.items()}

    async def fields(self, platform: str, how: Mapping[str, str]) -> Mapping[str, Json] | None:
        """Return the connection fields that lead to the stand-in; None for a platform that has none.

        Args:
            platform: name of the manifest.
            how: `emulate` of the connection: another emulator, or the URL of one that is already running.

        Raises:
            ConfigError: the libraries of the stand-ins are not installed, or a knob is unknown.
        """
        emulator = how.get("emulator", platform)
        if "url" not in how and emulator not in EMULATORS:
            return None
        url = how["url"].rstrip("/") if "url" in how else await self._url(emulator)
        return await Address(self._catalog, url, TOKEN).fields(platform, how)

    async def _url(self, emulator: str) -> str:
        if emulator not in self._urls:
            self._urls[emulator] = await self._start(emulator)
        return self._urls[emulator]

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
