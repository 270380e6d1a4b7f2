"""`runner plan`: exactly what apply would do, and what it would cost."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from runner.assembly.freezing import frozen_now
from runner.assembly.loading import Loaded
from runner.assembly.orphans import Orphan, orphans
from runner.assembly.run import Planned, plan_recipe
from runner.assembly.saving import SavedPlan, plan_document, read_plan, write_plan
from runner.assembly.session import open_session
from runner.cli import options
from runner.cli.applying import duration
from runner.cli.console import out, out_json, paint
from runner.cli.exits import Exit
from runner.cli.forms.markdown import plan_markdown
from runner.cli.loading import load_to_work, project_line, projects_to_work, to_work
from runner.cli.loop import run
from runner.cli.options import Asked
from runner.cli.orphaned import freeze_lines, freeze_note, orphan_lines, orphan_note, tells_orphans
from runner.cli.plan_file import head, meant_by
from runner.cli.plan_text import plan_block, summary
from runner.cli.untrusted_plan import plan_without_trust
from runner.engine.plan import StagePlan
from runner.model.item import Json
from runner.model.recipe import Budget
from runner.transport.clock import SystemClock


@click.command("plan")
@options.recipes
@options.emulated
@options.output("text", "json", "markdown")
@click.option("--exit-code", is_flag=True, help="End with 11 when rows are rejected, 10 when there is work, else 0.")
@click.option(
    "--out", "file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Save it for `apply FILE`."
)
@click.option(
    "--valid", default="7d", show_default=True, metavar="DURATION", help="How long the saved plan is good for."
)
@click.option(
    "--untrusted", is_flag=True, help="Plan without ledger, secret, command or host, for a stranger's checkout."
)
@click.option(
    "--trusted",
    "ref",
    default="",
    metavar="REF",
    help="Use the connections, ledger, manifests, secrets and allowed commands of REF, for a branch of the team.",
)
@click.option(
    "--show", "shown", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Show a saved plan."
)
def command(asked: Asked, *, form: str, shown: Path | None, **wishes: Any) -> Exit:  # noqa: ANN401 - click's form
    """Say what apply would do: what is new, changed, done or held, in how many jobs, for how much, into which sinks.

    Nothing is submitted and nothing is written. While an apply runs the plan answers too, and says who works.

    \b
    Examples:
      runner plan -f recipes/
      runner plan -f recipes/invoices.yaml --exit-code -o json
      runner plan -f recipes/ --out plan.json; runner plan --show plan.json; runner apply plan.json
      runner plan -f recipes/ --trusted origin/main --out plan.json
      runner plan -f recipes/ --untrusted -o markdown
    """
    if shown is not None:
        return _show(read_plan(shown))
    if wishes["untrusted"]:
        if wishes["file"] is not None or wishes["ref"] or wishes["exit_code"] or asked.emulate:
            raise click.UsageError("--untrusted cannot be used with --out, --trusted, --exit-code or --emulate")
        return plan_without_trust(replace(asked, is_trusted=False), form)
    if wishes["ref"]:
        return _plan_trusted(asked, form, wishes)
    return _tell([load_to_work(asked)] if wishes["file"] is not None else projects_to_work(asked), asked, form, wishes)


def _plan_trusted(asked: Asked, form: str, wishes: Mapping[str, Any]) -> Exit:
    from runner.gitops.trusted_ref import trusted_project  # start-up: only when asked for

    if asked.emulate:
        raise click.UsageError("--trusted plans with real connections: omit --emulate")
    with trusted_project(
        asked.paths,
        wishes["ref"],
        environ=os.environ,
        variables=dict(asked.variables),
        profile=asked.profile,
        trigger=dict(asked.trigger) or None,
    ) as loaded:
        return _tell(to_work([loaded], asked), asked, form, {**wishes, "is_shy": True})


def _tell(projects: Sequence[Loaded], asked: Asked, form: str, wishes: Mapping[str, Any]) -> Exit:
    """Plan, save the plan where that was asked for, and show it."""
    file: Path | None = wishes["file"]
    valid_s = duration(wishes["valid"], "--valid") or 0.0
    planned, gone = run(_plan(projects, asked, with_items=form == "json" or file is not None))
    now = SystemClock().now()
    if wishes.get("is_shy"):
        planned = [replace(one, plan=replace(one.plan, rejections=(), notes=())) for one in planned]
    plans = [one.plan for one in planned]
    frozen = frozen_now([one.project for one in projects], now)
    if form == "json" or file is not None:
        names = {one.project.name for one in projects}
        meant = meant_by(asked, names.pop() if len(names) == 1 else "")
        notes = {**freeze_note(frozen), **orphan_note(gone)}
        document = plan_document(plans, meant, now, valid_s, notes)
    if file is not None:
        write_plan(file, document)
    if form == "json":
        out_json(_without_items(document) if wishes.get("is_shy") else document)
    elif form == "markdown":
        out(plan_markdown(planned, [*freeze_lines(frozen), *orphan_lines(gone)], projects[0].project.profile))
    else:
        _tell_text(projects, planned, [*orphan_lines(gone), *freeze_lines(frozen)], file)
    return _code(plans) if wishes["exit_code"] else Exit.DONE


def _without_items(document: Mapping[str, Json]) -> Mapping[str, Json]:
    stages = [{name: value for name, value in stage.items() if name != "items"} for stage in document["stages"]]
    return {**document, "stages": stages}


def _tell_text(projects: Sequence[Loaded], planned: Sequence[Planned], lines: Sequence[str], file: Path | None) -> None:
    project = ""
    for one in planned:
        if len(projects) > 1 and one.plan.scope.project != project:
            project = one.plan.scope.project
            out(project_line(project))
        out(plan_block(one.plan, one.work.run.budget, len(one.stage.checks)))
        out()
    for line in lines:
        out(paint(line, "warn"))
    out(summary([one.plan for one in planned]) + (f"; saved as {file}" if file is not None else ""))


def _code(plans: Sequence[StagePlan]) -> Exit:
    """Return the code of `--exit-code`: rejected rows outweigh work."""
    if any(plan.rejected for plan in plans):
        return Exit.FAILED_ITEMS
    return Exit.WORK if any(plan.has_work for plan in plans) else Exit.DONE


def _show(saved: SavedPlan) -> Exit:
    """Show a saved plan as it was made; the world is not asked."""
    out(head(saved, SystemClock().now()))
    out()
    for plan in saved.plans():
        out(plan_block(plan, Budget(), 0))
        out()
    out(summary(saved.plans()))
    return Exit.DONE


async def _plan(projects: Sequence[Loaded], asked: Asked, *, with_items: bool) -> tuple[list[Planned], list[Orphan]]:
    planned, gone = list[Planned](), list[Orphan]()
    for loaded in projects:
        async with open_session(loaded.project, loaded.known, loaded.catalog, emulate=asked.emulate) as session:
            for recipe in loaded.recipes:
                planned += await plan_recipe(session, recipe, with_items=with_items)
            gone += await orphans(session) if tells_orphans(asked) else ()
    return planned, gone
