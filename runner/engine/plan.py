"""The plan of one stage: exactly what apply would do, as a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from runner.engine.decide import Decision
from runner.model.item import Rejected
from runner.model.job import Capabilities, Change, Estimate
from runner.model.ledger import Scope

REJECTED_SHOWN = 20


@dataclass(frozen=True, slots=True)
class SinkPlan:
    """What would become of one sink.

    Attributes:
        identity: what it writes to.
        action: `write` or `keep`.
        why: `new`, `rows changed`, `record or options changed`, `lost or changed outside`, or empty.
    """

    identity: str
    action: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class StagePlan:
    """What apply would do for one stage.

    Attributes:
        counts: Decision to number of items.
        reasons: why items are CHANGED: `content`, `work` to number.
        rejected: number of places of the source that hold no usable item; `rejections` are the first of them.
        jobs: jobs still to be submitted.
        open_jobs: JobStatus to number of the jobs in flight.
        to_hold: those of them that apply will hold: in doubt, and the platform cannot be searched for them.
        changes: what would be made or changed on the platform before the first job.
        items: (key, content, reason) of the items that are work, when they were asked for.
        id: 8 hex letters over everything that apply would submit.
        holder: who holds the lease now, None when nobody does; `dead` in it tells that it died.
        missing: why the ledger may lack jobs; empty when it does not.
        version: of the scope in the ledger when the plan was made.
        checks_change: whether apply checks the records again, because the checks differ from those that passed last.
        notes: what the source has decided about what it read: a delimiter, the name of a column; what is asked again.
        instance: of the ledger; empty when there was none yet.
        promise: what is promised about a lost reply, in one line.
        refusal: why apply will stop before it submits anything: no row of the source is usable; empty when it will not.
        rows_before: number of rows that the sinks hold.
        rows_gone: number of them that will go because their items are not selected any more.
        allow_empty: whether no rows at all may take the place of these rows.
        unchanged: True when the source's fingerprint spared reading it.
    """

    scope: Scope
    work: str
    publish: str
    counts: Mapping[Decision, int]
    id: str
    jobs: int = 0
    items_per_job: int = 1
    rejected: int = 0
    rejections: Sequence[Rejected] = ()
    reasons: Mapping[str, int] = field(default_factory=dict)
    open_jobs: Mapping[str, int] = field(default_factory=dict)
    to_hold: Mapping[str, int] = field(default_factory=dict)
    estimate: Estimate = field(default_factory=Estimate)
    capabilities: Capabilities = field(default_factory=Capabilities)
    sinks: Sequence[SinkPlan] = ()
    changes: Sequence[Change] = ()
    items: Sequence[tuple[str, bytes, str]] | None = None
    holder: Mapping[str, object] | None = None
    source_text: str = ""
    target_text: str = ""
    promise: str = ""
    unchanged: bool = False
    checks_change: bool = False
    notes: Sequence[str] = ()
    refusal: str = ""
    rows_before: int = 0
    rows_gone: int = 0
    allow_empty: bool = False
    missing: str = ""
    version: int = 0
    instance: str = ""

    @property
    def total(self) -> int:
        """Number of selected items."""
        return sum(self.counts.values())

    @property
    def to_submit(self) -> int:
        """Number of items that are work."""
        return sum(count for decision, count in self.counts.items() if decision.is_work)

    @property
    def empties(self) -> bool:
        """Whether apply would leave sinks without a row that hold rows now, and refuses that."""
        return bool(self.rows_before) and not self.total and not self.allow_empty

    @property
    def to_take(self) -> int:
        """Number of items whose results the platform has already."""
        return self.counts.get(Decision.PREDICTED, 0)

    @property
    def has_work(self) -> bool:
        """Whether apply would change anything: submit, continue a job, check again, or write a sink."""
        is_due = self.checks_change or any(sink.action == "write" for sink in self.sinks)
        return bool(self.to_submit or self.to_take or self.open_jobs or is_due)


class PlanId:
    """Adds up the id of a plan: work hash, then every item that is work."""

    def __init__(self, work: str, publish: str) -> None:
        self._digest = blake2b(f"{work} {publish}".encode(), digest_size=4)

    def add(self, key: str, content: bytes) -> None:
        """Take one item that is work."""
        self._digest.update(key.encode("utf-8", "surrogatepass") + b"\0" + content)

    def text(self) -> str:
        """Return the 8 hex letters."""
        return self._digest.hexdigest()


def jobs_needed(items: int, per_job: int, *, whole_source: bool) -> int:
    """Return how many jobs `items` items need."""
    if not items:
        return 0
    return 1 if whole_source else -(-items // per_job)


def safety(capabilities: Capabilities, on_unknown_submit: str = "find_then_hold", in_flight: int = 1) -> str:
    """Say in one line what is promised about a lost reply.

    Args:
        capabilities: of the target.
        on_unknown_submit: what the recipe says about jobs that are not found.
        in_flight: jobs that may be on their way at one time.
    """
    jobs = "1 job" if in_flight == 1 else f"{in_flight:,} jobs"
    again = f"an answer lost on the way is paid again, at most {jobs} in flight"
    texts = {
        "key": "a repeated request carries the job's key: no job is paid twice",
        "exact": "lost jobs are found by a mark of ours: no job is paid twice",
        "probable": "lost jobs are looked for by time and parameters; a likely one is named and held for a person",
        "none": "the platform cannot be searched: a job whose reply is lost is held, never sent again by itself",
    }
    if on_unknown_submit == "find_then_adopt":
        texts["probable"] = (
            "lost jobs are looked for by time and parameters; a single likely one is adopted, else all are held"
        )
    elif on_unknown_submit == "find_then_resubmit":
        texts["none"] = f"the platform cannot be searched: {again}"
        texts["probable"] = f"a likely job is named and held for a person; where there is none, {again}"
        if not capabilities.complete:
            texts["exact"] = f"lost jobs are looked for by a mark of ours; where the listing has none, {again}"
        if capabilities.key_lifetime_s is not None:
            texts["key"] += f"; once the platform has forgotten the key, {again}"
    return texts[capabilities.find]


def tally(decisions: Counter[Decision]) -> dict[Decision, int]:
    """Return the counts in the order of Decision, without zeros."""
    return {decision: decisions[decision] for decision in Decision if decisions[decision]}
