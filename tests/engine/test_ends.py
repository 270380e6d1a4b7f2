"""Whatever a platform does, every item ends as succeeded, failed or held, soon; what was paid stays in sight."""

from itertools import count

import pytest

from runner.ledger.memory import MemoryLedger
from runner.model.errors import JobLost, Refused, Unavailable, UnreadableReply
from runner.model.item import Result
from runner.model.job import JobState, JobStatus
from runner.model.recipe import PollRhythm, RunOptions
from tests.engine.world import FakeTarget, FastClock, NoneFailed, Platform, applied, item, work_on

ITEMS = [item(f"i{number}") for number in range(6)]
DONE = JobState(JobStatus.SUCCEEDED, "DONE")
DAYS = count(1_000_000.0, 86_400.0)


class Odd(FakeTarget):
    """A platform that answers each question, and gives each result, as it is told; or as it should when healed."""

    def __init__(self, platform, state=DONE, results=None):
        super().__init__(platform, state=self.state)
        self.said, self.given, self.is_healed = state, results, False

    def state(self, job):
        said = DONE if self.is_healed else self.said
        if isinstance(said, Exception):
            raise said
        return said

    async def results(self, job, state):
        if self.is_healed or self.given is None:
            async for batch in super().results(job, state):
                yield batch
            return
        keys = self.platform.jobs[job.id][1]
        for given in self.given:
            if isinstance(given, Exception):
                raise given
            yield [given(keys[0])]


class Cancellable(Odd):
    async def cancel(self, job):
        raise Refused("too late")


def torn(key):
    return Result("(unknown)", error="line 1 is not JSON", is_unreadable=True)


ODDITIES = [
    (JobState(JobStatus.RUNNING, ""), None),
    (JobState(JobStatus.RUNNING, "", poll_after_s=1e9), None),
    (JobState(JobStatus.HELD, "SETTLING"), None),
    (JobState(JobStatus.FAILED, "FAILED", error="no"), None),
    (Unavailable("no reply in time"), None),
    (Unavailable("later", retry_after_s=1e9), None),
    (UnreadableReply("no status"), None),
    (JobLost("404"), None),
    (Refused("400"), None),
    (DONE, []),
    (DONE, [JobLost("404")]),
    (DONE, [Refused("400")]),
    (DONE, [UnreadableReply("a gzip file")]),
    (DONE, [torn]),
    (DONE, [lambda key: Result(key, 1), torn]),
    (DONE, [lambda key: Result(key, error="blurred"), lambda key: Result(key, 1)]),
    (JobState(JobStatus.PARTIAL, "HALF"), [lambda key: Result(key, 1)]),
]


def run(ledger, target, **more):
    options = RunOptions(items_per_job=3, poll=PollRhythm(1.0, 2.0, 10.0), timeout_s=30.0)
    checks = more.pop("checks", ())
    work = work_on(ledger, ITEMS, target, clock=FastClock(next(DAYS)), run=options, checks=checks)
    return applied(work, **more)


@pytest.mark.parametrize(("state", "results"), ODDITIES)
@pytest.mark.parametrize("kind", [Odd, Cancellable])
def test_every_item_ends_in_one_way_and_nothing_is_paid_twice(kind, state, results):
    platform, ledger = Platform(), MemoryLedger()
    target = kind(platform, state, results)
    reports = [run(ledger, target) for _ in range(3)]
    ended = reports[-1].counts
    assert (sum(ended.values()), set(ended) <= {"succeeded", "failed", "held"}) == (6, True), ended
    assert reports[1].counts == ended
    target.is_healed = True
    assert run(ledger, target).counts.get("held", 0) == 0
    assert max(platform.accepted.values()) == 1


@pytest.mark.parametrize(("state", "results"), ODDITIES)
def test_a_check_that_fails_hides_no_held_job(state, results):
    platform, ledger = Platform(), MemoryLedger()
    target = Odd(platform, state, results)
    for _ in range(3):
        report = run(ledger, target, checks=[NoneFailed])
    assert report.outcome in ("done", "check_failed", "held")
    jobs = {"succeeded": 0, "failed": 0, "held": 0} | dict(report.counts)
    assert (report.outcome == "held") == bool(jobs["held"])


def test_a_hint_to_come_back_in_300_years_is_bounded_by_the_longest_pause():
    platform, clock = Platform(), FastClock()
    asked = []

    def state(job):
        asked.append(clock.time)
        return DONE if len(asked) > 1 else JobState(JobStatus.RUNNING, "", poll_after_s=1e10)

    target = FakeTarget(platform, state=state)
    options = RunOptions(items_per_job=10, timeout_s=None, max_pause_s=300.0)
    assert applied(work_on(MemoryLedger(), ITEMS, target, clock=clock, run=options)).outcome == "done"
    assert 290.0 < asked[1] - asked[0] < 310.0


@pytest.mark.parametrize(("state", "results"), ODDITIES)
def test_cancel_leaves_every_item_where_it_can_be_found(state, results):
    platform, ledger = Platform(), MemoryLedger()
    target = Odd(platform, state, results)
    run(ledger, target)
    for _ in range(2):
        run(ledger, target, cancels=True)
    target.is_healed = True
    ended = run(ledger, target).counts
    assert (sum(ended.values()), set(ended) <= {"succeeded", "failed"}) == (6, True), ended
    assert max(platform.accepted.values()) == 1
