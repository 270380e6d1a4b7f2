"""What is done about a job of which nobody knows whether it exists."""

import asyncio
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from runner.engine.key import job_key
from runner.engine.progress import Progress
from runner.engine.stop import Reason, Stop
from runner.ledger.memory import MemoryLedger
from runner.model.errors import Indeterminate, JobLost, LeaseLost, StopRun, Unavailable
from runner.model.event import JobIntended, JobReleased
from runner.model.job import Capabilities, Find, Job, JobStatus, Submitted
from runner.model.ledger import ItemStatus
from runner.model.recipe import Budget, PollRhythm, RunOptions
from runner.model.work_hash import WorkHash
from runner.platforms.turns import Turns
from runner.transport.limits import Limits, Rules
from tests.engine.world import (
    EXACT,
    SCOPE,
    FakeTarget,
    FastClock,
    FindingTarget,
    Forgetful,
    Platform,
    PreparingTarget,
    applied,
    item,
    lose_reply,
    work_on,
)

ITEMS = [item(f"i{number}") for number in range(6)]
ONCE = dict.fromkeys([each.key for each in ITEMS], 1)
KEYED = Capabilities(find=Find.KEY, max_items_per_job=10)


class Keyed(FakeTarget):
    """A platform that gives the first job back when a key comes again."""

    async def submit(self, job):
        self.platform.asked["submit"] += 1
        self._fault("before", job)
        known = [remote for remote, (key, _) in self.platform.jobs.items() if key == job.key]
        remote = known[0] if known else self.platform.accept(job)
        self._fault("after", job)
        return Submitted(remote)


class Late(FindingTarget):
    """A platform that shows a job only some time after it was accepted; `since` hides older ones, as listings do."""

    def __init__(self, *arguments, clock, lag_s=4.0, **more):
        super().__init__(*arguments, **more)
        self.clock, self.lag_s, self.seen = clock, lag_s, {}

    async def submit(self, job):
        try:
            return await super().submit(job)
        finally:
            self.seen.setdefault(job.key, self.clock.monotonic())

    async def find(self, job):
        self.platform.asked["find"] += 1
        for remote, (key, _) in self.platform.jobs.items():
            if key == job.key and self.clock.monotonic() >= self.seen[key] + self.lag_s:
                return Submitted(remote)
        return None


class Jumping(FastClock):
    """Wall time that somebody sets while the other clock runs on."""

    jump_s = 0.0

    def now(self):
        return self.time + self.jump_s


def lost(platform, capabilities=EXACT, times=1, moment="after", kind=FindingTarget, **more):
    return kind(platform, capabilities, lose_reply(moment, times), **more)


@pytest.mark.parametrize("jump_s", [-86_400.0, -3600.0, 3600.0, 86_400.0, 500_000_000.0])
def test_a_clock_that_jumps_makes_nobody_believe_that_a_job_is_not_there(jump_s):
    platform, clock = Platform(), Jumping()
    target = lost(platform, kind=Late, clock=clock)
    forward, target._fault = target._fault, None

    def fault(moment, job):
        clock.jump_s = jump_s
        forward(moment, job)

    target._fault = fault
    report = applied(work_on(MemoryLedger(), ITEMS, target, clock=clock))
    assert (report.outcome, platform.accepted) == ("done", ONCE)


def test_a_resumed_job_is_given_its_time_to_show_up():
    platform, clock, ledger = Platform(), Jumping(), MemoryLedger()
    target = lost(platform, kind=Late, clock=clock, lag_s=0.0)
    assert applied(work_on(ledger, ITEMS, target, clock=clock), wait_s=3.0).outcome == "pending"
    clock.jump_s, target.lag_s, target.seen = 86_400.0, 4.0, dict.fromkeys(target.seen, clock.monotonic())
    assert applied(work_on(ledger, ITEMS, target, clock=clock)).outcome == "done"
    assert platform.accepted == ONCE


def test_a_likely_job_is_named_and_held():
    platform = Platform()
    report = applied(work_on(MemoryLedger(), ITEMS, lost(platform, replace(EXACT, find=Find.PROBABLE))))
    assert (report.outcome, report.counts) == ("held", {"held": 3, "succeeded": 3})
    assert any("'r1'" in note for note in report.progress.notes)


def test_a_key_makes_sending_again_safe():
    platform = Platform()
    report = applied(work_on(MemoryLedger(), ITEMS, lost(platform, KEYED, 3, kind=Keyed)))
    assert (report.outcome, platform.accepted) == ("done", ONCE)


def test_a_reply_that_is_always_lost_is_not_asked_for_for_ever():
    platform, ledger = Platform(), MemoryLedger()
    for _ in range(2):
        report = applied(work_on(ledger, ITEMS[:3], lost(platform, KEYED, 10**6, kind=Keyed)))
        assert (report.outcome, platform.asked["submit"], sum(platform.accepted.values())) == ("held", 3, 3)


def test_a_key_that_the_platform_has_forgotten_is_not_used_again():
    platform, clock, ledger = Platform(), FastClock(), MemoryLedger()
    target = lost(platform, replace(KEYED, key_lifetime_s=3600.0), 10**6, kind=Keyed)
    assert applied(work_on(ledger, ITEMS[:3], target, clock=clock), wait_s=0.1).outcome == "pending"
    clock.time += 7200.0
    report = applied(work_on(ledger, ITEMS[:3], target, clock=clock))
    assert (report.outcome, sum(platform.accepted.values())) == ("held", 3)
    assert "forgotten" in next(iter(report.progress.notes))


def test_a_job_of_older_work_is_not_sent_again_with_newer_options():
    platform, ledger = Platform(), MemoryLedger()
    target = lost(platform, KEYED, 10**6, "before", kind=Keyed)
    applied(work_on(ledger, ITEMS[:3], target))
    changed = work_on(ledger, ITEMS[:3], Keyed(platform, KEYED), work="v" * 32)
    assert applied(changed).outcome == "done"
    assert [row.status for row in rows_of(ledger)] == ["held", "succeeded"]


def test_a_job_of_the_same_work_under_an_earlier_hash_is_sent_again_with_its_key():
    platform, ledger = Platform(), MemoryLedger()
    asyncio.run(intend(ledger, ITEMS[:3], sent=True))
    work = WorkHash("v" * 32, first="w" * 32)
    assert applied(work_on(ledger, ITEMS[:3], Keyed(platform, KEYED), work=work)).outcome == "done"
    assert [row.status for row in rows_of(ledger)] == ["succeeded"]
    assert [key for key, _ in platform.jobs.values()] == [job_key(SCOPE, "w" * 32, 1, ITEMS[:3])]


def test_a_job_that_was_just_accepted_may_be_unknown_to_poll():
    platform, missing = Platform(), [3]
    target = FindingTarget(platform, EXACT)
    poll = target.poll

    async def early(job):
        missing[0] -= 1
        if missing[0] >= 0:
            raise JobLost("404")
        return await poll(job)

    target.poll = early
    assert applied(work_on(MemoryLedger(), ITEMS, target)).outcome == "done"


@pytest.mark.parametrize("kind", [FindingTarget, Keyed])
def test_a_ledger_that_went_back_in_time_adopts_what_the_platform_has(kind):
    platform, capabilities = Platform(), EXACT if kind is FindingTarget else KEYED
    applied(work_on(MemoryLedger(), ITEMS[:3], kind(platform, capabilities)))
    ledger = Forgetful(MemoryLedger())
    report = applied(work_on(ledger, ITEMS, kind(platform, capabilities)))
    assert (report.outcome, platform.accepted, ledger.why) == ("done", ONCE, "")
    assert "went back in time" in next(iter(report.progress.notes))


def test_a_lost_ledger_finds_the_jobs_of_an_earlier_hash_too():
    platform = Platform()
    applied(work_on(MemoryLedger(), ITEMS[:3], FindingTarget(platform, EXACT), work="w" * 32))
    ledger, work = Forgetful(MemoryLedger()), WorkHash("v" * 32, first="w" * 32)
    report = applied(work_on(ledger, ITEMS, FindingTarget(platform, EXACT), work=work))
    assert (report.outcome, platform.accepted) == ("done", ONCE)
    assert report.progress.jobs["remembered"] == 1


@pytest.mark.parametrize(
    "capabilities",
    [Capabilities(max_items_per_job=10), replace(KEYED, key_lifetime_s=9.0), replace(EXACT, find=Find.PROBABLE)],
)
def test_a_ledger_that_went_back_in_time_begins_nothing_anew_in_silence(capabilities):
    platform = Platform()
    applied(work_on(MemoryLedger(), ITEMS, FakeTarget(platform, capabilities)))
    report = applied(work_on(Forgetful(MemoryLedger()), ITEMS, FakeTarget(platform, capabilities)))
    assert (report.outcome, platform.accepted, report.counts) == ("held", ONCE, {"held": 6})


@pytest.mark.parametrize(("age_s", "outcome"), [(60.0, "done"), (80_000.0, "done"), (83_000.0, "held"), (-9e9, "held")])
def test_a_key_that_every_forgotten_job_still_has_is_sent_again(age_s, outcome):
    """The platform remembers keys for a day; the last write that the ledger still has is so old."""
    platform, clock, capabilities = Platform(), FastClock(), replace(KEYED, key_lifetime_s=86_400.0)
    applied(work_on(MemoryLedger(), ITEMS[:3], Keyed(platform, capabilities), clock=clock))
    ledger = Forgetful(MemoryLedger(), clock.now() - age_s)
    report = applied(work_on(ledger, ITEMS, Keyed(platform, capabilities), clock=clock))
    assert (report.outcome, platform.accepted) == (outcome, ONCE if outcome == "done" else {"i0": 1, "i1": 1, "i2": 1})


def test_what_was_not_looked_for_is_looked_for_by_the_next_apply():
    platform, ledger = Platform(), Forgetful(MemoryLedger())
    target = FindingTarget(platform, EXACT, lambda moment, job: fail_find(moment))
    assert applied(work_on(ledger, ITEMS, target)).outcome == "pending"
    assert (platform.asked["submit"], ledger.why != "") == (0, True)


def fail_find(moment):
    if moment == "find":
        raise Indeterminate("a time-out")


def test_a_process_that_slept_past_its_lease_pays_nothing():
    platform, clock, ledger = Platform(), FastClock(), MemoryLedger()
    work = work_on(ledger, ITEMS[:3], FakeTarget(platform), clock=clock)

    class Overtaking:
        """The intent is written; then the process sleeps, and another one takes over."""

        def __getattr__(self, name):
            return getattr(ledger, name)

        async def record(self, scope, lease, events):
            await ledger.record(scope, lease, events)
            if any(isinstance(event, JobIntended) for event in events):
                clock.time += 2e9
                await ledger.acquire("numbers", {"pid": 2}, clock.now(), 60.0)

    report = applied(replace(work, ledger=Overtaking()))
    assert (report.outcome, isinstance(report.error, LeaseLost), platform.asked["submit"]) == ("stopped", True, 0)


def rows_of(ledger):
    async def read():
        return [row async for row in ledger.jobs(SCOPE)]

    return asyncio.run(read())


def test_a_released_job_keeps_its_key():
    platform, ledger = Platform(), MemoryLedger()
    options = RunOptions(items_per_job=3, poll=PollRhythm(1.0, 2.0, 10.0))
    assert applied(work_on(ledger, ITEMS, lost(platform, EXACT, 2, "before"), run=options)).outcome == "done"
    assert [(row.attempt, row.status) for row in rows_of(ledger)] == [(1, "succeeded")] * 2
    assert asyncio.run(ledger.counts(SCOPE)) == {ItemStatus.SUCCEEDED: 6}


def test_a_job_that_is_just_being_released_is_not_sent_beside_itself():
    platform, memory = Platform(), MemoryLedger()
    asyncio.run(intend(memory, ITEMS[:3]))

    class Slow:
        """It takes a while until the writer hears that its write is durable."""

        def __getattr__(self, name):
            return getattr(memory, name)

        async def record(self, scope, lease, events):
            if not isinstance(events[0], JobReleased):
                await turns(90)
            await memory.record(scope, lease, events)
            await turns(50)

        async def select(self, *arguments):
            await turns(5)
            return await memory.select(*arguments)

    report = applied(work_on(Slow(), ITEMS[:3], FindingTarget(platform, EXACT)))
    assert (report.outcome, platform.accepted, report.error) == ("done", {"i0": 1, "i1": 1, "i2": 1}, None)


async def intend(ledger, items, *, sent=False):
    """Leave a job behind that was never sent, or whose reply nobody read."""
    lease = await ledger.acquire("numbers", {}, 0.0, 1.0)
    standings = await ledger.select(SCOPE, lease, "w" * 32, 0, items)
    key = job_key(SCOPE, "w" * 32, 1, items)
    await ledger.record(SCOPE, lease, [JobIntended(key, 1, [one.id for one in standings], 1.0, sent=sent)])


async def turns(number):
    for _ in range(number):
        await asyncio.sleep(0)


def test_what_is_lost_again_and_again_and_surely_not_there_fails_with_the_reason():
    platform, ledger = Platform(), MemoryLedger()
    target = FindingTarget(platform, EXACT, fault=lose_reply("before", 10_000))
    for _ in range(2):
        report = applied(work_on(ledger, ITEMS, target))
        assert (report.outcome, report.counts, platform.asked["submit"]) == ("failed_items", {"failed": 6}, 6)
    assert "sent 3 times" in failures(ledger)
    assert "the connection was closed without a reply" in failures(ledger)


def failures(ledger):
    async def read():
        return [outcome.error async for batch in ledger.outcomes(SCOPE) for outcome in batch]

    return " ".join(asyncio.run(read()))


def test_lost_replies_are_counted_over_applies():
    platform, ledger = Platform(), MemoryLedger()
    for _ in range(6):  # each apply ends with the first request that it sends
        stop = Stop()

        def lost_and_stopped(moment, job, stop=stop):
            if moment == "before":
                stop.ask(Reason.WAIT)
                raise Indeterminate("no reply")

        report = applied(work_on(ledger, ITEMS[:3], FindingTarget(platform, EXACT, fault=lost_and_stopped)), stop)
    assert (report.counts, platform.asked["submit"]) == ({"failed": 3}, 3)


@pytest.mark.parametrize(("limit", "sent"), [(1, 1), (5, 5)])
def test_a_recipe_says_how_often_the_same_failure_may_come(limit, sent):
    platform = Platform()
    run = RunOptions(items_per_job=3, same_failure_limit=limit)
    target = FindingTarget(platform, EXACT, fault=lose_reply("before", 10_000))
    applied(work_on(MemoryLedger(), ITEMS[:3], target, run=run))
    assert platform.asked["submit"] == sent


def test_a_budget_counts_requests_that_no_reply_proves_unpaid():
    platform = Platform()
    run = RunOptions(items_per_job=3, budget=Budget(items=6))
    target = FindingTarget(platform, EXACT, fault=lose_reply("before", 10_000))
    report = applied(work_on(MemoryLedger(), ITEMS[:3], target, run=run))
    assert (report.outcome, platform.asked["submit"]) == ("budget", 2)


def test_a_2xx_whose_reply_was_lost_is_not_disproved_by_a_listing():
    def torn(moment, job):
        if moment == "before":
            raise Indeterminate("201, and then the connection broke", status=201)

    platform, ledger = Platform(), MemoryLedger()
    for wait_s in (0.5, None):  # also when another apply goes on with it
        report = applied(work_on(ledger, ITEMS[:3], FindingTarget(platform, EXACT, fault=torn)), wait_s=wait_s)
    assert (report.outcome, report.counts, platform.asked["submit"]) == ("held", {"held": 3}, 1)


def test_of_very_many_different_notes_the_last_are_only_counted():
    progress = Progress()
    for number in range(1000):
        progress.note(f"note {number}")
    assert (len(progress.notes), sum(progress.notes.values())) == (101, 1000)


class Places:
    """Two places for paying requests, as `Turns`."""

    def __init__(self):
        self.free, self.taken = asyncio.Semaphore(2), set()

    def entered(self, job):
        return False

    async def enter(self, job):
        await self.free.acquire()
        self.taken.add(job.key)

    def leave(self, job):
        if job.key in self.taken:
            self.taken.remove(job.key)
            self.free.release()


@pytest.mark.parametrize("kind", [FakeTarget, PreparingTarget])
def test_what_only_waits_for_its_turn_is_not_in_doubt_when_the_apply_is_cut_off(kind):
    platform, ledger, stop, both = Platform(), MemoryLedger(), Stop(), asyncio.Event()
    target = kind(platform, Capabilities(max_items_per_job=1))
    target.turns = Places()

    async def submit(job):
        assert job.key in target.turns.taken
        platform.accept(job)
        if len(platform.jobs) == 2:
            stop.ask(Reason.INTERRUPTED)
            both.set()
        await both.wait()
        raise asyncio.CancelledError

    target.submit = submit
    applied(work_on(ledger, ITEMS, target, run=RunOptions(items_per_job=1)), stop)
    assert asyncio.run(sent_in(ledger)) == [JobStatus.SENT, JobStatus.SENT]
    assert (len(platform.jobs), target.turns.taken) == (2, set())


async def sent_in(ledger):
    return [row.status async for row in ledger.jobs(SCOPE) if row.sent_at is not None]


def test_a_place_is_given_back_whatever_became_of_the_request():
    platform: Any = Platform()
    target: Any = FakeTarget(Platform(), EXACT, fault=lose_reply("after", 2))
    target.turns = Places()
    applied(work_on(MemoryLedger(), ITEMS, target))
    assert (target.turns.taken, target.turns.free._value, platform.jobs) == (set(), 2, {})


def test_a_platform_that_is_given_up_while_jobs_wait_leaves_them_new():
    target: Any = FakeTarget(Platform(), EXACT)
    target.turns = Places()

    async def enter(job):
        raise StopRun("down")

    target.turns.enter = enter
    report = applied(work_on(MemoryLedger(), ITEMS, target))
    assert (report.outcome, report.counts) == ("stopped", {"new": 6})


def test_a_prepared_job_that_is_sent_again_takes_one_place():
    def busy(moment, job):
        if moment == "before" and left:
            left.pop()
            raise Unavailable("slow down", retry_after_s=1.0)

    left = [1] * 5
    target: Any = PreparingTarget(Platform(), Capabilities(max_items_per_job=1), fault=busy)
    target.turns = Turns(Limits(Rules(concurrency=1), FastClock(), Random(1)))
    work = work_on(MemoryLedger(), ITEMS, target, run=RunOptions(items_per_job=1))
    assert applied(work).outcome == "done"
    assert target.turns.entered(Job("other", 1, ()))
