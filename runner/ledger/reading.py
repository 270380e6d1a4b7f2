"""Rows to the words of the contract: what plan, resume and publish read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from runner.ledger.codec import ADOPTIONS, key_bytes, key_text, text, unpack
from runner.ledger.database import Connection, Row
from runner.model.errors import LedgerError
from runner.model.item import Item, Json
from runner.model.job import JobStatus
from runner.model.ledger import ItemStatus, JobRow, Outcome, PlanUse, Publication, RunRow, Scope

PAGE_SIZE: Final = 1000
_PAGE_BYTES: Final = 4 * 1024 * 1024


def scope_row(connection: Connection, scope: Scope) -> tuple[int, int] | None:
    """Return the row number and the version of a scope, None when the ledger does not know it."""
    rows = connection.fetch("scope_found", **names(scope))
    return (rows[0][0], rows[0][1]) if rows else None


def current(connection: Connection, scope: Scope) -> tuple[int, int, bytes] | None:
    """Return number, count and mark of the current selection, None when there is none."""
    known = scope_row(connection, scope)
    rows = connection.fetch("current", scope=known[0]) if known else []
    return (rows[0][0], rows[0][1], rows[0][2]) if rows else None


def names(scope: Scope) -> dict[str, str]:
    """Return what a scope's row is found by."""
    parts = {"project": scope.project, "profile": scope.profile, "recipe": scope.recipe, "stage": scope.stage}
    return {word: text(part) for word, part in parts.items()}


def works(connection: Connection) -> Mapping[int, str]:
    """Return row number to work hash."""
    return {row[0]: row[1] for row in connection.fetch("works")}


def selected_page(connection: Connection, generation: int, after: int) -> list[Row]:
    """Return (position, key, content, work's row number, status) of the items after a position."""
    return connection.fetch("selected", generation=generation, after=after, size=PAGE_SIZE)


def loose(connection: Connection, scope: int, work: str, limit: int) -> list[tuple[int, str, bytes]] | None:
    """Return (position, key, content) of the selected items that have not succeeded under a work hash; see `Ledger`."""
    known = connection.fetch("work_found", hash=work)
    rows = connection.fetch("loose", scope=scope, work=known[0][0], size=limit + 1) if known else []
    return [(row[0], key_text(row[1]), row[2]) for row in rows] if known and len(rows) <= limit else None


def places(connection: Connection, scope: int, keys: Sequence[str]) -> Mapping[str, tuple[int, bytes]]:
    """Return key to (position, content) for those of some keys that stand in the current selection."""
    rows = connection.fetch("places", [(scope, key_bytes(key)) for key in keys]) if keys else []
    return {key_text(row[0]): (row[1], row[2]) for row in rows}


def outcome_page(connection: Connection, generation: int, after: int, with_kept: object) -> tuple[int, list[Outcome]]:
    """Return the last position and the outcomes after a position: at most a thousand, of 4 MiB or one alone."""
    rows = connection.fetch("outcomes", generation=generation, after=after, size=PAGE_SIZE, bytes=_PAGE_BYTES)
    jobs = {row[-2] for row in rows if row[-2] is not None} if with_kept else set()
    kept = kept_of(connection, sorted(jobs))
    return (rows[-1][0] if rows else after, [_outcome(row, kept.get(row[-2], {})) for row in rows])


def kept_of(connection: Connection, jobs: Sequence[int]) -> Mapping[int, dict[str, Json]]:
    """Return the row number of each job to its captured values."""
    kept: dict[int, dict[str, Json]] = {number: {} for number in jobs}
    if jobs:
        for job, packed in connection.fetch("kept_of_jobs", [(number,) for number in jobs]):
            kept[job].update(unpack(packed))
    return kept


def job_page(
    connection: Connection, scope: tuple[int, Scope], statuses: Sequence[JobStatus] | None, after: int
) -> tuple[int | None, list[JobRow]]:
    """Return the number of the last job that was looked at (None at the end) and those of the statuses among them."""
    is_open = statuses is not None and JobStatus.RELEASED not in statuses
    rows = connection.fetch("jobs_open" if is_open else "jobs_all", scope=scope[0], after=after, size=PAGE_SIZE)
    wanted = [row for row in rows if _is_wanted(row, statuses)]
    kept = kept_of(connection, [row[0] for row in wanted])
    last = rows[-1][0] if len(rows) == PAGE_SIZE else None
    return last, [_job(row, kept[row[0]], scope[1].stage) for row in wanted]


def jobs_with_ids(
    connection: Connection, account: str | None, ids: Sequence[str]
) -> Mapping[str, list[tuple[Scope, str]]]:
    """Return remote id to the (scope, job) that have it on an account; see `Ledger`."""
    found: dict[str, list[tuple[Scope, str]]] = {}
    for remote, *parts, job in connection.fetch("jobs_with_ids", [(key_bytes(one), account) for one in ids]):
        found.setdefault(key_text(remote), []).append((Scope(*parts), job))
    return found


def jobs_without_id(connection: Connection, account: str | None) -> list[tuple[Scope, str, JobStatus]]:
    """Return the (scope, job, status) that may exist on an account under an unknown id; see `Ledger`."""
    rows = connection.fetch("jobs_without_id", connection=account)
    return [(Scope(*parts), job, JobStatus(status)) for *parts, job, status in rows]


def job_items(connection: Connection, scope: int, job: str) -> list[tuple[int, Item]]:
    """Return the items of a job in its order."""
    rows = connection.fetch("items_of_job", scope=scope, job=job)
    return [(row[0], Item(key_text(row[1]), row[2], unpack(row[3]))) for row in rows]


def publications(connection: Connection, scope: int) -> Mapping[str, Publication]:
    """Return sink to its last publication."""
    rows = connection.fetch("publications", scope=scope)
    return {row[0]: Publication(row[0], row[1], row[2], row[3], row[4], unpack(row[5])) for row in rows}


def plan_use(connection: Connection, scope: int, plan: str) -> PlanUse | None:
    """Return what is known of the use of a saved plan."""
    rows = connection.fetch("plan_use", scope=scope, plan=plan)
    return PlanUse(rows[0][0], rows[0][1]) if rows else None


def runs(connection: Connection, scope: int, limit: int) -> list[RunRow]:
    """Return the latest runs, newest first."""
    rows = connection.fetch("runs", scope=scope, size=limit)
    return [RunRow(row[0], row[1], row[2], row[3], unpack(row[4]), unpack(row[5])) for row in rows]


def replaced(place: str) -> LedgerError:
    """Say that a selection vanished while it was read."""
    return LedgerError(
        f"the selection in ledger {place} was replaced by another apply while it was read", mend="run the command again"
    )


def _outcome(row: Row, kept: Mapping[str, Json]) -> Outcome:
    _, key, value, status, result, error, job, attempt, cost, at, adopted, _, remote = row
    answer = unpack(result) if result is not None and status == ItemStatus.SUCCEEDED else None
    told = None if remote is None else key_text(remote)
    how = ADOPTIONS[adopted or 0]
    return Outcome(key_text(key), unpack(value), status, answer, error, job, attempt, cost, at, told, kept, how)


def _is_wanted(row: Row, statuses: Sequence[JobStatus] | None) -> bool:
    status, settled = row[2], row[13]
    return statuses is None or (status in statuses and not settled)


def _job(row: Row, kept: Mapping[str, Json], stage: str) -> JobRow:
    _, job, status, attempt, remote, intended_at, sent_at, accepted_at, ended_at, items, *rest = row
    word, error, cost, settled, adopted, reserved, lost, connection = rest
    return JobRow(
        job=job,
        status=JobStatus(status),
        attempt=attempt,
        id=None if remote is None else key_text(remote),
        kept=kept,
        intended_at=intended_at,
        sent_at=sent_at,
        accepted_at=accepted_at,
        ended_at=ended_at,
        items=items,
        word=word,
        error=error,
        cost=cost,
        settled=bool(settled),
        adopted=ADOPTIONS[adopted],
        stage=stage,
        reserved=reserved,
        lost=lost,
        connection=connection,
    )
