"""`runner apply`: make it true, once."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import click

from runner.assembly.loading import Loaded
from runner.assembly.run import Applied, Planned, Wishes, apply_recipe
from runner.assembly.session import Session, open_session
from runner.cli import options
from runner.cli.apply_text import apply_block, apply_document
from runner.cli.console import out, out_json
from runner.cli.exits import OUTCOMES, Exit, worst
from runner.cli.failures import code_of, tell
from runner.cli.forms.junit import junit
from runner.cli.forms.markdown import apply_markdown
from runner.cli.loading import load_or_stop
from runner.cli.options import Asked
from runner.cli.plan_text import plan_block
from runner.cli.progress_line import ProgressLine
from runner.cli.signals import listen
from runner.engine.progress import Progress
from runner.engine.stop import Reason, Stop
from runner.model.errors import RunnerError
from runner.model.recipe import Recipe
from runner.recipe.duration import seconds


@click.command("apply")
@options.recipes
@options.emulated
@options.output("text", "json", "jsonl", "markdown", "junit")
@click.option(
    "--wait", "wait", metavar="DURATION", help="End with code 14 after this time (10m, 2h); jobs run on remotely."
)
def command(
    asked: Asked,
    *,
    emulate: bool,
    form: str,
    wait: str | None,
) -> Exit:
    """Submit what is new, go on with what runs, collect, check, and write the sinks.

    Applied again it does nothing. Killed at any moment, the next apply goes on: nothing is lost, nothing paid twice.
    The first Ctrl-C ends submitting and leaves jobs running remotely, the second one ends at once; both are safe.

    \b
    Examples:
      runner apply -f recipes/invoices.yaml --emulate
      runner apply -f recipes/ --select team=ocr --wait 10m
      runner apply -f recipes/ -o jsonl > events.jsonl
    """
    loaded = load_or_stop(asked)
    try:
        wait_s = seconds(wait) if wait else None
    except ValueError as error:
        raise click.UsageError(f"--wait: {error}") from error
    return asyncio.run(_apply(loaded, Screen(form), emulate=emulate, wait_s=wait_s))


class Screen:
    """What the user sees of an apply, in the form that was asked for."""

    def __init__(self, form: str) -> None:
        self._form = form
        self._applied: list[Applied] = []

    async def begin(self, planned: Planned, progress: Progress, stack: AsyncExitStack) -> None:
        """Show the plan of a stage, and its progress until the stack is left."""
        if self._form == "jsonl":
            progress.watch = lambda event: out_json(event, indent=None)
            return
        if self._form == "text" and planned.plan.has_work:
            out(plan_block(planned.plan, planned.work.run.budget, len(planned.stage.checks)))
        await stack.enter_async_context(ProgressLine(planned.recipe.name, progress, planned.work.clock.monotonic))

    def end(self, applied: Applied) -> None:
        """Show what came of a stage."""
        if self._form == "text":
            out(apply_block(applied))
        elif self._form == "jsonl":
            out_json({"event": "stage_ended", **apply_document(applied)}, indent=None)
        self._applied.append(applied)

    def close(self, code: Exit) -> None:
        """Show what can only be shown at the end."""
        if self._form == "json":
            stages = [apply_document(applied) for applied in self._applied]
            out_json({"format_version": 1, "kind": "Apply", "exit_code": int(code), "stages": stages})
        elif self._form == "markdown":
            out(apply_markdown(self._applied))
        elif self._form == "junit":
            out(junit(self._applied))


async def _apply(loaded: Loaded, screen: Screen, *, emulate: bool, wait_s: float | None) -> Exit:
    stop = Stop()
    listen(stop)
    codes: list[Exit] = []
    async with open_session(loaded.project, loaded.recipes, loaded.catalog, emulate=emulate) as session:
        for recipe in loaded.recipes:
            if stop.everything:
                break
            codes.append(await _recipe(session, recipe, stop, screen, wait_s))
    code = Exit.INTERRUPTED if stop.reason is Reason.INTERRUPTED else worst(codes)
    screen.close(code)
    return code


async def _recipe(session: Session, recipe: Recipe, stop: Stop, screen: Screen, wait_s: float | None) -> Exit:
    """Apply one recipe; an error of one does not keep the others from being applied."""
    codes: list[Exit] = []
    mine = stop.child()
    try:
        async with AsyncExitStack() as stack:
            wishes = Wishes(wait_s=wait_s, begin=lambda planned, progress: screen.begin(planned, progress, stack))
            async for applied in apply_recipe(session, recipe, mine, wishes):
                await stack.aclose()
                screen.end(applied)
                codes.append(_code(applied))
    except RunnerError as error:
        codes.append(tell(error))
    return worst(codes)


def _code(applied: Applied) -> Exit:
    if applied.report is None:
        return Exit.DONE
    error = applied.report.error
    return OUTCOMES[applied.report.outcome] if error is None else code_of(error)
