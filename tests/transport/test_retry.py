from random import Random

from runner.model.errors import Refused, StopRun, Unavailable
from runner.transport.retry import Budget, Retries, is_passing, pause_s


def test_pauses_grow_up_to_their_maximum_with_jitter():
    rules = Retries(first_s=1, max_s=8)
    pauses = [pause_s(rules, n, None, Random(n)) for n in range(1, 40)]
    assert all(0.5 * min(8, 2 ** (n - 1)) <= pause <= min(8, 2 ** (n - 1)) for n, pause in enumerate(pauses, 1))


def test_what_the_platform_asks_for_is_never_cut_short():
    assert pause_s(Retries(first_s=1, max_s=8), 1, 100.0, Random(1)) == 100.0


def test_the_budget_ends_and_is_filled_by_successes():
    budget = Budget(2)
    assert [budget.take(), budget.take(), budget.take()] == [True, True, False]
    for _ in range(5):
        budget.give()
    assert budget.left == 2


def test_only_passing_errors_are_worth_a_repetition():
    assert is_passing(Unavailable(""))
    assert not is_passing(StopRun(""))
    assert not is_passing(Refused(""))
