"""What one apply may spend: reserved before a job is sent, settled with the real price."""

from __future__ import annotations

from collections.abc import Mapping

from runner.engine.work import Work
from runner.model.contracts import Estimating
from runner.model.errors import ConfigError
from runner.model.recipe import Budget

CUT_OFF = frozenset({None, "interrupted", "stopped"})
"""Outcomes of an apply that did not come to its end: the next one goes on with the same budget."""


class Purse:
    """Counts what is reserved and spent against the budget of one apply.

    Money is reserved at the estimated price of an item (`price`), and corrected when a job tells its real cost; so
    the limit can be passed only by what the platform charged above its own estimate. What jobs of an earlier apply
    reserve, that is not this one's to settle, is None.
    """

    def __init__(self, budget: Budget, price: float | None = None, spent: Mapping[str, float] | None = None) -> None:
        """Begin with what was spent before the last apply was cut off (`Ledger.spent`)."""
        self._budget = budget
        self._limit = budget.money if budget.money is not None else budget.units
        self._price = price or 0.0
        self.items = int((spent or {}).get("items", 0))
        self.money = (spent or {}).get("money", 0.0)

    def room(self) -> int | None:
        """Return how many more items fit; None when nothing limits them."""
        rooms = []
        if self._budget.items is not None:
            rooms.append(self._budget.items - self.items)
        if self._limit is not None:
            left = self._limit - self.money + 1e-9
            rooms.append(int(left / self._price) if self._price else (1 << 30 if left > 0 else 0))
        return max(0, min(rooms)) if rooms else None

    def reserve(self, items: int) -> float:
        """Take a job's share out of the budget; return the money reserved."""
        money = items * self._price
        self.items += items
        self.money += money
        return money

    def settle(self, reserved: float | None, cost: float | None) -> None:
        """Put the real cost in the place of the reserved one; an untold cost leaves the reservation."""
        if cost is not None and reserved is not None:
            self.money += cost - reserved

    def give_back(self, items: int, reserved: float | None) -> None:
        """Return the share of a job that was surely never accepted."""
        if reserved is not None:
            self.items -= items
            self.money -= reserved

    @property
    def knows_price(self) -> bool:
        """Whether money can be reserved beforehand."""
        return self._price > 0


async def price(work: Work) -> float | None:
    """Return the price of one item when the budget limits money or units, None when it does not.

    Raises:
        ConfigError: nobody knows the price, or the platform counts in something else than the budget.
    """
    budget = work.run.budget
    limited = [name for name, limit in (("money", budget.money), ("units", budget.units)) if limit is not None]
    if not limited:
        return None
    estimate = await work.target.estimate(1) if isinstance(work.target, Estimating) else None
    if estimate is None or estimate.money is None:
        raise ConfigError(
            f"the budget limits {limited[0]}, but the platform tells no price beforehand",
            mend="limit `budget.items` in its place",
        )
    counted = "money" if _is_currency(estimate.currency) else "units"
    if limited != [counted]:
        raise ConfigError(
            f"the budget limits {' and '.join(limited)}, but the platform counts in {estimate.currency}",
            mend=f"limit `budget.{counted}` in its place",
        )
    return estimate.money


async def spent_since_cut_off(work: Work) -> tuple[float, Mapping[str, float]]:
    """Return since when the budget runs, and what was spent of it.

    An apply that was killed or interrupted and is started again is still one apply to who set the budget.
    """
    since = work.clock.now()
    if work.run.budget == Budget():
        return since, {}
    cut_off = False
    for run in await work.ledger.runs(work.scope, 1000):
        if run.outcome not in CUT_OFF:
            break
        since, cut_off = run.started_at, True
    return since, await work.ledger.spent(work.scope, since) if cut_off else {}


def _is_currency(code: str) -> bool:
    """Whether this is an ISO 4217 code, and not the platform's own unit."""
    return len(code) == 3 and code.isascii() and code.isupper()
