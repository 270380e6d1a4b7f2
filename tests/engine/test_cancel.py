"""Jobs that are ended early, by hand or by their time limit."""

from runner.ledger.memory import MemoryLedger
from runner.model.errors import Refused, Unavailable
from runner.model.job import JobState, JobStatus
from runner.model.recipe import PollRhythm, RunOptions
from tests.engine.world import EXACT, FakeTarget, FindingTarget, Platform, applied, item, lose_reply, work_on

ITEMS = [item(f"i{number}") for number in range(6)]
QUICK = RunOptions(items_per_job=3, poll=PollRhythm(1.0, 2.0, 10.0), timeout_s=30.0)
RUNNING = JobState(JobStatus.RUNNING, "RUNNING")


class Slow(FindingTarget):
    """Jobs run until they are cancelled; `stubborn` ones still run then."""

    def __init__(self, platform, *, stubborn=False, refuses=False, partial=0, **more):
        super().__init__(platform, EXACT, state=self.state, **more)
        self.cancelled, self.stubborn, self.refuses, self.partial = set(), stubborn, refuses, partial

    def state(self, job):
        is_over = job.id in self.cancelled and not self.stubborn
        return JobState(JobStatus.CANCELLED, "CANCELLED") if is_over else RUNNING

    async def cancel(self, job):
        self.platform.asked["cancel"] += 1
        if self.refuses:
            raise Refused("too late")
        self.cancelled.add(job.id)

    async def results(self, job, state):
        async for batch in super().results(job, state):
            if self.partial:
                self.partial -= 1
                yield batch


def begun(target, ledger):
    assert applied(work_on(ledger, ITEMS, target), wait_s=5.0).outcome == "pending"


def test_cancel_ends_what_runs_and_submits_nothing():
    platform, ledger = Platform(), MemoryLedger()
    target = Slow(platform)
    begun(target, ledger)
    report = applied(work_on(ledger, [*ITEMS, item("new")], target), cancels=True)
    assert (report.outcome, report.counts) == ("cancelled", {"failed": 6})
    assert (platform.asked["cancel"], "new" in platform.accepted) == (2, False)
    assert report.progress.failures[0] == ("i0", "cancelled by hand")


def test_what_a_cancelled_job_brought_is_kept():
    platform, ledger = Platform(), MemoryLedger()
    begun(target := Slow(platform, partial=1), ledger)
    assert applied(work_on(ledger, ITEMS, target), cancels=True).counts == {"succeeded": 1, "failed": 5}


def test_cancel_looks_for_lost_jobs_first():
    platform, ledger = Platform(), MemoryLedger()
    target = Slow(platform, fault=lose_reply("after", 2))
    assert applied(work_on(ledger, ITEMS, target), wait_s=2.0).outcome == "pending"
    assert applied(work_on(ledger, ITEMS, target), cancels=True).outcome == "cancelled"
    assert len(target.cancelled) == 2


def test_what_cannot_be_cancelled_is_said_and_goes_on():
    platform, ledger = Platform(), MemoryLedger()
    target = FakeTarget(platform, state=lambda job: RUNNING)
    begun(target, ledger)
    report = applied(work_on(ledger, ITEMS, target), cancels=True)
    assert (report.outcome, report.counts) == ("pending", {"in_job": 6})
    assert any("cannot cancel" in note for note in report.progress.notes)


def test_a_job_that_has_ended_meanwhile_is_collected():
    platform, ledger = Platform(), MemoryLedger()
    begun(Slow(platform), ledger)
    report = applied(work_on(ledger, ITEMS, FakeTarget(platform)), cancels=True)
    assert (report.outcome, report.counts) == ("cancelled", {"succeeded": 6})


def test_a_job_that_was_cancelled_but_runs_on_stays_in_flight():
    platform, ledger = Platform(), MemoryLedger()
    begun(target := Slow(platform, stubborn=True), ledger)
    report = applied(work_on(ledger, ITEMS, target), cancels=True)
    assert (report.outcome, report.counts) == ("pending", {"in_job": 6})


def test_a_time_limit_cancels_and_waits_for_the_end():
    platform = Platform()
    report = applied(work_on(MemoryLedger(), ITEMS, Slow(platform, partial=2), run=QUICK))
    assert (report.counts, platform.asked["cancel"]) == ({"succeeded": 2, "failed": 4}, 2)
    assert report.progress.failures[0][1] == "not finished within 30 s; cancelled"


def test_a_time_limit_holds_a_job_that_does_not_want_to():
    report = applied(work_on(MemoryLedger(), ITEMS, Slow(Platform(), stubborn=True), run=QUICK))
    assert (report.outcome, "has not confirmed" in "".join(report.progress.notes)) == ("held", True)
    refused = applied(work_on(MemoryLedger(), ITEMS, Slow(Platform(), refuses=True), run=QUICK))
    assert "cancelling failed: too late" in "".join(refused.progress.notes)


def test_a_time_limit_ends_a_job_whose_questions_are_not_answered():
    platform = Platform()

    def state(job):
        raise Unavailable("no reply in time")

    report = applied(work_on(MemoryLedger(), ITEMS, FakeTarget(platform, state=state), run=QUICK))
    assert (report.outcome, report.counts) == ("held", {"held": 6})


def test_a_held_job_is_ended_by_cancel():
    platform, ledger = Platform(), MemoryLedger()
    target = Slow(platform, stubborn=True)
    assert applied(work_on(ledger, ITEMS, target, run=QUICK)).outcome == "held"
    target.stubborn = False
    report = applied(work_on(ledger, ITEMS, target), cancels=True)
    assert (report.outcome, report.counts) == ("cancelled", {"failed": 6})
