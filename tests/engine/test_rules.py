"""The pure rules: what to do with an item, keys, delays, budgets."""

from itertools import repeat

import pytest

from runner.engine.budget import Purse
from runner.engine.decide import Decision, decide
from runner.engine.key import job_key
from runner.engine.plan import jobs_needed, safety
from runner.engine.retry import MAX_TRIES, backoff_s
from runner.engine.rhythm import Rhythm
from runner.model.errors import LedgerError
from runner.model.item import Item
from runner.model.job import Capabilities, Find
from runner.model.ledger import Scope, Standing
from runner.model.recipe import Budget, PollRhythm
from tests.engine.world import SCOPE, item


@pytest.mark.parametrize(
    ("standing", "skip", "attempts", "decision"),
    [
        (Standing(), "succeeded", 1, Decision.NEW),
        (Standing(seen="content"), "succeeded", 1, Decision.CHANGED),
        (Standing(seen="work"), "succeeded", 1, Decision.CHANGED),
        (Standing(1, "new", seen="same"), "succeeded", 1, Decision.NEW),
        (Standing(1, "new", 1, seen="same"), "succeeded", 1, Decision.RETRY),
        (Standing(1, "succeeded", 1, seen="same"), "succeeded", 1, Decision.DONE),
        (Standing(1, "succeeded", 1, seen="same"), "nothing", 1, Decision.AGAIN),
        (Standing(1, "in_job", 1, seen="same"), "nothing", 1, Decision.PENDING),
        (Standing(1, "failed", 1, seen="same"), "succeeded", 1, Decision.FAILED),
        (Standing(1, "failed", 1, seen="same"), "succeeded", 2, Decision.RETRY),
        (Standing(1, "failed", 2, seen="same"), "succeeded", 2, Decision.FAILED),
        (Standing(1, "held", 1, seen="same"), "nothing", 3, Decision.HELD),
    ],
)
def test_what_becomes_of_an_item(standing, skip, attempts, decision):
    assert decide(standing, skip=skip, attempts=attempts) is decision


def test_a_status_that_nobody_writes_is_a_damaged_ledger():
    with pytest.raises(LedgerError, match="'succeedec'"):
        decide(Standing(1, "succeedec", 1, seen="same"), skip="succeeded", attempts=1)


def test_job_key_is_a_function_of_its_parts_only():
    items = [item("a"), item("b")]
    assert job_key(SCOPE, "w", 1, items) == job_key(Scope("shop", "", "numbers"), "w", 1, [item("a"), item("b")])


def test_job_key_stays_what_it_was():
    scope = Scope("p", "q", "r", "s")
    items = [Item("k\udc80", b"0" * 16, {}), Item("l", b"1" * 16, {})]
    assert [job_key(scope, "w" * 32, 2, items) for _ in "ab"] == ["62fc63cbca186115e743346f9267c9e6"] * 2


@pytest.mark.parametrize(
    "other",
    [
        (SCOPE, "w", 2, ["a", "b"]),
        (SCOPE, "v", 1, ["a", "b"]),
        (SCOPE, "w", 1, ["b", "a"]),
        (SCOPE, "w", 1, ["ab"]),
        (Scope("shop", "prod", "numbers"), "w", 1, ["a", "b"]),
        (Scope("shop", "", "numbers", "pilot"), "w", 1, ["a", "b"]),
    ],
)
def test_job_key_differs_in_every_part(other):
    scope, work, attempt, keys = other
    assert job_key(scope, work, attempt, [item(key) for key in keys]) != job_key(SCOPE, "w", 1, [item("a"), item("b")])


def test_backoff_grows_respects_the_platform_and_ends():
    delays = [backoff_s(tries, 1.0, None) for tries in range(1, MAX_TRIES)]
    assert delays == sorted(delays)
    assert backoff_s(1, 0.0, 30.0) == 30.0
    assert backoff_s(MAX_TRIES, 0.5, None) is None


def test_rhythm_grows_until_it_knows_better():
    rhythm = Rhythm(PollRhythm(1.0, 2.0, 30.0))
    ages = [0.0, 1.0, 3.0, 7.0, 15.0, 31.0]
    assert [rhythm.delay(polls, age) for polls, age in enumerate(ages)] == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0]


def test_rhythm_of_many_jobs_is_sparse_and_spread():
    poll = PollRhythm(1.0, 1.5, 60.0)
    delays = [Rhythm(poll, repeat(at).__next__).delay(1, 10.0, 1.0, 5000) for at in (0.0, 0.5, 1.0)]
    assert delays == [21.0, pytest.approx(21 / 3**0.5), pytest.approx(7.0)]


def learned(took, *, running=0.0):
    rhythm = Rhythm(PollRhythm(1.0, 2.0, 60.0))
    rhythm.runs(running)
    news = [rhythm.learn(running, took) for _ in range(10)]
    assert news == [False] * 4 + [True] + [False] * 5
    return rhythm


def test_rhythm_learns_when_jobs_are_done():
    rhythm = learned(31.0, running=29.0)
    assert rhythm.delay(0, 0.0) == 30.0
    assert rhythm.delay(3, 35.0, 12.0) == 0.0
    assert 2.0 < rhythm.delay(1, 30.0, 30.0) < 3.0
    assert rhythm.delay(6, 50.0, 50.0) == 20.0


def test_rhythm_asks_earlier_when_nobody_was_seen_running():
    assert learned(8.0).delay(0, 0.0) == 4.0


def test_rhythm_believes_that_others_were_seen_running():
    rhythm = Rhythm(PollRhythm())
    rhythm.runs(29.0)
    for _ in range(5):
        rhythm.learn(3.0, 30.0)
    assert rhythm.delay(0, 0.0) == 28.5


def test_rhythm_of_jobs_done_at_once_does_not_wait():
    assert learned(0.0).delay(0, 0.0) == 0.0
    assert learned(0.0).delay(1, 0.0, 0.0) > 0.0


def test_rhythm_of_long_jobs_is_slower_than_its_longest_delay():
    rhythm = learned(3700.0, running=3500.0)
    assert rhythm.delay(0, 0.0) == 900.0
    assert rhythm.delay(5, 3600.0, 3600.0) == 288.0


def test_budget_of_items():
    purse = Purse(Budget(items=5))
    assert purse.room() == 5
    purse.reserve(3)
    assert purse.room() == 2
    purse.give_back(3, 0.0)
    assert purse.room() == 5


def test_budget_of_money_is_settled_with_the_real_cost():
    purse = Purse(Budget(money=1.0), price=0.1)
    reserved = purse.reserve(5)
    assert reserved == pytest.approx(0.5)
    assert purse.room() == 5
    purse.settle(reserved, 0.9)
    assert purse.room() == 1


def test_no_budget_has_no_bounds():
    assert Purse(Budget()).room() is None


@pytest.mark.parametrize(
    ("items", "whole", "jobs"), [(0, False, 0), (1, False, 1), (10, False, 1), (11, False, 2), (500, True, 1)]
)
def test_jobs_needed(items, whole, jobs):
    assert jobs_needed(items, 10, whole_source=whole) == jobs


@pytest.mark.parametrize("complete", [False, True])
@pytest.mark.parametrize("find", Find)
def test_a_plan_promises_what_the_recipe_asks_for(find: Find, complete: bool) -> None:
    capabilities = Capabilities(find=find, complete=complete, key_lifetime_s=3600.0)
    again = "an answer lost on the way is paid again, at most 7 jobs in flight"
    promises = {each: safety(capabilities, each, 7) for each in ("find_then_hold", "find_then_resubmit")}
    assert again not in promises["find_then_hold"]
    assert (again in promises["find_then_resubmit"]) == (find is not Find.EXACT or not complete)
    assert "never sent again by itself" not in promises["find_then_resubmit"]
