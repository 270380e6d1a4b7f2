"""A recipe as data: what should be true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runner.model.item import Json
from runner.model.problem import Mark

if TYPE_CHECKING:
    from runner.model.contracts import Expression


@dataclass(frozen=True, slots=True)
class Component:
    """One connector as the recipe names it.

    Attributes:
        kind: `jsonl`, `aihub.app` ...
        options: rendered values; a field whose schema marks a run-time scope holds an `Expression` or, in nested
            data, `Expression`s at its leaves.
        mark: where the recipe names it.
        plain: the options as written and rendered, with expressions as their text: what is hashed and shown.
    """

    kind: str
    options: Mapping[str, Json]
    mark: Mark
    plain: Mapping[str, Json] = field(default_factory=dict)

    @property
    def platform(self) -> str | None:
        """Name of the platform when the kind lives on one (`aihub` of `aihub.app`), else None."""
        head, dot, _ = self.kind.partition(".")
        return head if dot else None


@dataclass(frozen=True, slots=True)
class PollRhythm:
    """When a job is asked how it stands; all in seconds."""

    first_s: float = 1.0
    factor: float = 1.5
    max_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Budget:
    """What one apply may spend; None is no limit."""

    items: int | None = None
    units: float | None = None
    money: float | None = None


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How the work is done; nothing here changes what reaches the target, so it is in no hash.

    Attributes:
        items_per_job: None takes the target's default.
        max_in_flight: jobs accepted by the platform and not finished, at one time.
        timeout_s: how long one job may take from its acceptance; None waits for ever.
        deadline_s: how long one apply may take as a whole; None for no limit.
        max_pause_s: how long the platform may ask to wait; for longer the apply ends, and a later one goes on.
        attempts: how often an item that failed for a passing reason is tried within one apply, at least 1.
        on_unknown_submit: `find_then_hold`, `find_then_adopt` or `find_then_resubmit`.
        same_failure_limit: how often the paying request of a job is sent when its outcome stays unknown each time; then
            the items fail (the job certainly does not exist) or are held.
    """

    items_per_job: int | None = None
    max_in_flight: int = 64
    timeout_s: float | None = 86_400.0
    deadline_s: float | None = None
    max_pause_s: float = 900.0
    poll: PollRhythm = PollRhythm()
    budget: Budget = Budget()
    attempts: int = 1
    on_unknown_submit: str = "find_then_hold"
    same_failure_limit: int = 3


@dataclass(frozen=True, slots=True)
class Stage:
    """One round of filter, target, checks and sinks.

    Attributes:
        name: empty for the only stage of a recipe without `stages`.
        needs: names of the stages that must have passed before.
        filters: in the order in which they are applied; `skip` and `subset` are not among them.
        subset: `all`, `has_ground_truth` ... or None when the recipe does not say.
        skip: `succeeded`, `already_predicted` or `nothing`.
        record: field name to expression (or fixed JSON value); None when rows are the results as they came.
        work: 32 hex letters: target kind, manifest, options: all that reaches the target.
        publish: 32 hex letters: record shape, checks, sinks.
        allow_empty: whether a publication of no rows may replace one that has rows; in no hash.
    """

    name: str
    needs: Sequence[str]
    source: Component
    filters: Sequence[Component]
    subset: Component | None
    skip: str
    target: Component
    record: Mapping[str, Expression | Json] | None
    checks: Sequence[Component]
    sinks: Sequence[Component]
    work: str
    publish: str
    allow_empty: bool = False


@dataclass(frozen=True, slots=True)
class Recipe:
    """One recipe, loaded, checked and rendered for load time.

    Attributes:
        path: of its file, as the user gave it.
        vars: name to value, defaults filled.
        trigger: the values of the trigger that started it, empty otherwise.
    """

    name: str
    path: str
    stages: Sequence[Stage]
    run: RunOptions = RunOptions()
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    vars: Mapping[str, Json] = field(default_factory=dict)
    triggers: Sequence[Component] = ()
    notify: Sequence[Component] = ()
    trigger: Mapping[str, Json] = field(default_factory=dict)
