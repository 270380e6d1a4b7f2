"""Results in pieces, with failures in between: each item is counted and kept once."""

from dataclasses import replace

from runner.ledger.memory import MemoryLedger
from runner.model.errors import Unavailable
from runner.model.item import Result
from runner.model.job import Capabilities, JobState, JobStatus
from runner.model.recipe import PollRhythm, RunOptions
from tests.engine.world import FakeTarget, Platform, applied, item, work_on

MANY = [item(f"i{number}") for number in range(2500)]
ONE_JOB = RunOptions(items_per_job=10_000, poll=PollRhythm(1.0, 2.0, 10.0))


class Breaking(FakeTarget):
    """The connection breaks after some results, the first times."""

    def __init__(self, platform, breaks):
        super().__init__(platform, Capabilities(max_items_per_job=None))
        self.breaks = breaks

    async def results(self, job, state):
        sent = 0
        async for batch in super().results(job, state):
            yield batch
            sent += 1
            if self.breaks and sent == 2200:
                self.breaks -= 1
                raise Unavailable("the connection broke")


def test_pieces_that_come_twice_are_counted_once():
    report = applied(work_on(MemoryLedger(), MANY, Breaking(Platform(), 2), run=ONE_JOB))
    assert (report.outcome, report.counts) == ("done", {"succeeded": 2500})
    assert report.progress.items["succeeded"] == 2500


def test_failed_items_of_pieces_are_counted_once():
    target = Breaking(Platform(), 1)
    target._fails = lambda key: "blurred" if key == "i7" else ""
    report = applied(work_on(MemoryLedger(), MANY, target, run=ONE_JOB))
    assert (report.counts, report.progress.failures) == ({"succeeded": 2499, "failed": 1}, [("i7", "blurred")])


def test_doubles_and_strangers_are_dropped_and_told():
    class Odd(FakeTarget):
        async def results(self, job, state):
            yield [Result("nobody", 1), Result("i0", {"a": 1}), Result("i0", {"a": 2}), Result("i1", {"a": 3})]

    report = applied(work_on(MemoryLedger(), MANY[:3], Odd(Platform())))
    assert report.counts == {"succeeded": 2, "failed": 1}
    assert report.progress.failures == [("i2", "no result: the job ended without one for this item")]
    assert len(report.progress.notes) == 2


class AtOnce(FakeTarget):
    """A job is done in the reply to its submit; where its results are is kept from that reply."""

    async def submit(self, job):
        submitted = await super().submit(job)
        return replace(submitted, state=JobState(JobStatus.SUCCEEDED, "DONE", kept={"url": f"/{submitted.id}"}))

    async def results(self, job, state):
        assert job.kept["url"] == f"/{job.id}"
        async for batch in super().results(job, state):
            yield batch


def test_what_the_first_reply_kept_is_there_for_the_results():
    ledger = MemoryLedger()
    assert applied(work_on(ledger, MANY[:6], AtOnce(Platform()))).counts == {"succeeded": 6}
