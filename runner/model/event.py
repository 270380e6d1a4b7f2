"""The lines of the ledger: what happened to a job or an item, in the order of never-pay-twice.md.

Every event is durable before the step after it begins. Times are epoch seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from runner.model.item import Json, Result
from runner.model.job import Adoption, JobStatus


@dataclass(frozen=True, slots=True)
class JobIntended:
    """A job will be sent: written before its first byte. Its items become `in_job` with this attempt.

    A job that was only intended, or released, may be intended again. Refused with LedgerError is an item that is held
    or in another job, and a job that the platform may already have.

    Attributes:
        items: ledger ids of the items (`Standing.id`), in the job's order.
        request: digest of what will be sent, hex; empty when it is only known after `prepare`.
        reserved: items, units or money taken out of the budget until the job is settled.
        sent: True when nothing is prepared first, so that intended and sent are one durable write.
        connection: names the account that it goes to (`Work.connection`); empty for a target without one.
    """

    job: str
    attempt: int
    items: Sequence[int]
    at: float
    request: str = ""
    reserved: float = 0.0
    sent: bool = False
    connection: str = ""


@dataclass(frozen=True, slots=True)
class JobSent:
    """The paying request is about to leave, with these captured values."""

    job: str
    at: float
    kept: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobAccepted:
    """The platform has the job under this id; `adopted` says how it was found again."""

    job: str
    id: str
    at: float
    kept: Mapping[str, Json] = field(default_factory=dict)
    adopted: Adoption = Adoption.NO


@dataclass(frozen=True, slots=True)
class JobUnknown:
    """The reply was lost: whether the job exists is unknown. The ledger counts these events of a job.

    Attributes:
        word: `accepted` when a 2xx was seen whose body was lost: no listing can disprove the job. Else empty.
    """

    job: str
    at: float
    why: str
    word: str = ""


@dataclass(frozen=True, slots=True)
class JobReleased:
    """The job was surely never accepted; its items are `new` again, or failed when `error` is set.

    Items that are new again get the attempt back: the same work is sent under the same key.

    Attributes:
        unproven: whether its paying request may have been paid all the same: it was sent, and no reply proves that
            nothing was created; only a listing does not show it. Budgets continue to count it.
    """

    job: str
    at: float
    why: str
    error: str = ""
    unproven: bool = False


@dataclass(frozen=True, slots=True)
class JobPolled:
    """The platform's status, when it differs from the one before, and newly captured values.

    A terminal status is written before the results are fetched; `JobSettled` follows after them.
    """

    job: str
    status: JobStatus
    at: float
    word: str = ""
    error: str = ""
    kept: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ItemsDone:
    """Results of some items of one job; a Result with an error fails its item."""

    job: str
    results: Sequence[Result]
    at: float


@dataclass(frozen=True, slots=True)
class JobHeld:
    """A person must decide about the job; its unfinished items are `held`."""

    job: str
    at: float
    why: str


@dataclass(frozen=True, slots=True)
class JobSettled:
    """All results of a terminal job are committed; items without one fail with `missing`.

    Attributes:
        cost: what it really cost; None when not told.
        missing: error of the items that got no result; empty when all have theirs, and none need be looked for.
    """

    job: str
    at: float
    cost: float | None = None
    missing: str = "no result"


@dataclass(frozen=True, slots=True)
class Published:
    """A sink holds the records.

    Attributes:
        sink: identity of the sink: kind and rendered options, hex digest.
        publish: the publish hash that it was written with.
        version: `Ledger.version` of the scope that it shows.
        receipt: what the sink needs to recognise its own work later (path, size, digest ...).
    """

    sink: str
    publish: str
    version: int
    rows: int
    at: float
    receipt: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlanUsed:
    """A saved plan begins to be applied, or has been: then it cannot be used again.

    Attributes:
        plan: its id.
        is_over: False at the beginning, True when all that it allowed has come to an end.
    """

    plan: str
    at: float
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class RunEnded:
    """One apply of one stage is over.

    Attributes:
        outcome: `done`, `failed_items`, `check_failed`, `budget`, `pending`, `held`, `cancelled`, `interrupted`,
            `stopped`.
    """

    run: int
    outcome: str
    at: float
    summary: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ManifestUnderstood:
    """A reply to a paying request was read as a manifest says.

    Attributes:
        manifest: digest of the manifest and the kind of target, and the account of the platform.
    """

    manifest: str
    at: float


Event: TypeAlias = (
    JobIntended
    | JobSent
    | JobAccepted
    | JobUnknown
    | JobReleased
    | JobPolled
    | ItemsDone
    | JobHeld
    | JobSettled
    | Published
    | PlanUsed
    | RunEnded
    | ManifestUnderstood
)
