"""What takes the place of the platforms in a case, and the clock that does not wait."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from runner.assembly.stand_ins import TOKEN, Address, StandIns, Stands
from runner.assembly.trial.comparing import Discrepancy
from runner.assembly.trial.document import Case, Trial
from runner.assembly.trial.recorded import Recorded
from runner.emulators import not_installed
from runner.model.contracts import Clock
from runner.model.errors import ConfigError, RecipeError
from runner.model.item import Json
from runner.model.problem import Mark, Problem
from runner.platforms import Catalog
from runner.transport.clock import SystemClock
from runner.transport.loopback import Reach

HASTE: Final = 50.0
SECRET: Final = "RUNNER_TEST_TOKEN"
"""Variable whose value is every secret of a connection that --against leads to."""


class HastyClock:
    """Time of which most waiting is skipped: a minute passes in about a second.

    What waits together moves the time once: a hundred pollers of a second make one second, not a hundred.
    """

    def __init__(self) -> None:
        self._skipped_s = 0.0

    def now(self) -> float:
        """Epoch seconds."""
        return time.time() + self._skipped_s

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic() + self._skipped_s

    async def sleep(self, delay_s: float) -> None:
        """Wait a part of it, and skip the rest."""
        until_s = self.monotonic() + delay_s
        await asyncio.sleep(delay_s / HASTE)
        self._skipped_s = max(self._skipped_s, until_s - time.monotonic())


@dataclass(frozen=True, slots=True)
class Only:
    """Lets nothing reach a real platform: what no stand takes the place of is refused.

    Attributes:
        more: fields of the connection that the test document gives.
    """

    stands: Stands
    more: Mapping[str, Json]

    @property
    def reach(self) -> Reach:
        """Return the reach of the stand-in."""
        return self.stands.reach

    async def fields(self, platform: str, how: Mapping[str, str]) -> Mapping[str, Json]:
        """Return the fields that lead to the stand.

        Raises:
            ConfigError: there is none.
        """
        found = await self.stands.fields(platform, how)
        if found is None:
            raise ConfigError(f"nothing takes the place of {platform}", mend="record an exchange, or use --against URL")
        return {**found, **self.more}


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a case is played, and what was seen there.

    Attributes:
        accepted: gives item to how often it was accepted; None when nobody counts.
        unexpected: gives where a recorded exchange was not kept, and the faults that met no request.
    """

    stands: Stands
    clock: Clock
    accepted: Callable[[], Mapping[str, int] | None] = lambda: None
    unexpected: Callable[[], Sequence[Discrepancy]] = field(default=tuple)


@dataclass(frozen=True, slots=True)
class Means:
    """What the user gave to play cases with.

    Attributes:
        against: an address in the place of the emulators; empty for none.
        environ: what templates read as `env`, and what commands of recipes see.
        secret: every secret of a connection that leads to the address.
        clock: of what stands there.
        is_trusted: whether commands may run, and files outside the project may be read.
    """

    against: str
    environ: Mapping[str, str]
    secret: str = TOKEN
    clock: Clock = field(default_factory=SystemClock)
    is_trusted: bool = True


def means_of(against: str, environ: Mapping[str, str], *, is_trusted: bool = True) -> Means:
    """Return the means of a command; recipes do not see the secret, and without trust no variable at all."""
    if not is_trusted:
        return Means("", {}, is_trusted=False)
    seen = {name: value for name, value in environ.items() if name != SECRET}
    return Means(against, seen, environ.get(SECRET, TOKEN))


@asynccontextmanager
async def scene_of(
    trial: Trial, case: Case, platform: str | None, catalog: Catalog, means: Means
) -> AsyncIterator[Scene]:
    """Set up what takes the place of the platforms in a case.

    Waiting is skipped but where the user named an address: a real platform takes its time, and counts requests.

    Args:
        trial: gives the fields of the connection that no stand sets.
        case: says which knobs are turned, or which exchange is played.
        platform: of the case's target; None for a target that is on none.
        catalog: of the manifests.
        means: what the user gave.

    Raises:
        RecipeError: the knobs are wrong.
        ConfigError: the libraries of the stand-ins are not installed.
    """
    more = trial.connection
    if case.recorded is not None:
        recorded = Recorded(case.recorded)
        async with _serving(recorded) as url:
            yield Scene(
                Only(Address(catalog, url, TOKEN, Reach.THIS_MACHINE), more), HastyClock(), unexpected=recorded.wrong
            )
    elif means.against:
        yield Scene(Only(Address(catalog, means.against.rstrip("/"), means.secret), more), means.clock)
    else:
        clock = HastyClock()
        knobs = {platform: case.emulator} if platform is not None else {}
        async with StandIns(catalog, knobs, clock) as emulators:
            if case.emulator:
                await _turned(emulators, platform, trial.mark(case, ("emulator",)))
            yield Scene(
                Only(emulators, more), clock, partial(_accepted, emulators), partial(_unmet, emulators, platform)
            )


async def _turned(emulators: StandIns, platform: str | None, mark: Mark) -> None:
    """Start the emulator whose knobs are turned, to say what is wrong with them in their place."""
    what, mend = "the case turns knobs, but its target has no emulator", "leave emulator out"
    try:
        found = await emulators.fields(platform or "", {})
    except ConfigError as error:
        found, what, mend = None, str(error), error.mend
    if found is None:
        raise RecipeError([Problem("invalid-value", what, mark, mend)])


def _accepted(emulators: StandIns) -> Mapping[str, int]:
    total: Counter[str] = Counter()
    for stats in emulators.stats().values():
        total.update(stats["submits"]["items"])
    return total


def _unmet(emulators: StandIns, platform: str | None) -> Sequence[Discrepancy]:
    """Return the faults that no request has met: their case shows nothing."""
    stats = emulators.stats().get(platform or "", {"faults": (), "requests": ()})
    mend = f"routes that were asked: {', '.join(stats['requests']) or 'none'}"
    return [
        Discrepancy(
            "unused-fault", f"no request met the fault of {fault['route']}", ("emulator", "faults", number), mend
        )
        for number, fault in enumerate(stats["faults"])
        if not fault["sent"]
    ]


@asynccontextmanager
async def _serving(app: Recorded) -> AsyncIterator[str]:
    try:
        from runner.emulators.serve import serving  # the web parts come with an extra
    except ImportError as error:
        raise not_installed(error) from error
    async with serving(app) as url:
        yield url
