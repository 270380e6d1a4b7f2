"""Events to rows: what a group of events writes, statement by statement, in an order that is safe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from runner.ledger.codec import ADOPTIONS, key_bytes, pack, text
from runner.ledger.database import Connection, Row
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
from runner.model.item import Json, Result
from runner.model.job import TERMINAL, JobStatus
from runner.model.ledger import ItemStatus


@dataclass(frozen=True, slots=True)
class _Step:
    """One statement of a wave.

    Attributes:
        is_outcome: whether it changes what became of items.
        missing: said when it wrote fewer rows than were given.
        only_if: a query without whose rows the statement has nothing to do.
        reads: whether it only looks whether there is a row for every given one.
    """

    name: str
    is_outcome: bool = False
    missing: str = ""
    only_if: str = ""
    reads: bool = False


_NO_JOB: Final = "the ledger has no job"
_TWICE: Final = "an item is held or in another job, and must not be submitted by job"
_EXISTS: Final = "the platform may already have job"

_STEPS: Final = (
    _Step("job_intended", missing=_EXISTS),
    _Step("job_items_added"),
    _Step("items_in_job", is_outcome=True, missing=_TWICE),
    _Step("items_unheld", is_outcome=True, only_if="any_held"),
    _Step("job_sent", missing=_NO_JOB),
    _Step("job_accepted", missing=_NO_JOB),
    _Step("job_unknown", missing=_NO_JOB),
    _Step("job_polled", missing=_NO_JOB),
    _Step("job_kept", missing=_NO_JOB),
    _Step("jobs_found", missing=_NO_JOB, reads=True),
    _Step("results_stored"),
    _Step("items_succeeded", is_outcome=True),
    _Step("items_failed", is_outcome=True),
    _Step("attempts_failed"),
    _Step("items_missing", is_outcome=True),
    _Step("job_settled", missing=_NO_JOB),
    _Step("job_ended", missing=_NO_JOB),
    _Step("items_held", is_outcome=True),
    _Step("job_held", missing=_NO_JOB),
    _Step("items_released", is_outcome=True),
    _Step("job_released", missing=_NO_JOB),
    _Step("kept_dropped"),
    _Step("published"),
    _Step("plan_used"),
    _Step("run_ended", missing="the ledger has no run"),
    _Step("manifest_understood"),
)


@dataclass(slots=True)
class Wave:
    """Rows by statement; one job has at most one event of a kind in it, and later ones are of later kinds."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    ranks: dict[tuple[int, str], int] = field(default_factory=dict)

    def add(self, name: str, row: Row) -> None:
        """Give one more row to a statement."""
        self.rows.setdefault(name, []).append(row)


def waves(calls: Iterable[tuple[int, Sequence[Event]]]) -> list[Wave]:
    """Sort the events of many calls into waves.

    Args:
        calls: the scope's row number and the events of each call, in call order.

    Raises:
        LedgerError: a value cannot be stored; names the item.
    """
    wave = Wave()
    found = [wave]
    for scope, events in calls:
        highest = -1
        for event in events:
            rank, write = _KINDS[type(event)]
            name = _subject(event)
            frees_first = rank == 0 and highest >= _FIRST_OF_ITEMS  # these items may have been freed by this very call
            if frees_first or wave.ranks.get((scope, name), -1) >= rank:
                wave = Wave()
                found.append(wave)
                highest = -1
            wave.ranks[scope, name] = rank
            highest = max(highest, rank)
            write(wave, scope, event)
    return found


def write(connection: Connection, wave: Wave) -> set[int]:
    """Write a wave inside a transaction; return the scopes whose outcomes changed.

    Raises:
        LedgerError: an event does not fit what stands in the ledger.
    """
    changed: set[int] = set()
    for step in _STEPS:
        rows = wave.rows.get(step.name)
        if not rows or (step.only_if and not connection.fetch(step.only_if)):
            continue
        count = len(connection.fetch(step.name, rows)) if step.reads else connection.change(step.name, rows)
        if step.missing and count != len(rows):
            names = ", ".join(sorted({str(row[1]) for row in rows})[:3])
            raise LedgerError(f"{step.missing} {names}", mend="this is a fault of runner: please report it")
        if step.is_outcome and count:
            changed.update(row[0] for row in rows)
    return changed


def _intended(wave: Wave, scope: int, event: JobIntended) -> None:
    job, size = event.job, len(event.items)
    status, sent_at = (JobStatus.SENT, event.at) if event.sent else (JobStatus.INTENDED, None)
    head = (scope, job, status.value, event.attempt, size, event.request, float(event.reserved), event.at, sent_at)
    wave.add("job_intended", (*head, event.connection))
    for position, item in enumerate(event.items):
        wave.add("job_items_added", (scope, job, item, position))
        wave.add("items_in_job", (scope, job, item, event.attempt))


def _sent(wave: Wave, scope: int, event: JobSent) -> None:
    wave.add("items_unheld", (scope, event.job))
    wave.add("job_sent", (scope, event.job, event.at))
    _keep(wave, scope, event.job, event.kept)


def _accepted(wave: Wave, scope: int, event: JobAccepted) -> None:
    wave.add("items_unheld", (scope, event.job))
    wave.add("job_accepted", (scope, event.job, key_bytes(event.id), event.at, ADOPTIONS.index(event.adopted)))
    _keep(wave, scope, event.job, event.kept)


def _unknown(wave: Wave, scope: int, event: JobUnknown) -> None:
    wave.add("items_unheld", (scope, event.job))
    wave.add("job_unknown", (scope, event.job, text(event.why), text(event.word)))


def _polled(wave: Wave, scope: int, event: JobPolled) -> None:
    job, error = event.job, text(event.error)
    if event.status is JobStatus.HELD:
        wave.add("items_held", (scope, job, error or text(event.word)))
    else:
        wave.add("items_unheld", (scope, job))
    ended_at = event.at if event.status in TERMINAL else None
    wave.add("job_polled", (scope, job, event.status.value, text(event.word), error, ended_at))
    _keep(wave, scope, job, event.kept)


def _done(wave: Wave, scope: int, event: ItemsDone) -> None:
    if _last(wave, scope, event.job) is None:  # else `job_polled` finds out whether there is such a job
        wave.add("jobs_found", (scope, event.job))
    for result in first_successes(event.results):
        key = key_bytes(result.key)
        if result.error:
            error = text(result.error)
            wave.add("items_failed", (scope, event.job, key, error, result.cost, event.at))
            wave.add("attempts_failed", (scope, event.job, key, error))
        else:
            packed = pack(result.value, f"item {result.key!r}")
            wave.add("results_stored", (scope, event.job, key, packed))
            wave.add("items_succeeded", (scope, event.job, key, result.cost, event.at))


def _settled(wave: Wave, scope: int, event: JobSettled) -> None:
    if event.missing:
        wave.add("items_missing", (scope, event.job, text(event.missing), event.at))
    polled = _last(wave, scope, event.job)
    if polled is None:
        wave.add("job_settled", (scope, event.job, event.at, event.cost))
        return
    wave.rows["job_polled"].pop()  # one statement for the usual end: the last status, the results, settled
    *status, ended_at = polled
    wave.add("job_ended", (*status, event.at if ended_at is None else ended_at, event.cost))


def _last(wave: Wave, scope: int, job: str) -> Row | None:
    """Return what `job_polled` was given last, if it is for this job."""
    rows = wave.rows.get("job_polled")
    return rows[-1] if rows and rows[-1][:2] == (scope, job) else None


def _held(wave: Wave, scope: int, event: JobHeld) -> None:
    why = text(event.why)
    wave.add("items_held", (scope, event.job, why))
    wave.add("job_held", (scope, event.job, why))


def _released(wave: Wave, scope: int, event: JobReleased) -> None:
    status = ItemStatus.FAILED if event.error else ItemStatus.NEW
    wave.add("kept_dropped", (scope, event.job))
    wave.add("items_released", (scope, event.job, status, text(event.error)))
    wave.add("job_released", (scope, event.job, event.at, text(event.why), int(event.unproven)))


def _published(wave: Wave, scope: int, event: Published) -> None:
    receipt = pack(event.receipt, f"the receipt of sink {event.sink}")
    wave.add("published", (scope, event.sink, event.publish, event.version, event.rows, event.at, receipt))


def _plan_used(wave: Wave, scope: int, event: PlanUsed) -> None:
    wave.add("plan_used", (scope, event.plan, event.at, event.at if event.is_over else None))


def _ended(wave: Wave, scope: int, event: RunEnded) -> None:
    wave.add("run_ended", (scope, event.run, event.outcome, event.at, pack(event.summary, f"run {event.run}")))


def _understood(wave: Wave, scope: int, event: ManifestUnderstood) -> None:
    wave.add("manifest_understood", (event.manifest, event.at))


def _keep(wave: Wave, scope: int, job: str, kept: Mapping[str, Json]) -> None:
    if kept:
        rows = wave.rows.setdefault("job_kept", [])
        rows.append((scope, job, len(rows), pack(kept, f"job {job}")))


def first_successes(results: Sequence[Result]) -> Iterable[Result]:
    """Return one result per key: its first success, else its last failure."""
    best: dict[str, Result] = {}
    for result in results:
        if result.key not in best or best[result.key].error:
            best[result.key] = result
    return best.values()


def _subject(event: Event) -> str:
    if isinstance(event, Published):
        return f"sink {event.sink}"
    if isinstance(event, PlanUsed):
        return f"plan {event.plan}"
    if isinstance(event, ManifestUnderstood):
        return f"manifest {event.manifest}"
    return f"run {event.run}" if isinstance(event, RunEnded) else event.job


_Write: TypeAlias = Callable[[Wave, int, Any], None]
_KINDS: Final[Mapping[type, tuple[int, _Write]]] = {
    JobIntended: (0, _intended),
    JobSent: (1, _sent),
    JobAccepted: (2, _accepted),
    JobUnknown: (3, _unknown),
    JobPolled: (4, _polled),
    ItemsDone: (5, _done),
    JobSettled: (6, _settled),
    JobHeld: (7, _held),
    JobReleased: (8, _released),
    Published: (9, _published),
    PlanUsed: (10, _plan_used),
    RunEnded: (11, _ended),
    ManifestUnderstood: (12, _understood),
}
_FIRST_OF_ITEMS: Final = 5
