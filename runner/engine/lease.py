"""The right to write, kept alive while an apply works."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from runner.engine.stop import Reason, Stop
from runner.model.contracts import Clock
from runner.model.errors import LeaseHeld, LedgerError
from runner.model.item import Json
from runner.model.ledger import Lease, Ledger

TTL_S = 60.0
BEAT_S = 15.0


class Beating:
    """A lease that is renewed while it is held."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease

    def __call__(self) -> Lease:
        """Return the lease as it is now."""
        return self.lease


def this_process(environ: Mapping[str, str]) -> dict[str, Json]:
    """Say who we are, for the one who comes second: host, pid, start of the process, and the CI run."""
    ci_url = environ.get("CI_JOB_URL") or environ.get("BUILD_URL") or _github_url(environ)
    who: dict[str, Json] = {"host": socket.gethostname(), "pid": os.getpid(), "started": process_start(os.getpid())}
    return {**who, "ci_url": ci_url} if ci_url else who


def _github_url(environ: Mapping[str, str]) -> str:
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    server, repository, run = (environ.get(name, "") for name in names)
    return f"{server}/{repository}/actions/runs/{run}" if server and repository and run else ""


def process_start(pid: int) -> str:
    """Return what tells two processes of one pid apart (start in clock ticks); empty without /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def is_dead(holder: Mapping[str, Json]) -> bool:
    """Whether the holder surely does not live any more: a process of this host that is gone, or another one now."""
    pid = holder.get("pid")
    if holder.get("host") != socket.gethostname() or not isinstance(pid, int):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    started = holder.get("started")
    return bool(started) and started != process_start(pid)


def dead_epoch(holder: Mapping[str, Json]) -> int | None:
    """Return the epoch of a lease whose holder surely does not live any more, to take it over; None of any other."""
    epoch = holder.get("epoch")
    return epoch if isinstance(epoch, int) and is_dead(holder) else None


async def holder_now(ledger: Ledger, name: str, now: float) -> Mapping[str, Json] | None:
    """Return who holds a lease; None when nobody does.

    `dead` is true in it when its process surely does not live any more: the next apply takes the lease over at once.
    """
    holder = await ledger.holder(name, now)
    return {**holder, "dead": True} if holder is not None and dead_epoch(holder) is not None else holder


async def take(ledger: Ledger, name: str, who: Mapping[str, Json], clock: Clock) -> Lease:
    """Take the lease; that of a process which died on this host is taken over at once.

    Raises:
        LeaseHeld: another apply works on the recipe.
    """
    try:
        return await ledger.acquire(name, who, clock.now(), TTL_S)
    except LeaseHeld as held:
        epoch = dead_epoch(held.holder)
        if epoch is None:
            raise
        return await ledger.acquire(name, who, clock.now(), TTL_S, dead_epoch=epoch)


@asynccontextmanager
async def holding(
    ledger: Ledger, name: str, who: Mapping[str, Json], clock: Clock, stop: Stop
) -> AsyncIterator[Beating]:
    """Hold the lease, renewed every `BEAT_S`; losing it stops the apply."""
    beating = Beating(await take(ledger, name, who, clock))
    beat = asyncio.create_task(_beat(ledger, beating, clock, stop))
    try:
        yield beating
    finally:
        beat.cancel()
        with suppress(asyncio.CancelledError):
            await beat
        with suppress(LedgerError):
            await ledger.release(beating.lease)


async def _beat(ledger: Ledger, beating: Beating, clock: Clock, stop: Stop) -> None:
    while True:
        await clock.sleep(BEAT_S)
        try:
            beating.lease = await ledger.renew(beating.lease, clock.now(), TTL_S)
        except LedgerError as error:
            stop.ask(Reason.ERROR, error)
            return
