"""Runs the cases of a trial, each in a project of its own that leaves nothing behind."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from runner.assembly.run import Applied, Wishes, apply_recipe
from runner.assembly.session import Session, open_session
from runner.assembly.trial.comparing import Discrepancy, Outcome, discrepancies
from runner.assembly.trial.document import Case, Trial
from runner.assembly.trial.promises import broken_promises
from runner.assembly.trial.stands import Means, Scene, scene_of
from runner.assembly.trial.subject import parts_of, platforms_of, subject_of
from runner.emulators import EMULATORS
from runner.engine.record import records
from runner.engine.stop import Stop
from runner.engine.work import Work
from runner.model.errors import RecipeError, RunnerError
from runner.model.item import Json
from runner.model.ledger import ItemStatus
from runner.model.problem import Problem
from runner.model.recipe import Recipe

LONGEST_S: Final = 600.0
"""How long a case may take, on the clock of its scene; then its outcome is `pending`."""

ROWS_KEPT: Final = 100_000


@dataclass(frozen=True, slots=True)
class Tried:
    """One case with what was found; no finding means that it passed, or was skipped.

    Attributes:
        skipped: why it was not run; empty when it was.
    """

    trial: Trial
    case: Case
    findings: Sequence[Problem]
    seconds: float
    skipped: str = ""


async def run_case(trial: Trial, case: Case, means: Means) -> Tried:
    """Run one case of a trial."""
    began = time.monotonic()
    findings: Sequence[Problem] = ()
    skipped = ""
    try:
        with tempfile.TemporaryDirectory(prefix="runner-test-") as folder:
            skipped, found = await _case(trial, case, Path(folder), means)
        findings = [Problem(each.slug, each.what, trial.mark(case, each.at), each.mend) for each in found]
    except RecipeError as error:
        findings = error.problems
    except RunnerError as error:
        findings = [Problem("not-run", str(error), trial.mark(case), error.mend)]
    return Tried(trial, case, findings, time.monotonic() - began, skipped)


async def _case(trial: Trial, case: Case, place: Path, means: Means) -> tuple[str, Sequence[Discrepancy]]:
    """Return why the case was not run, and what was found."""
    loaded = subject_of(trial, case, place, means.environ, is_trusted=means.is_trusted)
    (recipe,) = loaded.recipes
    if why := _why_not(case, recipe, means):
        return why, ()
    async with AsyncExitStack() as stack:
        platform = recipe.stages[0].target.platform
        scene = await stack.enter_async_context(scene_of(trial, case, platform, loaded.catalog, means))
        opened = open_session(
            loaded.project, [recipe], loaded.catalog, emulate=scene.stands, environ=means.environ, clock=scene.clock
        )
        session = await stack.enter_async_context(opened)
        works = await session.work(recipe)
        found = await _outcome(session, recipe, scene)
        is_good = not discrepancies(case.expect, found)
        broken = await _broken(works[0], scene) if case.promises and is_good else ()
        return "", [*discrepancies(case.expect, replace(found, unexpected=scene.unexpected())), *broken]


async def _broken(work: Work, scene: Scene) -> Sequence[Discrepancy]:
    try:
        return await broken_promises(work, scene.clock)
    except RunnerError as error:
        return [Discrepancy("broken-promise", str(error), ("promises",), error.mend)]


def _why_not(case: Case, recipe: Recipe, means: Means) -> str:
    if not means.is_trusted and any("argv" in part.options for stage in recipe.stages for part in parts_of(stage)):
        return "it runs a command, which --untrusted does not allow"
    if case.recorded is not None:
        return ""
    if means.against:
        return "it turns knobs of the emulator" if case.emulator else ""
    real = [platform for platform in platforms_of(recipe) if platform not in EMULATORS]
    return f"there is no emulator of {real[0]}: record an exchange, or name a place with --against URL" if real else ""


async def _outcome(session: Session, recipe: Recipe, scene: Scene) -> Outcome:
    """Apply, and gather what came of it; what stops the apply before a stage has begun is an outcome too."""
    applied: list[Applied] = []
    try:
        async for each in apply_recipe(session, recipe, Stop(), Wishes(wait_s=LONGEST_S)):
            applied.append(each)
    except RecipeError:
        raise
    except RunnerError as error:
        return Outcome("stopped", accepted=scene.accepted(), error=_said(error))
    begun = [each for each in applied if each.report is not None]
    decisive = next((each for each in begun if each.report is not None and each.report.outcome != "done"), begun[-1])
    return await _gathered(recipe, decisive, begun[-1], scene)


async def _gathered(recipe: Recipe, decisive: Applied, last: Applied, scene: Scene) -> Outcome:
    """Return the outcome of the first stage that is not done, with the rows of the last one that has begun."""
    rows: list[Mapping[str, Json]] = []
    failed: dict[str, str] = {}
    held: list[str] = []
    items = 0
    async for batch in records(last.planned.work):
        items += len(batch)
        rows += [record.row for record in batch if record.outcome == "succeeded"][: ROWS_KEPT - len(rows)]
        failed |= {each.key: each.error for each in batch if each.outcome in (ItemStatus.FAILED, "unrecordable")}
        held += [record.error for record in batch if record.outcome == ItemStatus.HELD]
    report = decisive.report
    assert report is not None
    verdicts = report.published.verdicts if report.published is not None else ()
    unmet = [f"check failed: {verdict.what}" for verdict in verdicts if not verdict.passed]
    rejected = [f"rejected {each.place}: {each.what}" for each in report.progress.rejections]
    return Outcome(
        report.outcome,
        rows,
        failed,
        len(held),
        items,
        scene.accepted(),
        is_single=recipe.run.attempts == 1,
        error=_said(report.error),
        notes=[*unmet, *rejected, *report.progress.notes, *dict.fromkeys(held)],
    )


def _said(error: Exception | None) -> str:
    mend = getattr(error, "mend", "")
    return "" if error is None else f"{error} ({mend})" if mend else str(error)
