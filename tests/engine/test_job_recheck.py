"""What is free comes before what is paid: held and ended jobs are asked again before their items are sent anew."""

import asyncio
from itertools import count

from runner.engine.retry_request import RetryRequest
from runner.engine.survey import survey
from runner.ledger.memory import MemoryLedger
from runner.model.errors import JobLost, Refused, Unavailable, UnreadableReply
from runner.model.item import Result
from runner.model.job import Capabilities, Find, JobState, JobStatus
from runner.model.recipe import PollRhythm, RunOptions
from tests.engine.world import FakeTarget, FastClock, FindingTarget, Platform, applied, item, lose_reply, work_on

ITEMS = [item(f"i{number}") for number in range(6)]
POLL = PollRhythm(1.0, 2.0, 10.0)
QUICK = RunOptions(items_per_job=3, poll=POLL, timeout_s=30.0)
RUNNING = JobState(JobStatus.RUNNING, "RUNNING")
DAYS = count(1_000_000.0, 86_400.0)
DONE = JobState(JobStatus.SUCCEEDED, "DONE")


def run(ledger, target, options=QUICK, **more):
    """Apply once more, a day later."""
    return applied(work_on(ledger, ITEMS, target, clock=FastClock(next(DAYS)), run=options), **more)


def held(platform, ledger, state=RUNNING):
    """Two jobs of three items each, all held."""
    target = FakeTarget(platform, state=lambda job: state)
    assert run(ledger, target).outcome == "held"
    return target


def saying(platform, say):
    """A platform whose questions end so."""

    def state(job):
        if isinstance(say, Exception):
            raise say
        return say

    return FakeTarget(platform, state=state)


def test_a_job_that_ended_after_our_time_limit_is_taken_and_not_paid_again():
    platform, ledger = Platform(), MemoryLedger()
    held(platform, ledger)
    report = run(ledger, saying(platform, DONE))
    assert (report.outcome, report.counts) == ("done", {"succeeded": 6})
    assert max(platform.accepted.values()) == 1


def test_retry_takes_what_is_there_before_it_pays():
    platform, ledger = Platform(), MemoryLedger()
    held(platform, ledger)
    request = RetryRequest(held=True)
    report = run(ledger, saying(platform, DONE), again=request)
    assert (report.counts, max(platform.accepted.values())) == ({"succeeded": 6}, 1)


def test_a_job_that_still_runs_is_never_sent_again_by_itself():
    platform, ledger = Platform(), MemoryLedger()
    target = held(platform, ledger)
    for request in (None, RetryRequest(), RetryRequest(held=True)):
        report = run(ledger, target, again=request)
        assert (report.outcome, report.counts) == ("held", {"held": 6})
    assert max(platform.accepted.values()) == 1
    said = " ".join(report.progress.notes)
    assert "runner retry --abandon JOB gives it up" in said and "runner cancel" not in said  # it cannot be cancelled


def test_an_abandoned_job_is_sent_again_and_it_is_said_that_it_may_be_paid_twice():
    platform, ledger = Platform(), MemoryLedger()
    held(platform, ledger)
    key = platform.jobs["r1"][0]
    request = RetryRequest(keys=["i0", "i1", "i2"], abandoned=[key])
    later = FakeTarget(platform, state=lambda job: RUNNING if job.key == key or job.id == "r2" else DONE)
    report = run(ledger, later, again=request)
    assert (report.counts, platform.accepted["i0"], platform.accepted["i3"]) == ({"succeeded": 3, "held": 3}, 2, 1)
    assert any("may be paid twice" in note for note in report.progress.notes)


def test_a_longer_time_limit_lets_a_held_job_go_on():
    platform, ledger = Platform(), MemoryLedger()
    target = held(platform, ledger)
    longer = RunOptions(items_per_job=3, poll=POLL, timeout_s=200_000.0)
    report = run(ledger, target, longer, wait_s=5.0)
    assert (report.outcome, report.counts) == ("pending", {"in_job": 6})


def test_a_new_word_is_asked_again_when_the_manifest_knows_it():
    platform, ledger = Platform(), MemoryLedger()
    held(platform, ledger, JobState(JobStatus.HELD, "SETTLING"))
    again = run(ledger, saying(platform, JobState(JobStatus.HELD, "SETTLING")))
    assert (again.outcome, again.progress.jobs["submitted"]) == ("held", 0)
    assert run(ledger, saying(platform, DONE)).outcome == "done"
    assert max(platform.accepted.values()) == 1


def test_one_lost_question_about_a_result_holds_only_until_the_next_apply():
    platform, ledger = Platform(), MemoryLedger()

    class Missing(FakeTarget):
        async def results(self, job, state):
            raise JobLost("404")
            yield []

    assert run(ledger, Missing(platform)).outcome == "held"
    target = FakeTarget(platform)
    assert run(ledger, target).counts == {"succeeded": 6}
    assert max(platform.accepted.values()) == 1


def test_a_held_job_that_is_gone_is_sent_again_by_retry_only():
    platform, ledger = Platform(), MemoryLedger()
    held(platform, ledger)
    gone = saying(platform, JobLost("404"))
    report = run(ledger, gone)
    assert report.outcome == "held"
    assert all("runner retry pays for its items again" in note for note in report.progress.notes)
    known = set(platform.jobs)
    gone._state = lambda job: DONE if job.id not in known else (_ for _ in ()).throw(JobLost("404"))
    report = run(ledger, gone, again=RetryRequest())
    assert (report.counts, set(platform.accepted.values())) == ({"succeeded": 6}, {2})


def test_a_held_job_that_the_platform_refuses_to_tell_about_is_not_gone():
    platform, ledger = Platform(), MemoryLedger()
    held(platform, ledger)
    for request in (None, RetryRequest()):
        report = run(ledger, saying(platform, Refused("not yours", status=403)), again=request)
        assert (report.outcome, report.counts) == ("held", {"held": 6})
        assert any("retry --held" in note for note in report.progress.notes)
    assert max(platform.accepted.values()) == 1
    assert run(ledger, saying(platform, DONE)).counts == {"succeeded": 6}
    assert max(platform.accepted.values()) == 1


def test_a_running_job_that_the_platform_refuses_to_tell_about_is_held():
    platform, ledger = Platform(), MemoryLedger()
    endless = RunOptions(items_per_job=3, poll=POLL)
    report = run(ledger, saying(platform, Refused("the address is too long", status=414)), endless)
    assert (report.outcome, report.counts) == ("held", {"held": 6})
    assert run(ledger, saying(platform, DONE)).counts == {"succeeded": 6}
    assert max(platform.accepted.values()) == 1


class Listing(FakeTarget):
    """A platform that lists many jobs at once, with a listing that fails."""

    fault: Exception = Refused("no listing for you", status=403)

    async def poll_many(self, jobs):
        self.platform.asked["poll many"] += 1
        raise self.fault


def test_a_listing_that_tells_nothing_makes_every_job_be_asked_alone():
    for fault in (Refused("no", status=403), UnreadableReply("html", status=200)):
        platform, ledger = Platform(), MemoryLedger()
        target = Listing(platform)
        target.fault = fault
        assert run(ledger, target).counts == {"succeeded": 6}


def test_a_time_limit_holds_a_job_whose_listing_is_not_to_be_had():
    platform, ledger = Platform(), MemoryLedger()
    target = Listing(platform)
    target.fault = Unavailable("503")
    report = run(ledger, target)
    assert (report.outcome, report.counts) == ("held", {"held": 6})


def test_a_held_job_that_cannot_be_asked_stays_held():
    platform, ledger = Platform(), MemoryLedger()
    held(platform, ledger)
    report = run(ledger, saying(platform, Unavailable("no route")))
    assert (report.outcome, report.counts) == ("held", {"held": 6})
    assert any("could not be read again: no route" in note for note in report.progress.notes)


def test_a_running_job_is_abandoned_although_the_selection_is_unchanged():
    platform, ledger = Platform(), MemoryLedger()
    running = saying(platform, RUNNING)
    assert run(ledger, running, wait_s=2.0).outcome == "pending"
    key = platform.jobs["r1"][0]
    request = RetryRequest(keys=["i0", "i1", "i2"], abandoned=[key])
    report = run(ledger, saying(platform, DONE), again=request, walk=False)
    assert (report.counts, platform.accepted["i0"], platform.accepted["i3"]) == ({"succeeded": 6}, 2, 1)


def test_a_held_job_without_an_id_is_searched_for_again():
    platform, ledger = Platform(), MemoryLedger()
    shows = Capabilities(find=Find.EXACT, visible_within_s=5.0, max_items_per_job=10)
    target = FindingTarget(platform, shows, fault=lose_reply("after", 2))
    find, target.find = target.find, absent
    assert run(ledger, target).outcome == "held"
    target.find = find
    assert run(ledger, target).counts == {"succeeded": 6}
    assert max(platform.accepted.values()) == 1


async def absent(job):
    return None


def test_the_plan_says_that_held_jobs_are_asked_again():
    platform, ledger = Platform(), MemoryLedger()
    target = held(platform, ledger)
    plan = asyncio.run(survey(work_on(ledger, ITEMS, target)))
    assert (plan.notes, plan.to_submit) == (("2 held jobs are asked again first, for free",), 0)


class Late(FakeTarget):
    """Results of some items appear late, as `blurred` or not at all before."""

    def __init__(self, platform, late, *, blurred=False):
        super().__init__(platform)
        self.late, self.blurred = late, blurred

    async def results(self, job, state):
        for key in self.platform.jobs[job.id][1]:
            if key not in self.late:
                yield [Result(key, {"upper": key.upper()})]
            elif self.blurred:
                yield [Result(key, error="blurred")]


def test_results_of_an_ended_job_are_read_again_before_its_items_are_paid_again():
    platform, ledger = Platform(), MemoryLedger()
    assert run(ledger, Late(platform, {"i1", "i4"})).counts["failed"] == 2
    report = run(ledger, Late(platform, {"i4"}), again=RetryRequest())
    assert (report.counts, platform.accepted["i1"], platform.accepted["i4"]) == ({"succeeded": 5, "failed": 1}, 1, 2)
    assert report.progress.items["succeeded"] == 1


def test_an_item_of_an_ended_job_is_not_sent_while_its_results_cannot_be_asked_for():
    platform, ledger = Platform(), MemoryLedger()
    assert run(ledger, Late(platform, {"i1"})).counts["failed"] == 1
    report = run(ledger, saying(platform, Unavailable("no")), again=RetryRequest())
    assert (report.outcome, platform.accepted["i1"]) == ("pending", 1)
    assert run(ledger, FakeTarget(platform)).counts == {"succeeded": 6}
    assert platform.accepted["i1"] == 1


def test_attempts_within_one_apply_read_nothing_twice():
    platform, ledger = Platform(), MemoryLedger()
    tried = RunOptions(items_per_job=3, poll=POLL, attempts=2)
    run(ledger, Late(platform, {"i1"}, blurred=True), tried)
    assert (platform.accepted["i1"], platform.asked["poll"]) == (2, 3)


def test_every_held_job_is_asked_once_in_an_apply():
    platform, ledger = Platform(), MemoryLedger()
    target = held(platform, ledger)
    before = platform.asked["poll"]
    run(ledger, target)
    assert platform.asked["poll"] - before == 2
