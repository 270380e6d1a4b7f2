"""What to do with one item: a pure function of what the ledger knows about it."""

from __future__ import annotations

from enum import StrEnum

from runner.model.errors import LedgerError
from runner.model.ledger import ItemStatus, Standing


class Decision(StrEnum):
    """Where an item stands in a plan. NEW, CHANGED, AGAIN and RETRY are work; the others are not.

    SHARED: another stage of the recipe has paid for it, or will have when this stage begins.
    PREDICTED: the platform has its result already, which is taken without a paying request.
    """

    NEW = "new"
    CHANGED = "changed"
    AGAIN = "again"
    RETRY = "retry"
    PENDING = "pending"
    SHARED = "shared"
    PREDICTED = "predicted"
    DONE = "done"
    FAILED = "failed"
    HELD = "held"

    @property
    def is_work(self) -> bool:
        """Whether the item will be in a job that is still to be submitted."""
        return self in _WORK

    @property
    def is_taken(self) -> bool:
        """Whether an apply does something for the item: submits it, or takes the result that the platform has."""
        return self in _WORK or self is Decision.PREDICTED


_WORK = frozenset({Decision.NEW, Decision.CHANGED, Decision.AGAIN, Decision.RETRY})
RETRIES = frozenset({Decision.RETRY})


def decide(standing: Standing, *, skip: str, attempts: int) -> Decision:
    """Say what becomes of an item.

    Args:
        standing: what the ledger knows.
        skip: `succeeded`, `already_predicted` or `nothing` (then done items are work again).
        attempts: an item that failed fewer times than this is tried again without being asked for.

    Raises:
        LedgerError: the ledger holds a status that nobody writes.
    """
    match standing.status:
        case ItemStatus.SUCCEEDED:
            return Decision.AGAIN if skip == "nothing" else Decision.DONE
        case ItemStatus.IN_JOB:
            return Decision.PENDING
        case ItemStatus.HELD:
            return Decision.HELD
        case ItemStatus.FAILED:
            return Decision.RETRY if standing.attempt < attempts else Decision.FAILED
        case ItemStatus.NEW:
            return _fresh(standing)
    raise LedgerError(
        f"the ledger holds an item of the unknown status {standing.status!r}: it is damaged",
        mend="restore it from a copy; nothing is submitted from a ledger that cannot be trusted",
    )


def _fresh(standing: Standing) -> Decision:
    if standing.attempt:
        return Decision.RETRY
    return Decision.CHANGED if standing.seen in ("content", "work") else Decision.NEW
