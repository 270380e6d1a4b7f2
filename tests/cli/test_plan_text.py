"""What `runner plan` says of the budget, and of jobs that were sent earlier."""

import pytest

from runner.cli.plan_text import cost_text, jobs_texts, summary
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


@pytest.mark.parametrize(
    ("open_jobs", "to_hold", "names", "said"),
    [
        ({"sent": 2}, {"sent": 2}, ["in doubt"], "plan: 2 jobs in doubt to hold"),
        ({"running": 1, "sent": 2}, {}, ["in flight"], "plan: 3 jobs to go on with"),
        (
            {"running": 1, "sent": 2},
            {"sent": 2},
            ["in flight", "in doubt"],
            "plan: 1 job to go on with, 2 jobs in doubt to hold",
        ),
    ],
)
def test_what_becomes_of_earlier_jobs_is_told(open_jobs, to_hold, names, said):
    plan = StagePlan(Scope("p", "", "r"), "w", "p", {}, "id", open_jobs=open_jobs, to_hold=to_hold)
    assert [name for name, _ in jobs_texts(plan)] == names
    assert all("2 sent" not in text or "apply will hold" in text for name, text in jobs_texts(plan) if to_hold)
    assert summary([plan]) == said
