"""The loop that applies what a branch says: fetch, verify, validate all, plan, apply what has work, remember.

A commit with any error is bad: nothing of it is applied, and the last good one goes on being applied. Every apply
carries the commit it came from into the ledger.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner.assembly.freezing import refuse_when_frozen
from runner.assembly.loading import Loaded, load_files, waits_for_trigger
from runner.assembly.run import Applied, Wishes, apply_recipe, plan_recipe
from runner.assembly.session import Session, open_session
from runner.engine.stop import Stop
from runner.gitops.checkout import CANDIDATE, Checkout
from runner.model.contracts import Clock
from runner.model.errors import LeaseHeld, PlanRefused, RecipeError, RunnerError
from runner.model.item import Json
from runner.model.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Settings:
    """How a branch is applied.

    Attributes:
        paths: recipes and folders inside the repository; empty for the whole of it.
        every_s: time between two looks at the branch.
        triggered_too: whether recipes with triggers are applied; those that read what triggers them never are.
        origin: facts that the ledger keeps with each run, beside its commit.
    """

    paths: Sequence[str] = ()
    profile: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    emulate: bool = False
    every_s: float = 60.0
    triggered_too: bool = True
    origin: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Health:
    """How one recipe stands.

    Attributes:
        state: `healthy`, `degraded` (items failed, a check failed, held, pending, locked) or `failing` (an error).
        outcome: of its last apply; `nothing to do` when there was no work.
        commit: from which it was last applied or found to need nothing.
    """

    state: str
    outcome: str
    commit: str
    at: float
    error: str = ""


@dataclass(slots=True)
class SyncStatus:
    """What the loop knows; read by `/api/recipes` and `/metrics`.

    Attributes:
        commit: the last good one, empty before there was any.
        bad_commit: the newest commit when it is bad, else empty; `error` says why.
        frozen: until when nothing is applied, and why; empty when no freeze window is on.
    """

    commit: str = ""
    bad_commit: str = ""
    error: str = ""
    frozen: str = ""
    checked_at: float | None = None
    recipes: dict[str, Health] = field(default_factory=dict)

    @property
    def is_healthy(self) -> bool:
        """Whether the newest commit is applied and no recipe is failing."""
        return not self.error and all(health.state != "failing" for health in self.recipes.values())


class Sync:
    """Brings the world to what a branch says, again and again.

    Attributes:
        status: what came of it.
        loaded: what stands in the work tree; None before there was a good commit.
    """

    def __init__(self, checkout: Checkout, settings: Settings, clock: Clock, environ: Mapping[str, str]) -> None:
        self._checkout = checkout
        self._settings = settings
        self._clock = clock
        self._environ = environ
        self._nudged = asyncio.Event()
        self.status = SyncStatus()
        self.loaded: Loaded | None = None

    @property
    def checkout(self) -> Checkout:
        """The folder that follows the branch."""
        return self._checkout

    def nudge(self) -> None:
        """Look at the branch at once (the Git host told of a push)."""
        self._nudged.set()

    async def run(self, stop: Stop, told: Callable[[Applied], None] = lambda applied: None) -> None:
        """Sync until asked to stop; no error ends the loop."""
        while not stop.everything:
            self._nudged.clear()
            async for applied in self.once(stop):
                told(applied)
            if not stop.everything:
                await self.pause(stop)

    async def once(self, stop: Stop) -> AsyncIterator[Applied]:
        """Look at the branch and apply what has work; what is wrong stands in `status`."""
        loaded = await self.follow()
        if loaded is None or self._is_frozen(loaded):
            return
        async with open_session(
            loaded.project, loaded.recipes, loaded.catalog, emulate=self._settings.emulate, environ=self._environ
        ) as session:
            for recipe in self._mine(loaded):
                if stop.everything:
                    return
                async for applied in self._recipe(session, recipe, stop):
                    yield applied
        self._forget(loaded)

    async def follow(self) -> Loaded | None:
        """Move to the newest commit if it is good, and return what is loaded now; None before there was a good one."""
        self.status.checked_at = self._clock.now()
        try:
            self.loaded = await asyncio.to_thread(self._follow)
        except RunnerError as error:
            self.status.error = _said(error).replace(f"{self._checkout.folder / CANDIDATE}{os.sep}", "")
            self.loaded = await asyncio.to_thread(self._last_good)
        return self.loaded

    def _mine(self, loaded: Loaded) -> Sequence[Recipe]:
        """Return the recipes that a commit applies: not those that something else starts."""
        mine = [recipe for recipe in loaded.recipes if self._settings.triggered_too or not recipe.triggers]
        return [recipe for recipe in mine if not waits_for_trigger(recipe)]

    def _is_frozen(self, loaded: Loaded) -> bool:
        """Whether a freeze window keeps everything from being applied; then `status` says which."""
        try:
            refuse_when_frozen(loaded.project, self._clock.now(), self._settings.origin)
        except PlanRefused as refused:
            self.status.frozen = str(refused)
            return True
        self.status.frozen = ""
        return False

    def _follow(self) -> Loaded:
        """Move to the newest commit when it is good.

        Raises:
            RunnerError: it cannot be had, or is bad; the work tree stays where it was.
        """
        commit = self._checkout.fetch()
        if commit != self._checkout.current():
            self.status.bad_commit = commit
            self._checkout.verify(commit)
            try:
                self._load(self._checkout.look_at(commit))
            finally:
                self._checkout.look_away()
            self._checkout.move(commit)
        loaded = self._load(self._checkout.folder)
        self.status.commit, self.status.bad_commit, self.status.error = commit, "", ""
        return loaded

    def _last_good(self) -> Loaded | None:
        self.status.commit = self._checkout.current()
        if not self.status.commit:
            return None
        try:
            return self._load(self._checkout.folder)
        except RunnerError:
            return None

    def _load(self, folder: Path) -> Loaded:
        """Load everything of a commit.

        Raises:
            RecipeError: with every error in it.
        """
        loaded = load_files(
            [folder / path for path in self._settings.paths] or [folder],
            environ=self._environ,
            variables=self._settings.variables,
            profile=self._settings.profile,
        )
        if loaded.errors:
            raise RecipeError(loaded.errors)
        return loaded

    async def _recipe(self, session: Session, recipe: Recipe, stop: Stop) -> AsyncIterator[Applied]:
        """Apply one recipe when it has work; an error of one does not keep the others from being applied."""
        commit = self.status.commit
        outcomes = []
        try:
            planned = await plan_recipe(session, recipe)
            if any(one.plan.has_work for one in planned):
                wishes = Wishes(origin={**self._settings.origin, "commit": commit})
                async for applied in apply_recipe(session, recipe, stop.child(), wishes):
                    outcomes.append("not applied" if applied.report is None else applied.report.outcome)
                    yield applied
        except LeaseHeld as held:
            self.status.recipes[recipe.name] = Health("degraded", "locked", commit, self._clock.now(), _said(held))
            return
        except RunnerError as error:
            self.status.recipes[recipe.name] = Health("failing", "error", commit, self._clock.now(), _said(error))
            return
        worst = next((outcome for outcome in outcomes if outcome != "done"), "done" if outcomes else "nothing to do")
        state = "healthy" if worst in ("done", "nothing to do") else "degraded"
        state = "failing" if worst == "stopped" else state
        self.status.recipes[recipe.name] = Health(state, worst, commit, self._clock.now())

    def _forget(self, loaded: Loaded) -> None:
        """Drop the health of recipes that the branch no longer has."""
        names = {recipe.name for recipe in self._mine(loaded)}
        for name in [name for name in self.status.recipes if name not in names]:
            del self.status.recipes[name]

    async def pause(self, stop: Stop) -> None:
        """Wait for the next look: its time, a nudge, or the end."""
        waits = [
            asyncio.ensure_future(self._clock.sleep(self._settings.every_s)),
            asyncio.ensure_future(self._nudged.wait()),
            asyncio.ensure_future(stop.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)


def _said(error: RunnerError) -> str:
    return f"{error} (mend: {error.mend})" if error.mend else str(error)


def status_document(status: SyncStatus) -> dict[str, Json]:
    """Return the status as JSON."""
    return {
        "healthy": status.is_healthy,
        "commit": status.commit,
        "bad_commit": status.bad_commit,
        "error": status.error,
        "frozen": status.frozen,
        "checked_at": status.checked_at,
        "recipes": {
            name: {
                "state": health.state,
                "outcome": health.outcome,
                "commit": health.commit,
                "at": health.at,
                "error": health.error,
            }
            for name, health in sorted(status.recipes.items())
        },
    }
