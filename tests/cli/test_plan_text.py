"""What `runner plan` says of the budget."""

import pytest

from runner.cli.plan_text import cost_text
from runner.engine.decide import Decision
from runner.engine.plan import StagePlan
from runner.model.job import Estimate
from runner.model.ledger import Scope
from runner.model.recipe import Budget


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (Budget(items=4), "budget 4 items: apply stops there"),
        (Budget(items=6), "budget 6 items"),
        (Budget(money=0.5), "budget 0.5 money: apply stops there"),
        (Budget(money=0.6), "budget 0.6 money"),
    ],
)
def test_a_budget_that_will_stop_the_apply_is_told(budget, said):
    counts = {Decision.NEW: 6, Decision.DONE: 10}
    plan = StagePlan(Scope("p", "", "r"), "w", "p", counts, "id", 6, estimate=Estimate(0.6, "USD"))
    assert cost_text(plan, budget).endswith(said)
