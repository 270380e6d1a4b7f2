"""The remote piece of work: its states, and what is known about it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol, runtime_checkable

from runner.model.item import Item, Json


class JobStatus(StrEnum):
    """Where a job stands; never-pay-twice.md has the order.

    INTENDED: written down, nothing paid was sent. SENT: the paying request may be on its way. UNKNOWN: nobody knows
    whether it exists. ACCEPTED: the platform gave an id (also after it was found again). RELEASED: it was never
    accepted, its items are free again. The others are the platform's.
    """

    INTENDED = "intended"
    SENT = "sent"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    RUNNING = "running"
    WAITING_HUMAN = "waiting_human"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    HELD = "held"
    RELEASED = "released"


DOUBTFUL: Final = frozenset({JobStatus.INTENDED, JobStatus.SENT, JobStatus.UNKNOWN})
OPEN: Final = frozenset({JobStatus.ACCEPTED, JobStatus.RUNNING, JobStatus.WAITING_HUMAN})
TERMINAL: Final = frozenset(
    {JobStatus.SUCCEEDED, JobStatus.PARTIAL, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED}
)


class Adoption(StrEnum):
    """Why a remote job counts as ours although its reply was lost; empty when the reply named it.

    FOUND: by our correlation id. PROBABLE: the only free candidate for the only doubtful job that it fits. PERSON:
    adopted by a person. FORCED: adopted by a person although another job of ours has it too.
    """

    NO = ""
    FOUND = "found"
    PROBABLE = "probable"
    PERSON = "person"
    FORCED = "forced"


class NotAfter(Protocol):
    """Deadline for the last bytes of a paying request: afterwards its lease may belong to another apply."""

    def left_s(self) -> float:
        """Return the seconds left, by whichever clock is further on; at 0 or less the request must not leave."""


@dataclass(frozen=True, slots=True)
class Job:
    """One remote piece of work over some items.

    Attributes:
        key: 32 hex letters, a function of project, recipe, work, items, contents and attempt.
        attempt: 1 for the first try; a deliberate retry has the next number.
        items: what it works on, in source order. After a restart they come from the ledger and have no body.
        kept: values captured by `prepare`, `submit` and `poll` (a batch id, a status URL); JSON, durable.
        id: the platform's id, None until it was accepted.
        sent_at: epoch seconds when the paying request was first sent, None before.
        accepted_at: epoch seconds when the id became known, None before.
        not_after: looked at right before each write of the paying request; None where no lease is held.
    """

    key: str
    attempt: int
    items: Sequence[Item]
    kept: Mapping[str, Json] = field(default_factory=dict)
    id: str | None = None
    sent_at: float | None = None
    accepted_at: float | None = None
    not_after: NotAfter | None = field(default=None, compare=False, repr=False)


@runtime_checkable
class SupportsUrl(Protocol):
    """A target whose jobs have a web page on the platform."""

    def url(self, job: Job) -> str | None:
        """Return the address of that page, None without one; sends nothing.

        Args:
            job: with id and kept; it may have no items.
        """


@runtime_checkable
class SupportsPredicted(Protocol):
    """A target that knows which items the platform already has results of; `already_predicted` makes them free."""

    async def predicted(self, items: Sequence[Item]) -> Collection[str]:
        """Return the keys of the items that no paying request will be sent for.

        Raises:
            RunnerError: the login is refused, the platform is down.
        """


@dataclass(frozen=True, slots=True)
class JobState:
    """What one question about a job brought to light.

    Attributes:
        status: one of OPEN or TERMINAL, or HELD when the platform said a word the manifest does not name.
        word: the platform's own word for the status.
        progress: 0.0 to 1.0, None when the platform does not tell.
        error: the platform's text about the failure, empty when there is none.
        cost: money the whole job cost, None when not told.
        kept: newly captured values; merged over the job's.
        counters: the platform's own counters, and what a job tells about its progress, for people.
        log: lines that the job printed since it was last asked, for people; never stored in the ledger.
        poll_after_s: when the platform asks to be asked again, None when it does not say.
        reply: the parsed reply, for results that stand in it; never stored.
        bad_items: keys of the items that the platform blames for a failed job; empty when it names none.
    """

    status: JobStatus
    word: str = ""
    progress: float | None = None
    error: str = ""
    cost: float | None = None
    kept: Mapping[str, Json] = field(default_factory=dict)
    counters: Mapping[str, Json] = field(default_factory=dict)
    log: Sequence[str] = ()
    poll_after_s: float | None = None
    reply: Json = None
    bad_items: frozenset[str] = frozenset()

    @property
    def is_terminal(self) -> bool:
        """Whether the job's status will not change by itself any more."""
        return self.status in TERMINAL


@dataclass(frozen=True, slots=True)
class Submitted:
    """The platform accepted the job.

    Attributes:
        id: the platform's id for it.
        kept: values captured from the reply.
        state: how it stands, when the reply told (it may even be done at once); else None.
        reply: to store with `kept` until the results are durable, when only the reply holds them.
        misfit: what the manifest could not read in the reply, although it names the job; empty when it fits.
    """

    id: str
    kept: Mapping[str, Json] = field(default_factory=dict)
    state: JobState | None = None
    reply: Mapping[str, Json] = field(default_factory=dict)
    misfit: str = ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a plan's work would cost, as far as it can be known beforehand.

    Attributes:
        money: in `currency`; None when the platform tells no price.
        currency: ISO 4217 code or the platform's own unit.
        how: one phrase for people, for example `the platform's estimate`.
    """

    money: float | None = None
    currency: str = "USD"
    how: str = "unknown (the platform reports none)"


@dataclass(frozen=True, slots=True)
class Change:
    """Something on the platform, besides jobs, that an apply makes or changes before it submits.

    Attributes:
        what: names it, for example `version "short" of prompt 4`.
        before: field to value, as far as they differ; None when it does not exist yet.
        after: the same fields, as the recipe wants them.
    """

    what: str
    before: Mapping[str, Json] | None
    after: Mapping[str, Json]


class Find(StrEnum):
    """How surely a job whose reply was lost can be found again.

    KEY: the platform deduplicates by the job's key. EXACT: a listing shows it by a mark of ours.
    PROBABLE: a listing shows likely candidates by time and parameters. NONE: it cannot be searched.
    """

    KEY = "key"
    EXACT = "exact"
    PROBABLE = "probable"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a target can do and promises; the plan prints it.

    Attributes:
        find: how surely lost jobs are found again.
        complete: whether "not found" proves that the job does not exist.
        visible_within_s: how long after sending a job may still be missing from the listing.
        max_items_per_job: most items of one job; None for no limit.
        max_bytes_per_job: most body bytes of one job; None for no limit.
        cancel: whether a running job can be cancelled.
        cost: `none`, `job` or `item`: whether and where the platform tells the price afterwards.
        whole_source: one job covers everything the source selects (a run over a project).
        default_items_per_job: what a recipe gets that does not say `items_per_job`.
        key_lifetime_s: with find key, how long the platform remembers a key; None for ever.
        jobs_at_once: most jobs that may be in flight at one time, whatever the recipe says; None for no limit.
        sends_bodies: whether the requests carry item bytes; such a job cannot be sent again from the ledger alone.
    """

    find: Find = Find.NONE
    complete: bool = False
    visible_within_s: float = 0.0
    max_items_per_job: int | None = 1
    max_bytes_per_job: int | None = None
    cancel: bool = False
    cost: str = "none"
    whole_source: bool = False
    default_items_per_job: int = 1
    sends_bodies: bool = False
    jobs_at_once: int | None = None
    key_lifetime_s: float | None = None
