"""The right to write, kept alive while an apply works."""

from __future__ import annotations

import asyncio
import math
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Protocol, runtime_checkable

from runner.engine.stop import Reason, Stop
from runner.model.contracts import Clock
from runner.model.errors import LeaseHeld, LedgerError
from runner.model.item import Json
from runner.model.ledger import Lease, Ledger

TTL_S = 60.0
BEAT_S = 15.0
MARGIN_S = 20.0
"""Seconds before the end of the lease in which no paying request leaves; more than `transport.not_after.KERNEL_S`, for
which earlier bytes may wait in the kernel."""


@runtime_checkable
class SupportsBootTime(Protocol):
    """A clock that also counts the time during which the machine was asleep."""

    def boot_time(self) -> float:
        """Seconds since the machine was started, on a clock that cannot be set."""


class HeldLease:
    """A lease that is renewed while it is held; implements `NotAfter` for the requests that are sent under it.

    Two gaps remain, in which only the fence of the ledger and the platform's idempotency key protect: the moment
    between the last check and the system call, and a machine that was frozen as a whole, both clocks included.
    """

    def __init__(self, ledger: Ledger, lease: Lease, clock: Clock, ttl_s: float = TTL_S) -> None:
        """Take over a lease.

        Args:
            ledger: that gave it.
            lease: as it was given, with its end on both clocks.
            clock: the time.
            ttl_s: for how long it is given again.
        """
        self._ledger, self._lease, self._clock, self._ttl_s = ledger, lease, clock, ttl_s
        self._boot_time = boot_clock(clock)

    def __call__(self) -> Lease:
        """Return the lease as it is now."""
        return self._lease

    def left_s(self) -> float:
        """Return for how many seconds a paying request may still leave; at 0 or less the lease must be renewed.

        By the wall clock and the boot-time clock, whichever is further on.
        """
        by_wall_s, by_boot_s = self._lease.until - self._clock.now(), self._lease.until_boot - self._boot_time()
        return min(by_wall_s, by_boot_s) - MARGIN_S

    async def renew(self) -> None:
        """Renew it, ended or not; raises LeaseLost when it was taken over."""
        asked = self._boot_time()
        lease = await self._ledger.renew(self._lease, self._clock.now(), self._ttl_s)
        if asked + self._ttl_s >= self._lease.until_boot or math.isinf(self._lease.until_boot):
            self._lease = replace(lease, until_boot=asked + self._ttl_s)


def this_process(environ: Mapping[str, str]) -> dict[str, Json]:
    """Say who we are, for the one who comes second: host, pid, start of the process, and the CI run."""
    ci_url = environ.get("CI_JOB_URL") or environ.get("BUILD_URL") or _github_url(environ)
    who: dict[str, Json] = {"host": socket.gethostname(), "pid": os.getpid(), "started": process_start(os.getpid())}
    return {**who, "ci_url": ci_url} if ci_url else who


def pid_space() -> dict[str, Json]:
    """Return where a pid of ours names one process: machine, its boot, its pid namespace; empty text where unknown.

    Two machines may have one hostname, two containers of one machine one hostname and one pid.
    """
    machine = _first_line("/etc/machine-id")  # confidential, says systemd: only a digest of it leaves the process
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        namespace = ""
    return {
        "machine": blake2b(machine.encode(), digest_size=8, person=b"runner").hexdigest() if machine else "",
        "boot": _first_line("/proc/sys/kernel/random/boot_id"),
        "pid_namespace": namespace,
    }


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


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
    """Whether the holder is certainly dead: a process of this boot that is gone, or whose pid is another process now.

    False for a holder on another machine, or on a system without /proc: its lease ends by itself.
    """
    pid, here = holder.get("pid"), {"host": socket.gethostname(), **pid_space()}
    is_here = all(holder.get(name) == value for name, value in here.items())
    if not is_here or not here["boot"] or not here["pid_namespace"] or not isinstance(pid, int):
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


async def take(ledger: Ledger, name: str, who: Mapping[str, Json], clock: Clock) -> HeldLease:
    """Take the lease; that of a process which died on this host is taken over at once.

    Raises:
        LeaseHeld: another apply works on the recipe.
    """
    asked, who = boot_clock(clock)(), {**who, **pid_space()}
    try:
        lease = await ledger.acquire(name, who, clock.now(), TTL_S)
    except LeaseHeld as held:
        epoch = dead_epoch(held.holder)
        if epoch is None:
            raise
        lease = await ledger.acquire(name, who, clock.now(), TTL_S, dead_epoch=epoch)
    return HeldLease(ledger, replace(lease, until_boot=asked + TTL_S), clock, TTL_S)


def boot_clock(clock: Clock) -> Callable[[], float]:
    """Return the clock that also counts the machine's sleep, where one exists; it is read for every request."""
    return clock.boot_time if isinstance(clock, SupportsBootTime) else clock.monotonic


@asynccontextmanager
async def holding(
    ledger: Ledger, name: str, who: Mapping[str, Json], clock: Clock, stop: Stop
) -> AsyncIterator[HeldLease]:
    """Hold the lease, renewed every `BEAT_S`; losing it stops the apply."""
    held = await take(ledger, name, who, clock)
    beat = asyncio.create_task(_heartbeat(held, clock, stop))
    try:
        yield held
    finally:
        beat.cancel()
        with suppress(asyncio.CancelledError):
            await beat
        with suppress(LedgerError):
            await ledger.release(held())


async def _heartbeat(held: HeldLease, clock: Clock, stop: Stop) -> None:
    while True:
        await clock.sleep(BEAT_S)
        try:
            await held.renew()
        except LedgerError as error:
            stop.ask(Reason.ERROR, error)
            return
