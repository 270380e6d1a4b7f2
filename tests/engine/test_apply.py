"""One apply of one stage against a platform in memory: what is paid, what is published, what comes next."""

import asyncio

import pytest

from runner.engine.stop import Reason, Stop
from runner.engine.survey import survey
from runner.ledger.memory import MemoryLedger
from runner.model.errors import AuthError, ConfigError, Refused, StopRun
from runner.model.job import Capabilities, Change, Find, JobState, JobStatus
from runner.model.recipe import Budget, PollRhythm, RunOptions
from tests.engine.world import (
    EXACT,
    FakeTarget,
    FastClock,
    FindingTarget,
    NoneFailed,
    Platform,
    Rows,
    item,
    lose_reply,
    refuse_connection,
    work_on,
)
from tests.engine.world import applied as run

ITEMS = [item(f"i{number}") for number in range(10)]
QUICK = PollRhythm(1.0, 2.0, 10.0)


def rows(stores: dict[str, list]) -> list[str]:
    return [record.row["upper"] for record in stores["rows"]]


def test_everything_is_done_once_and_published_in_source_order():
    platform, stores, ledger = Platform(), {}, MemoryLedger()
    work = work_on(ledger, ITEMS, FakeTarget(platform), stores)
    assert run(work).outcome == "done"
    assert platform.accepted == dict.fromkeys([each.key for each in ITEMS], 1)
    assert rows(stores) == [each.key.upper() for each in ITEMS]


def test_a_second_apply_asks_the_platform_for_nothing():
    platform, stores, ledger = Platform(), {}, MemoryLedger()
    work = work_on(ledger, ITEMS, FakeTarget(platform), stores)
    run(work)
    asked = dict(platform.asked)
    report = run(work)
    assert (report.outcome, dict(platform.asked)) == ("done", asked)
    assert report.published is not None and not report.published.written


def test_a_changed_item_is_the_only_work():
    platform, ledger = Platform(), MemoryLedger()
    run(work_on(ledger, ITEMS, FakeTarget(platform)))
    changed = [*ITEMS[:3], item("i3", "other"), *ITEMS[4:]]
    work = work_on(ledger, changed, FakeTarget(platform))
    plan = asyncio.run(survey(work))
    assert (plan.to_submit, plan.reasons) == (1, {"content": 1})
    run(work)
    assert platform.accepted["i3"] == 2
    assert sum(platform.accepted.values()) == 11


def test_a_new_sink_costs_no_call():
    platform, stores, ledger = Platform(), {}, MemoryLedger()
    run(work_on(ledger, ITEMS, FakeTarget(platform), stores))
    asked = dict(platform.asked)
    both = work_on(ledger, ITEMS, FakeTarget(platform), stores, sinks=lambda: [Rows(stores), Rows(stores, "more")])
    report = run(both)
    assert report.published is not None and list(report.published.written) == ["more"]
    assert (dict(platform.asked), len(stores["more"])) == (asked, 10)


def test_a_lost_sink_is_written_again():
    platform, stores, ledger = Platform(), {}, MemoryLedger()
    work = work_on(ledger, ITEMS, FakeTarget(platform), stores)
    run(work)
    stores.clear()
    run(work)
    assert (len(stores["rows"]), platform.asked["submit"]) == (10, 4)


def test_a_lost_reply_is_found_and_not_paid_twice():
    platform, ledger = Platform(), MemoryLedger()
    report = run(work_on(ledger, ITEMS, FindingTarget(platform, EXACT, lose_reply("after", 2))))
    assert (report.outcome, max(platform.accepted.values())) == ("done", 1)
    assert report.progress.jobs["adopted"] == 2


def test_a_request_that_was_lost_is_sent_again_when_the_listing_is_complete():
    platform, ledger = Platform(), MemoryLedger()
    report = run(work_on(ledger, ITEMS, FindingTarget(platform, EXACT, lose_reply("before", 2))))
    assert (report.outcome, max(platform.accepted.values()), len(platform.accepted)) == ("done", 1, 10)


@pytest.mark.parametrize("find", [Find.NONE, Find.PROBABLE])
def test_what_cannot_be_known_is_held(find):
    platform, ledger = Platform(), MemoryLedger()
    capabilities = Capabilities(find=find, max_items_per_job=10)
    report = run(work_on(ledger, ITEMS, FakeTarget(platform, capabilities, lose_reply("before", 1))))
    assert (report.outcome, report.counts["held"], report.counts["succeeded"]) == ("held", 3, 7)
    assert run(work_on(ledger, ITEMS, FakeTarget(platform, capabilities))).outcome == "held"
    assert max(platform.accepted.values()) == 1


def test_a_recipe_may_ask_to_send_again():
    platform, ledger = Platform(), MemoryLedger()
    options = RunOptions(items_per_job=3, poll=QUICK, on_unknown_submit="find_then_resubmit")
    target = FakeTarget(platform, Capabilities(max_items_per_job=10), lose_reply("before", 1))
    assert run(work_on(ledger, ITEMS, target, run=options)).outcome == "done"


def test_a_refused_connection_is_tried_again():
    platform, ledger = Platform(), MemoryLedger()
    report = run(work_on(ledger, ITEMS, FakeTarget(platform, fault=refuse_connection(3))))
    assert (report.outcome, max(platform.accepted.values())) == ("done", 1)


def test_a_refused_job_fails_its_items_only():
    def fault(moment, job):
        if moment == "before" and job.items[0].key == "i3":
            raise Refused("no such field", status=404)

    platform, ledger = Platform(), MemoryLedger()
    report = run(work_on(ledger, ITEMS, FakeTarget(platform, fault=fault)))
    assert (report.outcome, report.counts) == ("failed_items", {"succeeded": 7, "failed": 3})


@pytest.mark.parametrize("error", [AuthError("bad token"), ConfigError("bad proxy"), StopRun("down")], ids=repr)
def test_what_stands_in_the_way_of_all_stops_the_run_and_fails_nothing(error):
    def fault(moment, job):
        raise error

    platform, ledger = Platform(), MemoryLedger()
    report = run(work_on(ledger, ITEMS, FakeTarget(platform, fault=fault)))
    assert (report.outcome, report.error) == ("stopped", error)
    assert report.counts == {"new": 10}
    assert run(work_on(ledger, ITEMS, FakeTarget(platform))).outcome == "done"


def test_an_unknown_status_is_held():
    platform, ledger = Platform(), MemoryLedger()
    report = run(
        work_on(ledger, ITEMS[:3], FakeTarget(platform, state=lambda job: JobState(JobStatus.HELD, "ARCHIVED")))
    )
    assert report.outcome == "held"
    assert "ARCHIVED" in next(iter(report.progress.notes))


def test_failed_items_keep_their_error_and_are_not_sent_again():
    platform, stores, ledger = Platform(), {}, MemoryLedger()
    target = FakeTarget(platform, fails=lambda key: "too blurred" if key == "i4" else "")
    work = work_on(ledger, ITEMS, target, stores)
    assert run(work).progress.failures == [("i4", "too blurred")]
    assert run(work).outcome == "failed_items"
    assert (platform.accepted["i4"], len(stores["rows"])) == (1, 9)


def test_attempts_try_failed_items_again():
    platform, ledger = Platform(), MemoryLedger()
    left = {"i4": 1}
    target = FakeTarget(platform, fails=lambda key: "busy" if left.pop(key, 0) else "")
    work = work_on(ledger, ITEMS, target, run=RunOptions(items_per_job=3, poll=QUICK, attempts=2))
    assert run(work).outcome == "done"
    assert platform.accepted["i4"] == 2


def test_a_failed_check_leaves_the_sinks_alone_and_keeps_what_was_paid():
    platform, stores, ledger = Platform(), {}, MemoryLedger()
    target = FakeTarget(platform, fails=lambda key: "no" if key == "i4" else "")
    assert run(work_on(ledger, ITEMS, target, stores, checks=[NoneFailed])).outcome == "check_failed"
    assert stores == {}
    assert run(work_on(ledger, ITEMS, target, stores)).outcome == "failed_items"
    assert (len(stores["rows"]), platform.asked["submit"]) == (9, 4)


def test_the_budget_stops_submitting_and_finishes_what_runs():
    platform, stores, ledger = Platform(), {}, MemoryLedger()
    options = RunOptions(items_per_job=3, poll=QUICK, budget=Budget(items=4))
    report = run(work_on(ledger, ITEMS, FakeTarget(platform), stores, run=options))
    assert (report.outcome, sum(platform.accepted.values()), len(stores["rows"])) == ("budget", 4, 4)
    assert run(work_on(ledger, ITEMS, FakeTarget(platform), stores)).outcome == "done"
    assert sum(platform.accepted.values()) == 10


def test_patience_ends_and_the_next_apply_goes_on():
    platform, ledger = Platform(), MemoryLedger()
    slow = FakeTarget(platform, state=lambda job: JobState(JobStatus.RUNNING, "RUNNING"))
    assert run(work_on(ledger, ITEMS, slow), wait_s=30.0).outcome == "pending"
    assert run(work_on(ledger, ITEMS, FakeTarget(platform))).outcome == "done"
    assert max(platform.accepted.values()) == 1


def test_jobs_that_wait_for_a_human_do_not_hold_up_the_apply():
    platform, ledger = Platform(), MemoryLedger()
    human = FakeTarget(platform, state=lambda job: JobState(JobStatus.WAITING_HUMAN, "STOPPED_AT_CHECKPOINT"))
    assert run(work_on(ledger, ITEMS, human)).outcome == "pending"
    assert run(work_on(ledger, ITEMS, FakeTarget(platform))).outcome == "done"


def test_a_job_that_takes_too_long_is_held():
    platform, ledger = Platform(), MemoryLedger()
    slow = FakeTarget(platform, state=lambda job: JobState(JobStatus.RUNNING, "RUNNING"))
    options = RunOptions(items_per_job=3, poll=QUICK, timeout_s=60.0)
    report = run(work_on(ledger, ITEMS, slow, run=options))
    assert (report.outcome, report.counts) == ("held", {"held": 10})
    assert any("not finished within 60 s" in note for note in report.progress.notes)


def test_a_signal_stops_cleanly_and_the_next_apply_goes_on():
    platform, ledger, stop = Platform(), MemoryLedger(), Stop()

    def fault(moment, job):
        if moment == "after" and len(platform.jobs) == 2:
            stop.ask(Reason.INTERRUPTED)

    options = RunOptions(items_per_job=3, poll=QUICK, max_in_flight=1)
    report = run(work_on(ledger, ITEMS, FakeTarget(platform, fault=fault), run=options), stop)
    assert (report.outcome, len(platform.jobs)) == ("interrupted", 2)
    assert run(work_on(ledger, ITEMS, FakeTarget(platform))).outcome == "done"
    assert max(platform.accepted.values()) == 1


def test_the_same_key_twice_is_rejected_by_name():
    platform, ledger = Platform(), MemoryLedger()
    report = run(work_on(ledger, [*ITEMS, item("i4", "again")], FakeTarget(platform)))
    assert (report.outcome, report.progress.rejected) == ("failed_items", 1)
    assert platform.accepted["i4"] == 1


def test_a_saved_plan_submits_its_items_only():
    platform, ledger = Platform(), MemoryLedger()
    only = frozenset((each.key, each.content) for each in ITEMS[:4])
    run(work_on(ledger, ITEMS, FakeTarget(platform)), only=only)
    assert sorted(platform.accepted) == [each.key for each in ITEMS[:4]]


def test_a_reverted_recipe_finds_its_results_again():
    platform, stores, ledger = Platform(), {}, MemoryLedger()
    run(work_on(ledger, ITEMS, FakeTarget(platform), stores))
    run(work_on(ledger, ITEMS, FakeTarget(platform), stores, work="x" * 32))
    asked = platform.asked["submit"]
    run(work_on(ledger, ITEMS, FakeTarget(platform), stores))
    assert (asked, platform.asked["submit"], len(stores["rows"])) == (8, 8, 10)


def test_a_check_that_compares_is_handed_what_was_found_when_the_checks_passed_last():
    seen, ledger = [], MemoryLedger()

    class Comparing(NoneFailed):
        def remember(self, last):
            seen.append([dict(details) for details in last])

    for text in ("first", "second"):
        items = [item("a", text), item("b")]
        assert run(work_on(ledger, items, FakeTarget(Platform()), checks=[Comparing])).outcome == "done"
    assert seen == [[{"failed": 0}, {"published_rows": 2}]]


def test_a_target_may_allow_fewer_jobs_at_once_than_the_recipe():
    aloft, most = [], []

    def count(moment, job):
        aloft.append(job.key) if moment == "before" else most.append(len(aloft))

    def ended(job):
        aloft.remove(job.key)
        return JobState(JobStatus.SUCCEEDED, "DONE")

    target = FakeTarget(Platform(), Capabilities(max_items_per_job=10, jobs_at_once=1), count, ended)
    assert run(work_on(MemoryLedger(), ITEMS, target)).outcome == "done"
    assert most == [1, 1, 1, 1]


class ComparingTarget(FakeTarget):
    async def compare(self):
        self.platform.asked["compare"] += 1
        return [Change("version 2", None, {"text": "new"})]


def test_a_plan_shows_what_is_changed_on_the_platform_while_there_is_work():
    platform, ledger = Platform(), MemoryLedger()
    work = work_on(ledger, ITEMS, ComparingTarget(platform))
    assert [change.what for change in asyncio.run(survey(work)).changes] == ["version 2"]
    run(work)
    assert (asyncio.run(survey(work)).changes, platform.asked["compare"]) == ((), 1)


def test_what_is_held_is_decided_before_it_is_judged():
    target = FakeTarget(Platform(), Capabilities(max_items_per_job=10), lose_reply("before", 1))
    report = run(work_on(MemoryLedger(), ITEMS, target, checks=[NoneFailed]))
    assert (report.outcome, report.published.passed) == ("held", False)


def test_the_platforms_own_counters_are_in_the_report():
    def ended(job):
        return JobState(JobStatus.SUCCEEDED, "DONE", counters={"tasks": len(job.items), "unknown": None})

    report = run(work_on(MemoryLedger(), ITEMS, FakeTarget(Platform(), state=ended)))
    assert report.progress.counters["r1"] == {"tasks": 3}


def test_jobs_that_ended_while_nobody_asked_do_not_teach_how_long_jobs_take():
    platform, ledger, clock = Platform(), MemoryLedger(), FastClock()
    options = RunOptions(items_per_job=1, max_in_flight=8, poll=QUICK)
    running = FakeTarget(platform, state=lambda job: JobState(JobStatus.RUNNING, "RUNNING"))
    assert run(work_on(ledger, ITEMS[:8], running, clock=clock, run=options), wait_s=1.0).outcome == "pending"
    clock.time += 120.0
    began = clock.time

    def state(job):
        is_done = job.accepted_at < began or clock.time - job.accepted_at >= 2.0
        return JobState(JobStatus.SUCCEEDED if is_done else JobStatus.RUNNING, "")

    more = [item(f"new{number}") for number in range(60)]
    report = run(work_on(ledger, [*ITEMS[:8], *more], FakeTarget(platform, state=state), clock=clock, run=options))
    assert (report.outcome, report.counts) == ("done", {"succeeded": 68})
    assert clock.time - began < 25.0
