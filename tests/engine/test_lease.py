"""The lease: whose it is, and how long a paying request may still leave under it."""

import asyncio
import subprocess
import sys
from dataclasses import replace

import pytest

from runner.engine.lease import MARGIN_S, TTL_S, HeldLease, boot_clock, holding, is_dead, pid_space, this_process
from runner.engine.stop import Stop
from runner.ledger.memory import MemoryLedger
from runner.model.errors import LeaseLost, Unavailable
from runner.transport.not_after import KERNEL_S
from tests.engine.world import FakeTarget, FastClock, Platform, applied, item, work_on


@pytest.fixture
def gone():
    """A holder of this machine whose process has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return {**this_process({}), **pid_space(), "pid": process.pid}


def test_a_process_of_this_boot_that_is_gone_is_dead(gone):
    assert is_dead(gone)
    assert is_dead({**this_process({}), **pid_space(), "started": "1"})
    assert not is_dead({**this_process({}), **pid_space()})


@pytest.mark.parametrize("name", ["host", "machine", "boot", "pid_namespace"])
def test_a_holder_elsewhere_is_never_said_to_be_dead(gone, name):
    """A machine or container of the same hostname has other processes under the same pids."""
    assert not is_dead({**gone, name: "another"})
    assert not is_dead({key: value for key, value in gone.items() if key != name})


class TwoClocks(FastClock):
    """A wall clock and one that counts the machine's sleep, set apart from each other."""

    def __init__(self):
        super().__init__()
        self.boot = 5.0

    def boot_time(self):
        return self.boot


def held(clock, ledger=None):
    ledger = ledger or MemoryLedger()
    lease = asyncio.run(ledger.acquire("numbers", {"pid": 1}, clock.now(), TTL_S))
    return HeldLease(ledger, replace(lease, until_boot=boot_clock(clock)() + TTL_S), clock)


@pytest.mark.parametrize(
    ("wall_s", "boot_s", "left_s"),
    [(0, 0, 40), (30, 0, 10), (0, 30, 10), (30, 35, 5), (-3600, 41, -1), (41, 0, -1)],
    ids=["fresh", "wall", "boot", "both", "wall set back", "wall set forward"],
)
def test_the_clock_that_is_further_on_counts(wall_s, boot_s, left_s):
    clock = TwoClocks()
    lease = held(clock)
    clock.time += wall_s
    clock.boot += boot_s
    assert lease.left_s() == left_s


def test_what_the_kernel_may_hold_is_gone_before_the_lease_ends():
    assert KERNEL_S < MARGIN_S < TTL_S


def test_a_renewed_lease_counts_from_before_it_was_asked_for():
    clock, ledger = TwoClocks(), MemoryLedger()

    class Slow:
        def __getattr__(self, name):
            return getattr(ledger, name)

        async def renew(self, *given):
            clock.time, clock.boot = clock.time + 7, clock.boot + 7
            return await ledger.renew(*given)

    lease = held(clock, ledger)
    lease._ledger = Slow()
    clock.boot += 50
    asyncio.run(lease.renew())
    assert lease.left_s() == TTL_S - MARGIN_S - 7


def test_a_clock_without_boot_time_counts_by_the_wall_clock():
    clock = FastClock()
    lease = held(clock)
    clock.time += 50
    assert lease.left_s() < 0


def test_a_lease_that_is_held_is_taken_with_its_not_after():
    async def take():
        async with holding(MemoryLedger(), "numbers", {"pid": 1}, TwoClocks(), Stop()) as lease:
            return lease.left_s()

    assert asyncio.run(take()) == TTL_S - MARGIN_S


class Wired(FakeTarget):
    """A target that freezes on its way to the wire, and looks there as the wire does."""

    def freeze(self, freeze):
        self._freeze = freeze
        return self

    async def submit(self, job):
        freeze, self._freeze = self._freeze, None
        if freeze is not None:
            await freeze()
        if job.not_after.left_s() <= 0:
            raise Unavailable("too late, it was not sent")
        return await super().submit(job)


@pytest.mark.parametrize(("taken_over", "outcome", "submits"), [(True, "stopped", 0), (False, "done", 1)])
def test_a_process_that_freezes_between_the_lease_and_the_wire_pays_only_under_its_own_lease(
    taken_over, outcome, submits
):
    platform, clock, ledger = Platform(), FastClock(), MemoryLedger()

    async def freeze():
        clock.time += 2e9
        if taken_over:
            await ledger.acquire("numbers", {"pid": 2}, clock.now(), 60.0)

    target = Wired(platform).freeze(freeze)
    report = applied(replace(work_on(ledger, [item("a")], target, clock=clock), ledger=ledger))
    assert (report.outcome, platform.asked["submit"]) == (outcome, submits)
    assert isinstance(report.error, LeaseLost) is taken_over
