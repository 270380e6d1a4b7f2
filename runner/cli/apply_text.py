"""What an apply came to, as text."""

from __future__ import annotations

from collections.abc import Mapping

from runner.assembly.run import Applied
from runner.cli.console import paint, row
from runner.cli.plan_text import count
from runner.engine.run import StageReport
from runner.model.item import Json

_SAY = {
    "done": ("good", "done"),
    "failed_items": ("warn", "done, but items failed"),
    "check_failed": ("bad", "a check failed: the sinks are untouched, the results are kept"),
    "budget": ("warn", "stopped by the budget"),
    "pending": ("warn", "pending: run apply again to go on"),
    "held": ("bad", "held: a person must decide (runner state list)"),
    "interrupted": ("warn", "interrupted: the state is safe; run apply again to go on"),
    "stopped": ("bad", "stopped: the state is safe; run apply again to go on"),
}
FAILURES_SHOWN = 10
RECORDS_SHOWN = 2
REPEATS_SHOWN = 3


def apply_block(applied: Applied) -> str:
    """Return the block of one stage."""
    report, name = applied.report, _name(applied)
    if report is None:
        return f"{paint(f'{name:<12}', 'strong')} {paint(f'not applied: {applied.why}', 'warn')}"
    style, text = _SAY[report.outcome]
    if report.outcome == "failed_items" and not report.counts.get("failed"):
        text = "done, but rows were rejected"
    if report.outcome in ("done", "failed_items") and not applied.planned.plan.has_work and not report.progress.jobs:
        look = "good" if report.outcome == "done" else "warn"
        return f"{paint(f'{name:<12}', 'strong')} {paint('nothing to do', look)}    {_items(report)}"
    lines = [f"{paint(f'{name:<12}', 'strong')} {paint(text, style)}    {applied.seconds:.1f} s"]
    lines.append(row("items", _items(report)))
    lines.extend(_jobs(report))
    lines.extend(_problems(report))
    published = report.published
    if published is not None:
        for verdict in published.verdicts:
            mark, look = ("pass", "good") if verdict.passed else ("FAIL", "bad")
            lines.append(row("check", f"{paint(mark, look)} {verdict.what}"))
        lines.extend(row("sink", f"{identity}    {count(rows, 'row')}") for identity, rows in published.written.items())
        if published.kept:
            lines.append(row("sink", f"{published.kept} up to date"))
    if report.error is not None:
        lines.append(row("error", paint(str(report.error), "bad")))
        mend = getattr(report.error, "mend", "")
        if mend:
            lines.append(row("mend", mend))
    return "\n".join(lines)


def _jobs(report: StageReport) -> list[str]:
    """Return what became of the jobs, what they cost, and what the platform itself counted in them."""
    lines, jobs = [], report.progress.jobs
    if jobs:
        shown = "   ".join(f"{number} {name}" for name, number in jobs.items() if number)
        cost = f"   cost {report.progress.cost:g}" if report.progress.cost is not None else ""
        lines.append(row("jobs", shown + cost))
    if counted := _counted(report.progress.totals):
        lines.append(row("counted", f"{counted}    by the platform, in {count(jobs['finished'], 'job')}"))
    return lines


def apply_document(applied: Applied) -> dict[str, Json]:
    """Return the same as JSON."""
    scope, report = applied.planned.work.scope, applied.report
    document: dict[str, Json] = {
        "project": scope.project,
        "recipe": scope.recipe,
        "stage": scope.stage,
        "plan": applied.planned.plan.id,
    }
    if report is None:
        return {**document, "outcome": "not_applied", "why": applied.why}
    published = report.published
    return {
        **document,
        "outcome": report.outcome,
        "seconds": round(applied.seconds, 3),
        "counts": dict(report.counts),
        "jobs": dict(report.progress.jobs),
        "requests": report.progress.requests,
        "cost": report.progress.cost,
        "counted": dict(report.progress.totals),
        "counters": {job: dict(told) for job, told in report.progress.counters.items()},
        "rejected": {
            "count": report.progress.rejected,
            "first": [{"place": each.place, "what": each.what} for each in report.progress.rejections],
        },
        "failures": [{"item": key, "error": error} for key, error in report.progress.failures],
        "notes": dict(report.progress.notes),
        "waiting": [{"why": why, "jobs": number} for why, number in report.progress.repeated()],
        "checks": [
            {"passed": verdict.passed, "what": verdict.what, "severity": verdict.severity, "details": verdict.details}
            for verdict in (published.verdicts if published else ())
        ],
        "sinks": dict(published.written) if published else {},
        "error": str(report.error) if report.error is not None else None,
    }


def _name(applied: Applied) -> str:
    scope = applied.planned.work.scope
    return scope.recipe + (f"/{scope.stage}" if scope.stage else "")


def _items(report: StageReport) -> str:
    counts, done = dict(report.counts), report.progress.items
    if not counts and done.total():
        shown = "   ".join(f"{number} {status}" for status, number in done.items() if number)
        return f"{shown}    in this apply; the source was not read to its end"
    parts = [f"{number} {status.replace('_', ' ')}" for status, number in counts.items() if number]
    if report.progress.rejected:
        parts.append(f"{report.progress.rejected} rejected")
    return "   ".join(parts) or "none"


def _counted(told: Mapping[str, Json]) -> str:
    """Return the platform's own counters of a job in one line; nested ones by their own names."""
    parts = [
        _counted(value) if isinstance(value, Mapping) else f"{name} {value}"
        for name, value in told.items()
        if value is not None
    ]
    return "   ".join(parts)


def _problems(report: StageReport) -> list[str]:
    progress = report.progress
    lines = [row("rejected", f"{each.place}: {each.what}") for each in progress.rejections[:FAILURES_SHOWN]]
    if progress.rejected > len(lines):
        lines.append(row("", f"and {progress.rejected - len(lines):,} more (runner status --rejected)"))
    failures = progress.failures
    lines += [row("failed", f"{key}: {error}") for key, error in failures[:FAILURES_SHOWN]]
    if len(failures) > FAILURES_SHOWN:
        lines.append(row("", f"and {len(failures) - FAILURES_SHOWN} more (runner status --failed)"))
    if report.published is not None:
        lines += [row("record", f"{key}: {error}") for key, error in report.published.unrecordable[:RECORDS_SHOWN]]
    lines += [
        row("note", text + (f" ({number} times)" if number > 1 else "")) for text, number in progress.notes.items()
    ]
    if report.outcome in ("pending", "interrupted"):
        repeats = progress.repeated()[:REPEATS_SHOWN]
        lines += [row("waiting", f"{count(number, 'job')} to be tried again: {why}") for why, number in repeats]
    return lines
