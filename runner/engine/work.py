"""One stage with contracts in the place of kinds: what survey, apply and publish work on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from runner.model.contracts import Check, Clock, Expression, Filter, Notifier, Sink, Source, Target
from runner.model.item import Json
from runner.model.ledger import Ledger, Scope
from runner.model.recipe import RunOptions


@dataclass(frozen=True, slots=True)
class Work:
    """Everything one stage needs.

    Attributes:
        scope: whose lines of the ledger these are.
        work: hash of all that reaches the target.
        publish: hash of record shape and checks.
        selector: hash of source, filters and skip: with the source's fingerprint it says whether the selection is old.
        source, target: built, not connected.
        filters, checks, sinks: give fresh objects; each serves one pass.
        record: field to expression; None when rows are the results as they came.
        run: how the work is done.
        allow_empty: whether a publication of no rows may replace one that has rows.
        connection: names the account that jobs go to: remote ids are compared within it; empty without one.
        platform: of the target, None for a kind in Python.
        sink_shapes: of each sink in the order of `sinks()`: the hash of record and options under which it is written,
            then others under which it is current too; empty to go by the record alone.
        sink_kinds: for people, in the order of `sinks()`.
        siblings: the other stages of the recipe with the same work hash; what they paid for is not paid again.
    """

    scope: Scope
    work: str
    publish: str
    selector: str
    source: Source
    filters: Callable[[], Sequence[Filter]]
    target: Target
    checks: Callable[[], Sequence[Check]]
    sinks: Callable[[], Sequence[Sink]]
    ledger: Ledger
    clock: Clock
    record: Mapping[str, Expression | Json] | None = None
    run: RunOptions = field(default_factory=RunOptions)
    skip: str = "succeeded"
    allow_empty: bool = False
    source_text: str = ""
    target_text: str = ""
    connection: str = ""
    sink_shapes: Sequence[Sequence[str]] = ()
    sink_kinds: Sequence[str] = ()
    siblings: Sequence[Scope] = ()
    notifiers: Sequence[Notifier] = ()
    platform: str | None = None

    @property
    def max_in_flight(self) -> int:
        """How many jobs may be in flight at one time, within what the target allows."""
        wanted, most = self.run.max_in_flight, self.target.capabilities.jobs_at_once
        return wanted if most is None else min(wanted, most)

    @property
    def items_per_job(self) -> int:
        """How many items one job gets at most, within what the target allows."""
        wanted = self.run.items_per_job or self.target.capabilities.default_items_per_job
        most = self.target.capabilities.max_items_per_job
        return wanted if most is None else min(wanted, most)
