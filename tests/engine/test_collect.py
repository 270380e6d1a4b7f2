"""Results in pieces, with failures in between: each item is counted and kept once."""

from dataclasses import replace

import pytest

from runner.ledger.memory import MemoryLedger
from runner.model.errors import Unavailable, UnreadableReply
from runner.model.item import Result
from runner.model.job import Capabilities, JobState, JobStatus
from runner.model.recipe import PollRhythm, RunOptions
from runner.templating import compile_template
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


class Told(FakeTarget):
    """Its job of three items gives, look by look, what it is told; the last one again and again."""

    def __init__(self, *looks, counters=None):
        counted = JobState(JobStatus.SUCCEEDED, "DONE", counters=counters or {})
        super().__init__(Platform(), state=lambda job: counted)
        self.looks = list(looks)

    async def results(self, job, state):
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(look, Exception):
            raise look
        yield look


GOOD = [Result("i0", 1), Result("i1", 2), Result("i2", 3)]
TORN = Result("(unknown)", error="line 2 is not JSON: '{'", is_unreadable=True)


def collected(*looks, **more):
    target, ledger = Told(*looks, **more), MemoryLedger()
    return applied(work_on(ledger, MANY[:3], target)), target


def test_a_file_that_appears_one_question_late_is_waited_for():
    report, target = collected([], GOOD)
    assert (report.counts, target.platform.asked["poll"]) == ({"succeeded": 3}, 2)


def test_fewer_results_than_the_platform_counts_are_asked_for_again():
    report, target = collected(GOOD[:2], GOOD, counters={"completed": 3, "tokens": 9000})
    assert (report.counts, target.platform.asked["poll"]) == ({"succeeded": 3}, 2)
    assert report.progress.items["succeeded"] == 3


def test_looking_for_late_results_has_an_end():
    report, target = collected([], counters={"completed": 3})
    assert (report.counts, target.platform.asked["poll"]) == ({"failed": 3}, 6)


def test_results_that_are_fewer_but_all_that_there_are_end_at_once():
    report, target = collected(GOOD[:2])
    assert (report.counts, target.platform.asked["poll"]) == ({"succeeded": 2, "failed": 1}, 1)


@pytest.mark.parametrize("error_first", [True, False])
def test_a_success_outweighs_an_error_of_the_same_item(error_first):
    error = [Result("i1", error="try again")]
    report, _ = collected([*error, *GOOD] if error_first else [*GOOD, *error])
    assert (report.counts, report.progress.failures) == ({"succeeded": 3}, [])
    assert any("'i1'" in note for note in report.progress.notes)


def test_one_unreadable_piece_fails_only_the_item_without_a_result():
    report, target = collected([*GOOD[:2], TORN])
    assert (report.counts, target.platform.asked["poll"]) == ({"succeeded": 2, "failed": 1}, 2)
    key, error = report.progress.failures[0]
    assert (key, "line 2 is not JSON" in error) == ("i2", True)


def test_an_unreadable_piece_that_is_whole_in_the_second_look_is_taken():
    report, _ = collected([*GOOD[:2], TORN], GOOD)
    assert (report.counts, report.progress.items["succeeded"]) == ({"succeeded": 3}, 3)


@pytest.mark.parametrize("look", [[TORN], UnreadableReply("line 2 is not JSON: '{'")])
def test_results_of_which_nothing_can_be_read_are_held_after_the_second_look(look):
    report, _ = collected(look)
    assert (report.outcome, report.counts) == ("held", {"held": 3})
    assert any("cannot be read: line 2 is not JSON" in note for note in report.progress.notes)


def test_answers_that_cannot_be_read_hold_the_job_in_the_end():
    def state(job):
        raise UnreadableReply("the reply has no status")

    report = applied(work_on(MemoryLedger(), MANY[:3], FakeTarget(Platform(), state=state)))
    assert (report.outcome, report.counts) == ("held", {"held": 3})


def test_a_price_told_for_the_job_is_in_its_rows_and_in_the_report():
    priced = JobState(JobStatus.SUCCEEDED, "DONE", cost=0.75)
    stores: dict[str, list] = {}
    target = FakeTarget(Platform(), state=lambda job: priced)
    record = {"cost": compile_template("{{ job.cost }}")}
    report = applied(work_on(MemoryLedger(), MANY[:3], target, stores, record=record))
    assert (report.progress.cost, [one.row for one in stores["rows"]]) == (0.75, [{"cost": 0.25}] * 3)
