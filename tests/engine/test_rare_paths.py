"""What happens on paths that hardly any apply takes: many jobs asked at once, doubtful jobs sent again, odd results."""

import asyncio
from dataclasses import replace

import pytest

from runner.engine.lease import HeldLease
from runner.engine.plan import safety
from runner.engine.progress import Progress
from runner.engine.record import record_shape
from runner.engine.retry_request import RetryRequest
from runner.engine.run import ApplyOptions, apply_stage
from runner.engine.saved import moved, stage_document
from runner.engine.stop import Reason, Stop
from runner.engine.survey import survey
from runner.ledger.memory import MemoryLedger
from runner.model.errors import (
    Indeterminate,
    Interrupted,
    JobLost,
    Refused,
    StopRun,
    Unavailable,
    UnexpectedReply,
)
from runner.model.item import Result
from runner.model.job import Capabilities, Find, JobState, JobStatus
from runner.model.recipe import PollRhythm, RunOptions
from runner.model.repeat import report_retry
from runner.templating import compile_template
from tests.engine.world import (
    EXACT,
    FakeTarget,
    Platform,
    PreparingTarget,
    applied,
    item,
    lose_reply,
    refuse_connection,
    work_on,
)

ITEMS = [item(f"i{number}") for number in range(6)]
RUNNING = JobState(JobStatus.RUNNING, "RUNNING")
DONE = JobState(JobStatus.SUCCEEDED, "DONE")
KEYED = Capabilities(find=Find.KEY, max_items_per_job=10)
LATER = RunOptions(items_per_job=3, poll=PollRhythm(1.0, 2.0, 10.0), timeout_s=30.0)


# -- many jobs asked at once


class Together(FakeTarget):
    """Tells about many jobs at once; `answers` are taken in turn, the last one for ever."""

    def __init__(self, answers, **more):
        super().__init__(Platform(), **more)
        self.answers = list(answers)

    async def poll_many(self, jobs):
        self.platform.asked["many"] += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return {job.key: answer for job in jobs} if answer is not None else {}


def test_jobs_that_many_say_nothing_about_are_asked_alone():
    target = Together([None])
    assert applied(work_on(MemoryLedger(), ITEMS, target)).counts == {"succeeded": 6}
    assert target.platform.asked["poll"] == 2


def test_a_question_about_many_is_asked_again_when_it_is_not_answered():
    target = Together([Unavailable("down"), RUNNING, DONE])
    report = applied(work_on(MemoryLedger(), ITEMS, target))
    assert (report.counts, target.platform.asked["poll"]) == ({"succeeded": 6}, 0)


def test_a_refused_login_ends_the_apply_and_leaves_the_jobs_running():
    ledger = MemoryLedger()
    report = applied(work_on(ledger, ITEMS, Together([StopRun("login refused")])))
    assert (report.outcome, report.counts) == ("stopped", {"in_job": 6})
    assert applied(work_on(ledger, ITEMS, target := Together([DONE]))).outcome in ("done", "held", "pending")
    assert target.platform.asked["submit"] == 0


def test_an_odd_error_about_many_delays_one_of_them_only():
    ledger, target = MemoryLedger(), Together([ValueError("odd"), DONE])
    assert applied(work_on(ledger, ITEMS, target)).counts == {"succeeded": 3, "in_job": 3}
    assert applied(work_on(ledger, ITEMS, target)).counts == {"succeeded": 6}
    assert target.platform.asked["submit"] == 2


def test_a_refused_login_while_one_job_is_asked_ends_the_apply():
    def refuse(job):
        raise StopRun("login refused")

    report = applied(work_on(MemoryLedger(), ITEMS, FakeTarget(Platform(), state=refuse)))
    assert (report.outcome, report.counts) == ("stopped", {"in_job": 6})


def test_a_job_that_the_platform_does_not_show_yet_is_asked_again():
    left = [3]

    def state(job):
        left[0] -= 1
        if left[0] >= 0:
            raise JobLost("not yet")
        return DONE

    report = applied(work_on(MemoryLedger(), ITEMS[:1], FakeTarget(Platform(), EXACT, state=state)))
    assert report.counts == {"succeeded": 1}


def test_a_job_that_is_gone_is_held():
    def state(job):
        raise JobLost("never heard of")

    report = applied(work_on(MemoryLedger(), ITEMS[:1], FakeTarget(Platform(), state=state)))
    assert (report.outcome, report.counts) == ("held", {"held": 1})


# -- a doubtful job that is sent again


class SentAgain(FakeTarget):
    """Loses the first reply; the same request again, under the same key, ends so."""

    def __init__(self, error):
        self.error, self.sent = error, 0
        super().__init__(Platform(), KEYED)

    async def submit(self, job):
        self.sent += 1
        if self.sent == 1:
            raise Indeterminate("the connection was closed without a reply")
        raise self.error


@pytest.mark.parametrize("error", [Refused("no such app", status=404), UnexpectedReply("the reply has no id")])
def test_what_a_doubtful_job_meets_when_it_is_sent_again_proves_nothing(error):
    report = applied(work_on(MemoryLedger(), ITEMS[:1], SentAgain(error)))
    assert report.counts == {"held": 1}


@pytest.mark.parametrize("error", [StopRun("login refused"), Unavailable("down")])
def test_a_doubtful_job_stays_doubtful_when_it_cannot_be_sent_again(error):
    ledger = MemoryLedger()
    report = applied(work_on(ledger, ITEMS[:1], SentAgain(error), run=LATER))
    assert (report.counts, report.outcome in ("stopped", "pending")) == ({"in_job": 1}, True)
    assert [row.status for row in jobs(ledger)] == [JobStatus.UNKNOWN]


def jobs(ledger):
    async def listed():
        return [row for scope in await ledger.scopes() async for row in ledger.jobs(scope)]

    return asyncio.run(listed())


# -- before anything paid is sent


class Unprepared(PreparingTarget):
    error: Exception

    async def prepare(self, job):
        raise self.error


@pytest.mark.parametrize("error", [UnexpectedReply("the reply has no id"), ValueError("odd")])
def test_what_fails_before_the_paying_request_leaves_the_items_new(error):
    target = Unprepared(Platform(), EXACT)
    target.error = error
    report = applied(work_on(MemoryLedger(), ITEMS[:2], target))
    assert (report.counts, target.platform.asked["submit"]) == ({"new": 2}, 0)


# -- results


class Odd(FakeTarget):
    """Gives these results for its only job."""

    def __init__(self, *given):
        super().__init__(Platform())
        self.given = given

    async def results(self, job, state):
        for one in self.given:
            if isinstance(one, Exception):
                raise one
            yield [one]


def test_two_errors_of_one_item_are_one_failure():
    target = Odd(Result("i0", None, "first"), Result("i0", None, "second"), Result("i1", {"upper": "I1"}))
    assert applied(work_on(MemoryLedger(), ITEMS[:2], target)).counts == {"failed": 1, "succeeded": 1}


def test_a_refused_login_while_results_are_read_ends_the_apply_and_loses_nothing():
    ledger, target = MemoryLedger(), Odd(Result("i0", {"upper": "I0"}), StopRun("login refused"))
    assert applied(work_on(ledger, ITEMS[:1], target)).outcome == "stopped"
    target.given = (Result("i0", {"upper": "I0"}),)
    assert applied(work_on(ledger, ITEMS[:1], target)).counts == {"succeeded": 1}
    assert target.platform.asked["submit"] == 1


# -- what a person asks for


def test_a_job_that_runs_is_given_up_and_its_items_are_sent_again():
    platform, ledger = Platform(), MemoryLedger()
    applied(work_on(ledger, ITEMS[:1], FakeTarget(platform, state=lambda job: RUNNING), run=LATER), wait_s=5.0)
    (row,) = jobs(ledger)
    request = RetryRequest(keys=["i0"], abandoned=[row.job])
    report = applied(work_on(ledger, ITEMS[:1], FakeTarget(platform)), again=request)
    assert (report.counts, platform.asked["submit"]) == ({"succeeded": 1}, 2)
    assert any("its items may be paid twice" in note for note in report.progress.notes)


def test_a_job_that_is_settled_is_not_given_up():
    platform, ledger = Platform(), MemoryLedger()
    applied(work_on(ledger, ITEMS[:1], FakeTarget(platform)))
    request = RetryRequest(keys=["i0"], abandoned=[jobs(ledger)[0].job])
    assert applied(work_on(ledger, ITEMS[:1], FakeTarget(platform)), again=request).counts == {"succeeded": 1}
    assert platform.asked["submit"] == 1


# -- a record may hold lists and objects


def test_expressions_in_lists_and_objects_of_a_record_are_evaluated():
    stores: dict = {}
    key, word = compile_template("{{ job.item }}"), compile_template("{{ result.upper }}")
    record = {"all": [key, {"word": word}, 7], "one": {"of": [word]}}
    assert applied(work_on(MemoryLedger(), ITEMS[:1], FakeTarget(Platform()), stores, record=record)).outcome == "done"
    assert stores["rows"][0].row == {"all": ["i0", {"word": "I0"}, 7], "one": {"of": ["I0"]}}


def test_the_shape_of_a_record_counts_what_is_in_its_lists_and_objects():
    plain = {"a": [compile_template("{{ item.x }}")], "b": {"c": 1}}
    shapes = {
        record_shape(plain),
        record_shape({**plain, "a": [compile_template("{{ item.y }}")]}),
        record_shape({**plain, "b": {"c": 2}}),
    }
    assert (len(shapes), record_shape(plain) == record_shape(dict(plain))) == (3, True)


# -- stopping


def test_a_stop_of_all_reaches_those_that_begin_later():
    stop = Stop()
    early = stop.child()
    stop.ask(Reason.INTERRUPTED)
    stop.ask(Reason.ERROR, StopRun("too late"))
    late = stop.child()
    assert [one.reason for one in (stop, early, late)] == [Reason.INTERRUPTED] * 3
    assert late.everything


def test_work_is_cut_off_when_everything_ends():
    async def cut():
        stop = Stop()
        asyncio.get_running_loop().call_soon(stop.ask, Reason.INTERRUPTED)
        await stop.unless(asyncio.Event().wait())

    with pytest.raises(Interrupted):
        asyncio.run(cut())


# -- what is tried again is told


def test_why_jobs_wait_is_known_when_the_apply_ends_before_they_succeed():
    target = FakeTarget(Platform(), fault=refuse_connection(1000))
    report = applied(work_on(MemoryLedger(), ITEMS, target, run=LATER), wait_s=2.5)
    assert (report.outcome, report.progress.repeated()) == ("pending", [("connection refused", 2)])


def test_what_went_well_in_the_end_is_no_longer_tried_again():
    report = applied(work_on(MemoryLedger(), ITEMS, FakeTarget(Platform(), fault=refuse_connection(3)), run=LATER))
    assert (report.outcome, report.progress.repeated()) == ("done", [])


class Telling(FakeTarget):
    """Repeats a question about a job by itself, as the transport does."""

    async def poll(self, job):
        report_retry("certificate verify failed")
        return await super().poll(job)


def test_what_a_connection_repeats_is_told_of_the_job():
    seen = []

    def state(job):
        seen.append(dict(report.repeats))
        return DONE

    report = Progress()
    target = Telling(Platform(), state=state)

    async def apply():
        work = work_on(ledger := MemoryLedger(), ITEMS[:1], target)
        lease = await ledger.acquire("numbers", {"pid": 1}, work.clock.now(), 1e9)
        held = HeldLease(ledger, lease, work.clock, 1e9)
        await apply_stage(work, held, ApplyOptions(chance=lambda: 0.5), report, Stop())

    asyncio.run(apply())
    assert [list(each.values()) for each in seen] == [[("certificate verify failed",)]]


# -- bounds


def test_a_request_that_is_refused_again_and_again_leaves_its_items_new():
    target = FakeTarget(Platform(), fault=refuse_connection(1000))
    report = applied(work_on(MemoryLedger(), ITEMS[:2], target))
    assert (report.outcome, report.counts) == ("pending", {"new": 2})
    assert any(note.startswith("not sent in this apply: connection refused") for note in report.progress.notes)


def test_a_reply_that_is_lost_again_and_again_stays_doubtful():
    target = FakeTarget(Platform(), KEYED, fault=lose_reply("before", 1000))
    report = applied(work_on(MemoryLedger(), ITEMS[:1], target))
    assert report.counts in ({"in_job": 1}, {"held": 1})
    assert target.platform.jobs == {}


def test_results_that_are_refused_are_held():
    report = applied(work_on(MemoryLedger(), ITEMS[:1], Odd(Refused("no results for you", status=403))))
    assert (report.counts, any("its results are refused" in note for note in report.progress.notes)) == (
        {"held": 1},
        True,
    )


class Ten:
    """A body of ten bytes."""

    size = 10

    async def chunks(self):
        yield b"x" * 10


def test_items_that_are_too_large_together_go_in_jobs_of_their_own():
    target = FakeTarget(Platform(), Capabilities(max_items_per_job=10, max_bytes_per_job=15))
    large = [replace(each, body=Ten()) for each in ITEMS[:3]]
    report = applied(work_on(MemoryLedger(), large, target))
    assert (report.counts, report.progress.jobs["submitted"]) == ({"succeeded": 3}, 3)


def test_due_jobs_are_asked_together():
    target = Together([RUNNING, DONE])
    many = RunOptions(items_per_job=1, poll=PollRhythm(1.0, 2.0, 10.0))
    assert applied(work_on(MemoryLedger(), ITEMS, target, run=many), workers=1).counts == {"succeeded": 6}
    assert target.platform.asked["many"] < 12


def test_an_odd_error_leaves_the_jobs_that_were_asked_with_it():
    ledger, target = MemoryLedger(), Together([RUNNING, ValueError("odd"), DONE])
    many = RunOptions(items_per_job=1, poll=PollRhythm(1.0, 2.0, 10.0))
    assert applied(work_on(ledger, ITEMS, target, run=many), workers=1).counts["succeeded"] >= 5
    assert applied(work_on(ledger, ITEMS, target, run=many)).counts == {"succeeded": 6}


def test_a_row_that_cannot_be_made_keeps_the_paid_result():
    ledger, stores = MemoryLedger(), dict[str, list]()
    record = {"deep": compile_template("{{ result.nowhere.deep }}")}
    report = applied(work_on(ledger, ITEMS[:1], FakeTarget(Platform()), stores, record=record))
    assert report.counts == {"succeeded": 1}
    good = applied(work_on(ledger, ITEMS[:1], target := FakeTarget(Platform()), stores))
    assert (good.outcome, target.platform.asked["submit"], len(stores["rows"])) == ("done", 0, 1)


def test_a_plan_counts_an_item_that_comes_twice_once():
    work = work_on(MemoryLedger(), [*ITEMS, ITEMS[0]], FakeTarget(Platform()))
    plan = asyncio.run(survey(work))
    assert (plan.to_submit, plan.rejected) == (6, 1)


def test_a_saved_plan_is_stale_when_the_ledger_has_moved():
    work = work_on(MemoryLedger(), ITEMS, FakeTarget(Platform()))
    plan = asyncio.run(survey(work))
    document = stage_document(plan)
    assert moved(document, plan, is_begun=False) == ""
    assert "items" not in document
    assert "the ledger has moved" in moved(document, replace(plan, version=plan.version + 1), is_begun=False)
    assert "another ledger" in moved({**document, "ledger": {"instance": "x"}}, plan, is_begun=True)


def test_the_promise_of_an_adopting_recipe_names_what_it_does():
    probable = Capabilities(find=Find.PROBABLE)
    assert safety(probable, "find_then_adopt") != safety(probable)


def test_counters_that_change_their_form_are_not_summed():
    progress = Progress()
    progress.count("a", {"tokens": {"in": 1}, "pages": 3})
    progress.count("b", {"tokens": 7, "pages": {"read": 1}})
    progress.count("c", {"tokens": {"in": 2}, "pages": 4})
    assert progress.totals == {"tokens": {"in": 3}, "pages": 7}


def test_a_retry_of_held_items_closes_the_job_that_held_them():
    platform, ledger = Platform(), MemoryLedger()

    def gone(job):
        raise JobLost("never heard of")

    assert applied(work_on(ledger, ITEMS[:1], FakeTarget(platform, state=gone))).counts == {"held": 1}
    report = applied(work_on(ledger, ITEMS[:1], FakeTarget(platform)), again=RetryRequest(held=True))
    assert report.counts == {"succeeded": 1}
    assert JobStatus.HELD not in [row.status for row in jobs(ledger)]
