"""`runner status`: what the ledger knows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from runner.assembly.loading import Loaded
from runner.assembly.session import open_session
from runner.assembly.status import StageStatus, recipe_status
from runner.cli import options
from runner.cli.console import out, out_json, paint, row
from runner.cli.exits import Exit
from runner.cli.forms.markdown import status_markdown
from runner.cli.loading import project_line, projects_or_stop
from runner.cli.options import Asked
from runner.cli.plan_text import count, holder_text
from runner.engine.publish import CHECKS
from runner.model.item import Json


@click.command("status")
@options.recipes
@options.emulated
@options.output("text", "json", "markdown")
@click.option("--failed", is_flag=True, help="List failed and held items with their errors (the first 1,000).")
@click.option("--rejected", is_flag=True, help="Read the sources and list every row without a usable item.")
def command(
    asked: Asked,
    *,
    emulate: bool,
    form: str,
    failed: bool,
    rejected: bool,
) -> Exit:
    """Show items, jobs, the last apply and the sinks of recipes, from the ledger alone.

    With --rejected the sources are read, too.

    \b
    Examples:
      runner status -f recipes/
      runner status -f recipes/invoices.yaml --failed
      runner status -f recipes/invoices.yaml --rejected -o json
    """
    projects = projects_or_stop(asked)
    found = asyncio.run(_status(projects, emulate=emulate, failed=failed, rejected=rejected))
    if form == "json":
        out_json({"format_version": 1, "kind": "Status", "stages": [_document(one) for one in found]})
    elif form == "markdown":
        out(status_markdown(found))
    else:
        project = ""
        for one in found:
            if len(projects) > 1 and one.scope.project != project:
                project = one.scope.project
                out(project_line(project))
            out(_block(one))
    return Exit.DONE


async def _status(projects: Sequence[Loaded], *, emulate: bool, failed: bool, rejected: bool) -> Sequence[StageStatus]:
    found = list[StageStatus]()
    for loaded in projects:
        async with open_session(loaded.project, loaded.known, loaded.catalog, emulate=emulate) as session:
            for recipe in loaded.recipes:
                found += await recipe_status(session, recipe, failures=failed, rejections=rejected)
    return found


def _document(status: StageStatus) -> dict[str, Json]:
    run = status.run
    return {
        "project": status.scope.project,
        "recipe": status.scope.recipe,
        "stage": status.scope.stage,
        "profile": status.scope.profile,
        "counts": dict(status.counts),
        "jobs": dict(status.jobs),
        "run": run
        and {
            "number": run.run,
            "started_at": run.started_at,
            "ended_at": run.ended_at,
            "outcome": run.outcome,
            "holder": dict(run.holder),
            "summary": dict(run.summary),
        },
        "sinks": [
            {"sink": sink, "rows": last.rows, "at": last.at, "version": last.version}
            for sink, last in status.publications.items()
            if sink != CHECKS
        ],
        "failures": [{"item": key, "status": state, "error": error} for key, state, error in status.failures],
        "rejected": {
            "count": status.rejected,
            "rows": None
            if status.rejections is None
            else [{"place": each.place, "what": each.what} for each in status.rejections],
        },
        "holder": dict(status.holder) if status.holder else None,
    }


def _block(status: StageStatus) -> str:
    name = status.scope.recipe + (f"/{status.scope.stage}" if status.scope.stage else "")
    lines = [paint(name, "strong")]
    rejected = {"rejected": status.rejected}
    lines.append(row("items", _counts({**status.counts, **rejected}) or ("none" if status.is_selected else "none yet")))
    if status.jobs:
        lines.append(row("jobs", _counts(status.jobs)))
    if status.run is not None:
        run = status.run
        ended = f"{run.outcome or 'ended'} {_time(run.ended_at)}" if run.ended_at else "not ended"
        lines.append(row("last apply", f"{ended}, begun {_time(run.started_at)}"))
    if status.holder:
        lines.append(row("locked", holder_text(status.holder)))
    for sink, last in status.publications.items():
        if sink != CHECKS:
            lines.append(row("sink", f"{sink}    {count(last.rows, 'row')}, {_time(last.at)}"))
    lines += [row(state, f"{key}: {error}") for key, state, error in status.failures]
    lines += [row("rejected", f"{each.place}: {each.what}") for each in status.rejections or ()]
    return "\n".join(lines)


def _counts(counts: Json) -> str:
    return "   ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items() if number)


def _time(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
