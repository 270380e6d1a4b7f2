"""`runner cancel`: end what runs, on the platform too."""

from __future__ import annotations

from collections.abc import Sequence

import click

from runner.assembly.cancelling import Cancelled, cancel_recipe
from runner.assembly.loading import Loaded
from runner.assembly.session import Session, open_session
from runner.cli import options
from runner.cli.applying import duration
from runner.cli.console import out, out_json, paint, row
from runner.cli.exits import OUTCOMES, Exit, worst
from runner.cli.failures import code_of, tell
from runner.cli.loading import project_line, projects_to_work
from runner.cli.loop import run
from runner.cli.options import Asked
from runner.cli.plan_text import count
from runner.cli.signals import listen
from runner.engine.stop import Reason, Stop
from runner.model.errors import RunnerError
from runner.model.item import Json
from runner.model.recipe import Recipe


@click.command("cancel")
@options.recipes
@options.emulated
@options.output("text", "json")
@click.option("--wait", "wait", metavar="DURATION", help="Wait so long at most for the ends; without it a minute each.")
def command(asked: Asked, *, emulate: bool, form: str, wait: str | None) -> Exit:
    """Cancel the running jobs of recipes, and wait until they have ended.

    Jobs whose reply was lost are looked for first; held jobs that have an id are cancelled, too. Results that have
    arrived are kept; items without one have failed (runner retry sends them again). Ends with 14 when jobs still run,
    because the platform cannot cancel them or has not done so yet.

    \b
    Examples:
      runner cancel -f recipes/invoices.yaml
      runner cancel -f recipes/ --select team=ocr --wait 2m
    """
    return run(_cancel(projects_to_work(asked), form, emulate=emulate, wait_s=duration(wait, "--wait")))


async def _cancel(projects: Sequence[Loaded], form: str, *, emulate: bool, wait_s: float | None) -> Exit:
    stop = Stop()
    listen(stop)
    ended: list[Cancelled] = []
    codes: list[Exit] = []
    for loaded in projects:
        if len(projects) > 1 and form == "text":
            out(project_line(loaded.project.name))
        async with open_session(loaded.project, loaded.known, loaded.catalog, emulate=emulate) as session:
            for recipe in loaded.recipes:
                try:
                    ended += await _one(session, recipe, stop, form, wait_s)
                except RunnerError as error:
                    codes.append(tell(error))
    codes += [_code(each) for each in ended]
    if form == "json":
        out_json({"format_version": 1, "kind": "Cancel", "stages": [_document(each) for each in ended]})
    return Exit.INTERRUPTED if stop.reason is Reason.INTERRUPTED else worst(codes)


async def _one(session: Session, recipe: Recipe, stop: Stop, form: str, wait_s: float | None) -> list[Cancelled]:
    ended = []
    async for each in cancel_recipe(session, recipe, stop.child(), wait_s=wait_s):
        if form == "text":
            out(_block(each))
        ended.append(each)
    return ended


def _code(each: Cancelled) -> Exit:
    if each.report is None:
        return Exit.DONE
    return OUTCOMES[each.report.outcome] if each.report.error is None else code_of(each.report.error)


def _block(each: Cancelled) -> str:
    scope, report = each.work.scope, each.report
    name = paint(f"{scope.recipe + (f'/{scope.stage}' if scope.stage else ''):<12}", "strong")
    if report is None:
        return f"{name} nothing runs"
    jobs = report.progress.jobs
    running = jobs["resumed"] - jobs["finished"] - jobs["held"] - jobs["released"]
    lines = [f"{name} {count(jobs['cancelled'], 'job')} cancelled, {jobs['finished']} ended, {running} still running"]
    lines += [
        row("note", text + (f" ({number} times)" if number > 1 else ""))
        for text, number in report.progress.notes.items()
    ]
    if report.error is not None:
        lines.append(row("error", paint(str(report.error), "bad")))
    return "\n".join(lines)


def _document(each: Cancelled) -> dict[str, Json]:
    scope, report = each.work.scope, each.report
    head: dict[str, Json] = {"project": scope.project, "recipe": scope.recipe, "stage": scope.stage}
    if report is None:
        return {**head, "outcome": "nothing_runs", "jobs": {}}
    progress = report.progress
    return {
        **head,
        "outcome": report.outcome,
        "jobs": dict(progress.jobs),
        "counts": dict(report.counts),
        "notes": dict(progress.notes),
        "error": None if report.error is None else str(report.error),
    }
