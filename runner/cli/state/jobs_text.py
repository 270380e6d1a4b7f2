"""Jobs of the ledger as text and as JSON."""

from __future__ import annotations

from datetime import UTC, datetime

from runner.assembly.deciding import Found
from runner.assembly.item_state import ItemState
from runner.cli.console import paint, row
from runner.cli.plan_text import count
from runner.model.item import Json
from runner.model.job import DOUBTFUL, JobStatus

KEY_SHOWN = 12
"""Letters of a job's key that are shown in a list; any beginning that is unique names the job."""


def line(found: Found) -> str:
    """Return one job in one line."""
    job = found.row
    look = "bad" if job.status is JobStatus.HELD else "warn" if job.status in DOUBTFUL else "dim"
    parts = [
        job.job[:KEY_SHOWN],
        paint(f"{job.status:<13}", look),
        f"{count(job.items, 'item'):<12}",
        f"attempt {job.attempt}",
        time(job.sent_at or job.intended_at),
        name(found),
        job.id or "no id",
        job.error or job.word,
    ]
    return "  ".join(parts).rstrip()


def head(found: Found) -> str:
    """Return what is known of one job, line by line."""
    job = found.row
    times = {
        "intended": job.intended_at,
        "sent": job.sent_at,
        "accepted": job.accepted_at,
        "ended": job.ended_at,
    }
    lines = [paint(f"job {job.job}", "strong"), row("recipe", name(found)), row("status", f"{job.status}")]
    lines.append(row("platform", f"{job.id or 'no id known'}{f' ({job.word})' if job.word else ''}"))
    lines += [row(word, time(at)) for word, at in times.items() if at is not None]
    lines.append(
        row("items", f"{job.items}, attempt {job.attempt}" + (f", adopted ({job.adopted})" if job.adopted else ""))
    )
    if job.cost is not None or job.reserved:
        told = f"cost {job.cost:g}" if job.cost is not None else f"reserved {job.reserved:g}"
        lines.append(row("cost", told))
    if job.error:
        lines.append(row("why", job.error))
    return "\n".join(lines)


def document(found: Found) -> dict[str, Json]:
    """Return one job as JSON."""
    job, scope = found.row, found.scope
    return {
        "job": job.job,
        "project": scope.project,
        "recipe": scope.recipe,
        "stage": scope.stage,
        "profile": scope.profile,
        "status": str(job.status),
        "id": job.id,
        "items": job.items,
        "attempt": job.attempt,
        "word": job.word,
        "error": job.error,
        "intended_at": job.intended_at,
        "sent_at": job.sent_at,
        "accepted_at": job.accepted_at,
        "ended_at": job.ended_at,
        "settled": job.settled,
        "adopted": bool(job.adopted),
        "adoption": str(job.adopted),
        "connection": job.connection,
        "reserved": job.reserved,
        "cost": job.cost,
        "kept": dict(job.kept),
    }


def item_block(state: ItemState) -> str:
    """Return the lines about an item in one stage."""
    outcome, job = state.outcome, state.job
    lines = [row("recipe", name(state)), row("status", f"{outcome.status}, attempt {outcome.attempt}")]
    if outcome.error:
        lines.append(row("why", outcome.error))
    if outcome.cost is not None:
        lines.append(row("cost", f"{outcome.cost:g}"))
    if job is not None:
        lines.append(row("job", f"{job.job} {job.status}, {job.id or 'no id known'}, {time(job.sent_at)}"))
    return "\n".join(lines)


def item_document(state: ItemState) -> dict[str, Json]:
    """Return the same as JSON."""
    outcome, scope, job = state.outcome, state.scope, state.job
    return {
        "project": scope.project,
        "recipe": scope.recipe,
        "stage": scope.stage,
        "profile": scope.profile,
        "status": outcome.status,
        "attempt": outcome.attempt,
        "error": outcome.error,
        "cost": outcome.cost,
        "job": job and job.job,
        "job_status": job and str(job.status),
        "id": job and job.id,
    }


def name(found: Found | ItemState) -> str:
    """Return recipe and stage."""
    return found.scope.recipe + (f"/{found.scope.stage}" if found.scope.stage else "")


def time(at: float | None) -> str:
    """Return a moment as people write it; empty for None."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
