"""Applies loaded recipes and shows how it goes; what `apply` and `retry` have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace

import click

from runner.assembly.asked import refuse_unknown
from runner.assembly.deciding import abandoned
from runner.assembly.freezing import refuse_when_frozen
from runner.assembly.loading import Loaded
from runner.assembly.run import Applied, Planned, Wishes, apply_recipe
from runner.assembly.session import Session, open_session
from runner.cli.apply_text import apply_block, apply_document
from runner.cli.console import out, out_event, out_json
from runner.cli.exits import OUTCOMES, Exit, worst
from runner.cli.failures import code_of, tell
from runner.cli.forms.junit import junit
from runner.cli.forms.markdown import apply_markdown
from runner.cli.loading import project_line
from runner.cli.plan_text import plan_block
from runner.cli.progress_line import ProgressLine
from runner.cli.signals import listen
from runner.engine.progress import Progress
from runner.engine.stop import Reason, Stop
from runner.model.duration import parse_duration
from runner.model.errors import Interrupted, RunnerError
from runner.model.item import Json
from runner.model.recipe import Recipe


class Screen:
    """What the user sees of an apply, in the form that was asked for."""

    def __init__(self, form: str) -> None:
        self._form = form
        self._applied: list[Applied] = []
        self.stop = Stop()
        self._is_silent = False

    def begin_project(self, name: str) -> None:
        """Print which of several projects is next."""
        if self._form == "text":
            out(project_line(name))

    async def begin(self, planned: Planned, progress: Progress, stack: AsyncExitStack) -> None:
        """Show the plan of a stage, and its progress until the stack is left."""
        if self._form == "jsonl":
            scope = planned.work.scope
            progress.watch = lambda event: self._pass_on(
                {
                    "event": event["event"],
                    "project": scope.project,
                    "recipe": scope.recipe,
                    "stage": scope.stage,
                    **event,
                }
            )
            return
        if self._form == "text" and planned.plan.has_work:
            out(plan_block(planned.plan, planned.work.run.budget, len(planned.stage.checks)))
        await stack.enter_async_context(ProgressLine(planned.recipe.name, progress, planned.work.clock.monotonic))

    def _pass_on(self, event: Mapping[str, Json]) -> None:
        """Print an event; when nobody can read it the apply ends in order, never in the midst of a job's steps."""
        if self._is_silent:
            return
        try:
            out_event(event)
        except OSError as error:
            self._is_silent = True
            what = f"standard output cannot be written: {error.strerror or error}"
            told = RunnerError(what, mend="what was done is in the ledger: apply again to go on")
            self.stop.ask(Reason.ERROR, told)
            with suppress(OSError):  # standard error may have gone the same way: `2>&1 | head`
                tell(told)

    def end(self, applied: Applied) -> None:
        """Show what came of a stage."""
        if self._form == "text":
            out(apply_block(applied))
        elif self._form == "jsonl":
            self._pass_on({"event": "stage_ended", **apply_document(applied)})
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


async def apply_projects(projects: Sequence[Loaded], screen: Screen, wishes: Wishes, *, emulate: bool) -> Exit:
    """Apply all recipes one after the other; the worst of their codes is the code of all.

    Raises:
        PlanRefused: a freeze window of the only project is on.
        UsageError: items are to be tried again that no recipe selects, or a job given up that is not there; nothing
            was done.
    """
    codes: list[Exit] = []
    listen(screen.stop)
    for loaded in projects:
        if screen.stop.everything:
            break
        try:
            if len(projects) > 1:
                screen.begin_project(loaded.project.name)
            codes += await _project(loaded, screen, wishes, emulate=emulate)
        except RunnerError as error:
            if len(projects) == 1:
                raise
            codes.append(tell(error))
    code = Exit.INTERRUPTED if screen.stop.reason is Reason.INTERRUPTED else worst(codes)
    screen.close(code)
    return code


async def _project(loaded: Loaded, screen: Screen, wishes: Wishes, *, emulate: bool) -> list[Exit]:
    stop = screen.stop
    codes: list[Exit] = []
    async with open_session(loaded.project, loaded.known, loaded.catalog, emulate=emulate) as session:
        refuse_when_frozen(loaded.project, session.clock.now(), wishes.origin)
        recipes = loaded.recipes
        if wishes.again is not None and wishes.again.abandoned:
            recipes, again = await abandoned(session, recipes, wishes.again.abandoned)
            wishes = replace(wishes, again=again)
        elif wishes.again is not None and wishes.again.keys is not None:
            await stop.unless(refuse_unknown(session, recipes, wishes.again.keys))
        if wishes.replaced:
            await stop.unless(refuse_unknown(session, recipes, wishes.replaced, replaced=True))
        for recipe in recipes:
            if stop.everything:
                break
            codes.append(await _recipe(session, recipe, stop, screen, wishes))
    return codes


async def _recipe(session: Session, recipe: Recipe, stop: Stop, screen: Screen, wishes: Wishes) -> Exit:
    """Apply one recipe; an error of one does not keep the others from being applied."""
    codes: list[Exit] = []
    mine = stop.child()
    try:
        async with AsyncExitStack() as stack:
            seen = replace(wishes, begin=lambda planned, progress: screen.begin(planned, progress, stack))
            async for applied in apply_recipe(session, recipe, mine, seen):
                await stack.aclose()
                screen.end(applied)
                codes.append(_code(applied))
    except Interrupted:
        codes.append(Exit.INTERRUPTED if mine.error is None else tell(mine.error))
    except RunnerError as error:
        codes.append(tell(error))
    return worst(codes)


def _code(applied: Applied) -> Exit:
    if applied.report is None:
        return Exit.DONE
    error = applied.report.error
    return OUTCOMES[applied.report.outcome] if error is None else code_of(error)


def duration(text: str | None, option: str) -> float | None:
    """Return the seconds of `10m`; None without a text.

    Raises:
        click.UsageError: it is not a duration.
    """
    try:
        return parse_duration(text) if text else None
    except ValueError as error:
        raise click.UsageError(f"{option}: {error}") from error
