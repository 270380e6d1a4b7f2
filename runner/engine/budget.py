"""What one apply may spend: reserved before a job is sent, settled with the real price."""

from __future__ import annotations

from runner.model.recipe import Budget


class Purse:
    """Counts what is reserved and spent against the budget of one apply.

    Money is reserved at the estimated price of an item (`price`), and corrected when a job tells its real cost; so
    the limit can be passed only by what the platform charged above its own estimate.
    """

    def __init__(self, budget: Budget, price: float | None = None) -> None:
        self._budget = budget
        self._limit = budget.money if budget.money is not None else budget.units
        self._price = price or 0.0
        self.items = 0
        self.money = 0.0

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

    def settle(self, reserved: float, cost: float | None) -> None:
        """Put the real cost in the place of the reserved one; an untold cost leaves the reservation."""
        if cost is not None:
            self.money += cost - reserved

    def give_back(self, items: int, reserved: float) -> None:
        """Return the share of a job that was surely never accepted."""
        self.items -= items
        self.money -= reserved

    @property
    def knows_price(self) -> bool:
        """Whether money can be reserved beforehand."""
        return self._price > 0
