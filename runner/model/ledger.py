"""The contract of the durable truth, and the rows it gives back."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from runner.model.event import Event
from runner.model.item import Item, Json
from runner.model.job import Adoption, JobStatus


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose lines these are: one stage of one recipe under one profile.

    Attributes:
        profile: empty without one; `emulate` under `--emulate`, so that its results never count for the real platform.
    """

    project: str
    profile: str
    recipe: str
    stage: str = ""


class ItemStatus:
    """The states of an item in the ledger, as text."""

    NEW = "new"
    IN_JOB = "in_job"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ledger knows about one item under the current work hash.

    Attributes:
        id: ledger id of the row (key, content, work); None when there is none yet.
        status: one of `ItemStatus`; `new` when there is no row.
        attempt: number of the last attempt, 0 when it was never in a job.
        job: key of the last job, None without one.
        error: of the last attempt.
        seen: `never` (this key is new), `content` (known with other content), `work` (known with this content under
            another work hash), `same`.
    """

    id: int | None = None
    status: str = ItemStatus.NEW
    attempt: int = 0
    job: str | None = None
    error: str = ""
    seen: str = "never"


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job as the ledger has it.

    Attributes:
        lost: how many replies to its paying request were lost (`JobUnknown`), over all applies.
        connection: account that it went to; None when a runner wrote it that did not know of connections.
    """

    job: str
    status: JobStatus
    attempt: int
    id: str | None
    kept: Mapping[str, Json]
    intended_at: float
    sent_at: float | None
    accepted_at: float | None
    ended_at: float | None
    items: int
    word: str = ""
    error: str = ""
    cost: float | None = None
    settled: bool = False
    adopted: Adoption = Adoption.NO
    stage: str = ""
    reserved: float = 0.0
    lost: int = 0
    connection: str | None = ""


@dataclass(frozen=True, slots=True)
class PlanUse:
    """When a saved plan began to be applied, and when that was over; None while it is not."""

    begun_at: float
    ended_at: float | None


@dataclass(frozen=True, slots=True)
class RunRow:
    """One apply of one stage as the ledger has it."""

    run: int
    started_at: float
    ended_at: float | None
    outcome: str | None
    holder: Mapping[str, Json]
    summary: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Publication:
    """The last `Published` of one sink."""

    sink: str
    publish: str
    version: int
    rows: int
    at: float
    receipt: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One selected item with what came of it, for checks and sinks; in source order.

    `cost` is the reported cost of the item, else its equal share of the cost of its job.

    Attributes:
        job: key of the job, None without one.
        id: the platform's id of the job, None when it has none.
        kept: what was captured of the job; empty when it was not asked for.
        adopted: how the job was found again; empty when its reply named it.
    """

    key: str
    value: Mapping[str, Json]
    status: str
    result: Json
    error: str
    job: str | None
    attempt: int
    cost: float | None
    at: float | None
    id: str | None = None
    kept: Mapping[str, Json] = field(default_factory=dict)
    adopted: Adoption = Adoption.NO


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write to one recipe's scopes.

    `until` and `until_boot` are never later than the moment at which the store lets another holder in: both are counted
    from before the store was asked, and the store counts from after that, on its own clock where it has one.

    Attributes:
        epoch: the fence: grows with every holder; a write under an older epoch is refused.
        until: epoch seconds when it ends by itself, on the wall clock of this process.
        until_boot: the same moment on the boot-time clock of this machine, which runs on while the machine sleeps and
            which cannot be set; infinite in a lease without a holder (`engine.lease.HeldLease` notes it).
    """

    name: str
    epoch: int
    until: float
    until_boot: float = math.inf


class Ledger(Protocol):
    """The durable truth. Every writing verb returns only after the write is on disk (or raises).

    All verbs raise LedgerError when the store cannot be used; writing ones raise LeaseLost under an old epoch.
    """

    async def close(self) -> None:
        """Write what is waiting and let go of the store."""

    def hurry(self) -> None:
        """Give up soon on an unreachable store: this process was asked to end."""

    async def regressed(self, scope: Scope) -> str:
        """Say why jobs of the scope may be missing: the store was deleted, or went back in time. Empty when it did not.

        Then the platform may know jobs that the ledger does not: look for each job before it is sent. Stays until
        `reconciled`.
        """

    async def complete_until(self, scope: Scope) -> float | None:
        """Return epoch seconds before which nothing that was written is missing, although the ledger has regressed.

        None when that is unknown, or nothing is missing.
        """

    async def reconciled(self, scope: Scope, lease: Lease) -> None:
        """Write down that the jobs that might be missing were looked for."""

    # -- who may write
    async def acquire(
        self, name: str, holder: Mapping[str, Json], now: float, ttl_s: float, *, dead_epoch: int | None = None
    ) -> Lease:
        """Take the lease, or take over one that has ended, or that of epoch `dead_epoch`, whose holder surely died.

        Whether a lease has ended is judged by the store's own clock where it has one (Postgres), else by `now`: the
        clocks of two machines may differ by more than a lease lasts.

        Raises:
            LeaseHeld: somebody else has it; carries the holder, with `since`, `until` and `epoch`.
        """

    async def renew(self, lease: Lease, now: float, ttl_s: float) -> Lease:
        """Prolong it; raises LeaseLost when it was taken over."""

    async def release(self, lease: Lease) -> None:
        """Give it back; one that was taken over is left alone."""

    async def holder(self, name: str, now: float) -> Mapping[str, Json] | None:
        """Return who holds the lease, with `since`, `until` and `epoch`; None when it is free. Reading only.

        `until` is on the wall clock that `now` was read from; `since` is on the store's.
        """

    # -- planning: reading only
    async def standings(self, scope: Scope, work: str, items: Sequence[Item]) -> Sequence[Standing]:
        """Return one Standing per item, in order; writes nothing.

        A row under the first version of the work hash counts as one under the hash of today.
        """

    def selected(self, scope: Scope) -> AsyncIterator[Sequence[tuple[str, bytes, str, str]]]:
        """Give (key, content, work, status) of the current selection, in source order, in batches."""

    async def loose(self, scope: Scope, work: str, limit: int) -> Sequence[tuple[int, str, bytes]] | None:
        """Return (position, key, content) of the selected items that have not succeeded under a work hash, in order.

        None when there are more than `limit`, or the work hash is not known.
        """

    async def places(self, scope: Scope, keys: Sequence[str]) -> Mapping[str, tuple[int, bytes]]:
        """Return key to (position, content) for those of some keys that stand in the current selection."""

    async def instance(self) -> str:
        """Return the unique id of this ledger; empty when it does not exist yet, or nothing is stored."""

    async def version(self, scope: Scope) -> int:
        """Return a number that grows whenever selection or outcome of an item of the scope changes; 0 when unknown."""

    async def counts(self, scope: Scope) -> Mapping[str, int]:
        """Return status to number of items of the current selection."""

    async def fingerprint(self, scope: Scope) -> Mapping[str, Json]:
        """Return what `finish_selection` stored with the current selection, empty when there is none."""

    # -- selecting
    async def begin_run(self, scope: Scope, lease: Lease, at: float, holder: Mapping[str, Json]) -> int:
        """Write down that an apply of this scope begins; return its number."""

    async def select(
        self, scope: Scope, lease: Lease, work: str, position: int, items: Sequence[Item]
    ) -> Sequence[Standing]:
        """Add items at `position`.. to the selection being built (position 0 begins it anew).

        Creates missing item rows as `new` and stores their `value`; a row under the first version of the work hash
        becomes one under the hash of today. Returns standings with ids. A key that is already in the selection being
        built gets a Standing with status `duplicate` and is not selected again.
        May return before all is on disk: everything that is written later is written after it, and what goes wrong is
        raised by the next one. Batches of one selection are given one after the other.
        """

    async def finish_selection(self, scope: Scope, lease: Lease, count: int, mark: Mapping[str, Json]) -> bool:
        """Make the selection being built, of `count` items, the current one; return whether it differs from the last.

        `mark` is stored beside it for `fingerprint`.
        """

    async def reset(self, scope: Scope, lease: Lease, statuses: Sequence[str], keys: Sequence[str] | None) -> int:
        """Make selected items of these statuses `new` again (a deliberate retry); return how many. Attempts stay."""

    # -- the protocol
    async def record(self, scope: Scope, lease: Lease, events: Sequence[Event]) -> None:
        """Write events in one transaction, durable on return; many callers at once share one."""

    def jobs(self, scope: Scope, statuses: Sequence[JobStatus] | None = None) -> AsyncIterator[JobRow]:
        """Give the jobs of the scope, oldest first.

        With `statuses` only those, and of the TERMINAL ones among them only the unsettled; None gives all.
        """

    async def jobs_with_ids(
        self, connection: str | None, ids: Sequence[str]
    ) -> Mapping[str, Sequence[tuple[Scope, str]]]:
        """Map remote ids to the (scope, job) that have them, of any recipe, on one connection.

        A job of an unknown connection (None) counts for every one, and None asks for all.
        """

    async def jobs_without_id(self, connection: str | None) -> Sequence[tuple[Scope, str, JobStatus]]:
        """Return the jobs of all recipes on one connection that may exist there under an unknown id.

        These are sent, unknown or held; connections as in `jobs_with_ids`.
        """

    async def job_items(self, scope: Scope, job: str) -> Sequence[tuple[int, Item]]:
        """Return (ledger id, Item without body) of a job, in the job's order."""

    async def lost(self, scope: Scope, job: str) -> int:
        """Return how many replies to the paying request of a job were lost, over all applies."""

    async def understands(self, manifest: str) -> bool:
        """Whether `ManifestUnderstood` was recorded for this digest, in any scope."""

    async def spent(self, scope: Scope, since: float) -> Mapping[str, float]:
        """Return `items`, `jobs` and `money` of the jobs intended since then, reserved or settled.

        Every paying request that may have been paid counts, also one whose job was released without a proof.
        """

    # -- publishing and reading back
    def outcomes(self, scope: Scope, *, with_kept: bool = False) -> AsyncIterator[Sequence[Outcome]]:
        """Yield the current selection with results, in source order, in batches; `kept` of the jobs when asked for."""

    async def publications(self, scope: Scope) -> Mapping[str, Publication]:
        """Return sink to its last publication."""

    async def plan_use(self, scope: Scope, plan: str) -> PlanUse | None:
        """Return what `PlanUsed` said about a saved plan; None when it was never used on this scope."""

    async def runs(self, scope: Scope, limit: int = 20) -> Sequence[RunRow]:
        """Return the latest runs, newest first."""

    async def scopes(self) -> Sequence[Scope]:
        """Return every scope that the ledger knows."""
