"""What the ledger in memory holds, and what each event does to it: the plainest form of the rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from runner.ledger.codec import pack, text, unpack
from runner.ledger.fold import first_successes
from runner.model.errors import LedgerError
from runner.model.event import (
    Event,
    ItemsDone,
    JobAccepted,
    JobHeld,
    JobIntended,
    JobPolled,
    JobReleased,
    JobSent,
    JobSettled,
    JobUnknown,
    ManifestUnderstood,
    PlanUsed,
    Published,
    RunEnded,
)
from runner.model.item import Json
from runner.model.job import TERMINAL, JobStatus
from runner.model.ledger import ItemStatus, JobRow, PlanUse, Publication, RunRow

FAULT: Final = "this is a fault of runner: please report it"


@dataclass
class ItemRow:
    """One key with one content under one work hash."""

    id: int
    key: str
    content: bytes
    work: str
    value: bytes
    status: str = ItemStatus.NEW
    attempt: int = 0
    job: str | None = None
    error: str = ""
    cost: float | None = None
    at: float | None = None
    result: bytes | None = None


@dataclass
class JobRows:
    """One job, the ids of its items, what it reserves, and how many of its requests were not proven unpaid."""

    row: JobRow
    items: tuple[int, ...]
    reserved: float
    unproven: int = 0


@dataclass
class ScopeRows:
    """All that one scope has."""

    version: int = 0
    by_key: dict[str, list[ItemRow]] = field(default_factory=dict)
    selection: list[ItemRow] | None = None
    mark: Mapping[str, Json] = field(default_factory=dict)
    building: dict[str, ItemRow] | None = None
    jobs: dict[str, JobRows] = field(default_factory=dict)
    runs: dict[int, RunRow] = field(default_factory=dict)
    publications: dict[str, Publication] = field(default_factory=dict)
    plans: dict[str, PlanUse] = field(default_factory=dict)


class Tables:
    """The rows of all items, and the events that change them."""

    def __init__(self) -> None:
        self.items: dict[int, ItemRow] = {}
        self.understood: set[str] = set()
        self._undo: dict[int, Callable[[], None]] = {}

    def apply(self, known: ScopeRows, events: Sequence[Event]) -> None:
        """Do what the events say, all or nothing."""
        self._undo = {}
        try:
            for event in events:
                _APPLY[type(event)](self, known, event)
        except BaseException:
            for undo in self._undo.values():
                undo()
            raise

    def _change(self, rows: ItemRow | JobRows | ScopeRows, /, **values: Json) -> None:
        before = dict(vars(rows))
        self._undo.setdefault(id(rows), lambda: vars(rows).update(before))
        vars(rows).update(values)

    def _job(self, known: ScopeRows, job: str, **values: Json) -> JobRows:
        if job not in known.jobs:
            raise LedgerError(f"the ledger has no job {job}", mend=FAULT)
        found = known.jobs[job]
        kept = {**found.row.kept, **unpack(pack(values.pop("kept", {}), f"job {job}"))}
        self._change(found, row=replace(found.row, kept=kept, **values))
        return found

    def _items_of(self, job: JobRows, *statuses: str) -> list[ItemRow]:
        rows = (self.items[number] for number in job.items)
        return [row for row in rows if row.job == job.row.job and row.status in statuses]

    def _move(self, known: ScopeRows, rows: Sequence[ItemRow], **values: Json) -> None:
        for row in rows:
            self._change(row, **values)
        if rows:
            self._change(known, version=known.version + 1)

    def _unhold(self, known: ScopeRows, job: str) -> None:
        found = known.jobs.get(job)
        if found is not None and found.row.status is JobStatus.HELD:
            self._move(known, self._items_of(found, ItemStatus.HELD), status=ItemStatus.IN_JOB, error="")

    def _intended(self, known: ScopeRows, event: JobIntended) -> None:
        old = known.jobs.get(event.job)
        if old is not None and old.row.status not in (JobStatus.INTENDED, JobStatus.RELEASED):
            raise LedgerError(f"the platform may already have job {event.job}", mend=FAULT)
        rows = [self.items[number] for number in dict.fromkeys(event.items) if number in self.items]
        is_free = all(row.status not in (ItemStatus.HELD, ItemStatus.IN_JOB) or _is_in(row, event.job) for row in rows)
        if not is_free or len(rows) != len(event.items):
            raise LedgerError(
                f"an item is held or in another job, and must not be submitted by job {event.job}", mend=FAULT
            )
        status, sent_at = (JobStatus.SENT, event.at) if event.sent else (JobStatus.INTENDED, None)
        facts = (event.at, sent_at, None, None, len(rows))
        head = JobRow(
            event.job, status, event.attempt, None, {}, *facts, reserved=event.reserved, connection=event.connection
        )
        if old is None:
            known.jobs[event.job] = JobRows(head, tuple(event.items), event.reserved)
            self._undo[id(known.jobs[event.job])] = lambda: _forget(known, event.job)
        else:
            head = replace(head, lost=old.row.lost)
            self._change(old, row=head, items=tuple(event.items), reserved=event.reserved)
        self._move(known, rows, status=ItemStatus.IN_JOB, attempt=event.attempt, job=event.job, error="")

    def _sent(self, known: ScopeRows, event: JobSent) -> None:
        self._unhold(known, event.job)
        job = self._job(known, event.job, status=JobStatus.SENT, error="", kept=event.kept)
        self._job(known, event.job, sent_at=event.at if job.row.sent_at is None else job.row.sent_at)

    def _accepted(self, known: ScopeRows, event: JobAccepted) -> None:
        self._unhold(known, event.job)
        job = self._job(known, event.job, status=JobStatus.ACCEPTED, id=event.id, error="", kept=event.kept)
        at = event.at if job.row.accepted_at is None else job.row.accepted_at
        self._job(known, event.job, accepted_at=at, adopted=event.adopted)

    def _unknown(self, known: ScopeRows, event: JobUnknown) -> None:
        self._unhold(known, event.job)
        lost = known.jobs[event.job].row.lost + 1 if event.job in known.jobs else 1
        self._job(known, event.job, status=JobStatus.UNKNOWN, error=text(event.why), word=text(event.word), lost=lost)

    def _polled(self, known: ScopeRows, event: JobPolled) -> None:
        job, error, word = self._job(known, event.job), text(event.error), text(event.word)
        if event.status is JobStatus.HELD:
            self._move(known, self._items_of(job, ItemStatus.IN_JOB), status=ItemStatus.HELD, error=error or word)
        else:
            self._unhold(known, event.job)
        ended_at = event.at if event.status in TERMINAL and job.row.ended_at is None else job.row.ended_at
        self._job(known, event.job, status=event.status, word=word, error=error, ended_at=ended_at, kept=event.kept)

    def _done(self, known: ScopeRows, event: ItemsDone) -> None:
        job = self._job(known, event.job)
        for result in first_successes(event.results):
            rows = [self.items[number] for number in job.items if self.items[number].key == result.key]
            rows = [row for row in rows if row.job == event.job and row.status != ItemStatus.SUCCEEDED]
            done: dict[str, Any] = {"cost": result.cost, "at": event.at, "error": text(result.error)}
            if result.error:
                rows = [row for row in rows if row.status != ItemStatus.NEW]
                self._move(known, rows, status=ItemStatus.FAILED, **done)
            else:
                packed = pack(result.value, f"item {result.key!r}")
                self._move(known, rows, status=ItemStatus.SUCCEEDED, result=packed, **done)

    def _settled(self, known: ScopeRows, event: JobSettled) -> None:
        job = self._job(known, event.job)
        if event.missing:
            missing = self._items_of(job, ItemStatus.IN_JOB, ItemStatus.HELD)
            self._move(known, missing, status=ItemStatus.FAILED, error=text(event.missing), at=event.at)
        ended_at = event.at if job.row.ended_at is None else job.row.ended_at
        self._job(known, event.job, settled=True, cost=event.cost, ended_at=ended_at)

    def _held(self, known: ScopeRows, event: JobHeld) -> None:
        job = self._job(known, event.job, status=JobStatus.HELD, error=text(event.why))
        self._move(known, self._items_of(job, ItemStatus.IN_JOB), status=ItemStatus.HELD, error=text(event.why))

    def _released(self, known: ScopeRows, event: JobReleased) -> None:
        why = text(event.why)
        job = self._job(known, event.job, status=JobStatus.RELEASED, error=why, ended_at=event.at)
        self._change(job, row=replace(job.row, kept={}), unproven=job.unproven + event.unproven)
        status = ItemStatus.FAILED if event.error else ItemStatus.NEW
        rows = self._items_of(job, ItemStatus.IN_JOB, ItemStatus.HELD)
        for row in rows if not event.error else ():
            self._change(row, attempt=row.attempt - 1)
        self._move(known, rows, status=status, error=text(event.error))

    def _published(self, known: ScopeRows, event: Published) -> None:
        receipt = unpack(pack(event.receipt, f"the receipt of sink {event.sink}"))
        row = Publication(event.sink, event.publish, event.version, event.rows, event.at, receipt)
        self._change(known, publications={**known.publications, event.sink: row})

    def _plan_used(self, known: ScopeRows, event: PlanUsed) -> None:
        use = known.plans.get(event.plan, PlanUse(event.at, None))
        if event.is_over and use.ended_at is None:
            use = replace(use, ended_at=event.at)
        self._change(known, plans={**known.plans, event.plan: use})

    def _understood(self, known: ScopeRows, event: ManifestUnderstood) -> None:
        self.understood.add(event.manifest)

    def _ended(self, known: ScopeRows, event: RunEnded) -> None:
        if event.run not in known.runs:
            raise LedgerError(f"the ledger has no run {event.run}", mend=FAULT)
        summary = unpack(pack(event.summary, f"run {event.run}"))
        ended = replace(known.runs[event.run], ended_at=event.at, outcome=event.outcome, summary=summary)
        self._change(known, runs={**known.runs, event.run: ended})


_APPLY: Final[Mapping[type, Callable[[Tables, ScopeRows, Any], None]]] = {
    JobIntended: Tables._intended,
    JobSent: Tables._sent,
    JobAccepted: Tables._accepted,
    JobUnknown: Tables._unknown,
    JobPolled: Tables._polled,
    ItemsDone: Tables._done,
    JobSettled: Tables._settled,
    JobHeld: Tables._held,
    JobReleased: Tables._released,
    Published: Tables._published,
    PlanUsed: Tables._plan_used,
    RunEnded: Tables._ended,
    ManifestUnderstood: Tables._understood,
}


def _is_in(row: ItemRow, job: str) -> bool:
    return row.status == ItemStatus.IN_JOB and row.job == job


def _forget(known: ScopeRows, job: str) -> None:
    del known.jobs[job]
