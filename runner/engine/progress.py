"""What an apply has done so far, for progress bars and reports; written by the engine, read by anyone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from runner.engine.plan import REJECTED_SHOWN
from runner.model.item import Json, Rejected

FAILURES_KEPT = 1000
COUNTERS_KEPT = 20
NOTES_KEPT = 100


@dataclass(slots=True)
class Progress:
    """Counters of one apply of one stage.

    Attributes:
        expected: items that the plan said are work; 0 when unknown.
        items: `succeeded`, `failed`, `held`, `released` to number, of this apply.
        jobs: `submitted`, `adopted`, `finished`, `held`, `released` ... to number, of this apply.
        in_flight: jobs now between intent and settlement.
        requests: paying requests sent.
        cost: money told by the platform in this apply; None when it told nothing.
        failures: (item key, error) of the first failed items.
        counters: remote id to the platform's own counters, of the first jobs that ended.
        totals: the numbers among the counters, summed over all jobs that ended.
        notes: sentences for people, each once (results for foreign items, duplicates ...).
        repeats: key of a job to why its last step is tried again; empty key for what belongs to no job.
        watch: called with every event when somebody wants them one by one.
    """

    expected: int = 0
    items: Counter[str] = field(default_factory=Counter)
    jobs: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    waiting_human: int = 0
    requests: int = 0
    cost: float | None = None
    rejected: int = 0
    rejections: list[Rejected] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    counters: dict[str, Mapping[str, Json]] = field(default_factory=dict)
    totals: dict[str, Json] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    repeats: dict[str, tuple[str]] = field(default_factory=dict)
    watch: Callable[[Mapping[str, Json]], None] | None = None

    def tell(self, event: str, **facts: Json) -> None:
        """Pass one event on to whoever watches."""
        if self.watch is not None:
            self.watch({"event": event, **facts})

    def note(self, text: str, count: int = 1) -> None:
        """Remember a sentence for the report; of very many different ones the last are only counted."""
        if text not in self.notes and len(self.notes) >= NOTES_KEPT:
            text = "and other notes"
        self.notes[text] = self.notes.get(text, 0) + count

    def repeat(self, job: str, why: str) -> None:
        """Remember why a step of a job is tried again, until it has succeeded."""
        self.repeats[job] = (why,)

    def repeated(self) -> Sequence[tuple[str, int]]:
        """Return the reasons for which something is tried again now, the most frequent first, each with its number."""
        return Counter(why for (why,) in self.repeats.values()).most_common()

    def count(self, job: str, counters: Mapping[str, Json]) -> None:
        """Keep what the platform counted in a job; without a number there is nothing to keep."""
        told = {name: value for name, value in counters.items() if value is not None}
        _sum_up(told, self.totals)
        if told and len(self.counters) < COUNTERS_KEPT:
            self.counters[job] = told

    def fail(self, key: str, error: str) -> None:
        """Count a failed item and keep the first ones by name."""
        self.items["failed"] += 1
        if len(self.failures) < FAILURES_KEPT:
            self.failures.append((key, error))

    def reject(self, rejected: Sequence[Rejected]) -> None:
        """Count places that hold no usable item."""
        self.rejected += len(rejected)
        self.rejections.extend(rejected[: max(0, REJECTED_SHOWN - len(self.rejections))])

    def spend(self, cost: float | None) -> None:
        """Add money that the platform told."""
        if cost is not None:
            self.cost = (self.cost or 0.0) + cost


def _sum_up(counters: Mapping[str, Json], totals: dict[str, Json]) -> None:
    """Add the numbers among some counters to their totals, nested ones by their own names."""
    for name, value in counters.items():
        if isinstance(value, Mapping):
            inner = totals.setdefault(name, {})
            if isinstance(inner, dict):
                _sum_up(value, inner)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            before = totals.get(name, 0)
            if isinstance(before, int | float):
                totals[name] = before + value
