"""Plan untrusted recipes: no command runs, no secret, ledger or host is touched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from runner.assembly.loading import Loaded
from runner.assembly.session import open_session
from runner.assembly.stand_ins import NoHost
from runner.engine.plan import StagePlan
from runner.engine.survey import survey
from runner.engine.work import Work
from runner.model.errors import Refused
from runner.model.item import Batch, Result
from runner.model.job import Capabilities, Job, JobState, Submitted
from runner.model.project import Project
from runner.model.recipe import Budget, Component, Recipe, Stage

_NO_TRUST = "an untrusted plan sends nothing"


@dataclass(frozen=True, slots=True)
class UntrustedPlan:
    """One stage as far as it can be planned without trust.

    Attributes:
        plan: without anything of an item; what is done is unknown.
        is_read: whether its source lies in the project; else its number of items is unknown.
    """

    recipe: Recipe
    stage: Stage
    plan: StagePlan
    is_read: bool


def without_trust(project: Project) -> Project:
    """Return a project that reads its own folder only, and has neither ledger nor secrets."""
    return replace(project, ledger="memory:", allowed=(), secrets={})


async def plan_untrusted(loaded: Loaded) -> Sequence[UntrustedPlan]:
    """Plan every stage of the recipes.

    Raises:
        ConfigError: a source of the project cannot be read.
    """
    found: list[UntrustedPlan] = []
    project, no_host = without_trust(loaded.project), NoHost(loaded.catalog)
    async with open_session(project, loaded.known, loaded.catalog, emulate=no_host, environ={}) as session:
        for recipe in loaded.recipes:
            for stage, work in zip(recipe.stages, await session.work(recipe), strict=True):
                is_read = _is_local(stage.source)
                plan = await survey(_unasked(work, is_read=is_read))
                bare = replace(plan, rejections=(), notes=(), items=None)
                found.append(UntrustedPlan(recipe, stage, bare, is_read))
    return found


def _is_local(source: Component) -> bool:
    return source.platform is None and source.kind != "recipe"


def _unasked(work: Work, *, is_read: bool) -> Work:
    """Return work whose target is not asked, neither for a price nor for what would change."""
    bare = replace(work, target=_Unasked(work.target.capabilities), run=replace(work.run, budget=Budget()))
    return bare if is_read else replace(bare, source=_Unread())


class _Unread:
    """Placeholder for a source outside the project."""

    async def read(self) -> AsyncIterator[Batch]:
        """Yield nothing."""
        for batch in list[Batch]():
            yield batch


class _Unasked:
    """Placeholder for a target that is not asked."""

    def __init__(self, capabilities: Capabilities) -> None:
        self.capabilities = capabilities

    async def submit(self, job: Job) -> Submitted:
        """Refuse."""
        raise Refused(_NO_TRUST)

    async def poll(self, job: Job) -> JobState:
        """Refuse."""
        raise Refused(_NO_TRUST)

    async def results(self, job: Job, state: JobState) -> AsyncIterator[Sequence[Result]]:
        """Yield nothing."""
        for batch in list[Sequence[Result]]():
            yield batch
