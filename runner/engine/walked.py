"""What one walk over the source brings to light, item by item."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from runner.engine.decide import Decision
from runner.engine.plan import REJECTED_SHOWN, PlanId
from runner.engine.work import Work
from runner.model.item import Rejected


class Walked:
    """The counts so far, and what is work.

    Attributes:
        items: (key, content, reason) of what is work, when the list was asked for.
        unchanged: whether the source was not read at all.
        refusal: why apply will stop before it submits anything; empty when it will not.
        rows_gone: published rows whose items are not selected any more.
        selection_differs: whether other items, or in another order, are selected than by the last apply.
    """

    def __init__(self, work: Work, *, with_items: bool = False) -> None:
        self.counts: Counter[Decision] = Counter()
        self.reasons: Counter[str] = Counter()
        self.rejected = 0
        self.rejections: list[Rejected] = []
        self.items: list[tuple[str, bytes, str]] = []
        self.unchanged = False
        self.refusal = ""
        self.rows_gone = 0
        self.selection_differs = True
        self._with_items = with_items
        self._id = PlanId(work.work, work.publish)

    @property
    def id(self) -> str:
        """The id of the plan."""
        return self._id.text()

    def add(self, key: str, content: bytes, decision: Decision, seen: str) -> None:
        """Take the next item of the source; `seen` as in its standing."""
        self.counts[decision] += 1
        if decision is Decision.CHANGED:
            self.reasons[seen] += 1
        if decision.is_taken:
            self._id.add(key, content)
            if self._with_items:
                self.items.append((key, content, decision))

    def reject(self, rejected: Sequence[Rejected]) -> None:
        """Take places that hold no usable item."""
        self.rejected += len(rejected)
        self.rejections.extend(rejected[: REJECTED_SHOWN - len(self.rejections)])
