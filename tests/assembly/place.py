"""A project of one recipe in a folder, and a notifier that remembers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from runner.assembly.loading import load_files
from runner.assembly.run import Applied, Wishes, apply_recipe
from runner.assembly.session import Session, open_session
from runner.engine.stop import Stop
from runner.model.item import Json
from tests.allowed import allow_commands

PROJECT = "apiVersion: runner/v1\nkind: Project\nname: t\n"
RECIPE = """\
apiVersion: runner/v1
kind: Recipe
name: r
run: {poll: {first: 20ms, max: 50ms}, items_per_job: PER_JOB}
source: {jsonl: {path: in.jsonl, key: "{{ item.id }}"}}
"""
CAT = "target: {command: {argv: [cat]}}\n"


class Ears:
    """A notifier that keeps all it is told; `fault` is raised instead, when given."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.heard: list[Mapping[str, Json]] = []
        self._fault = fault

    async def tell(self, event: Mapping[str, Json]) -> None:
        if self._fault is not None:
            raise self._fault
        self.heard.append(event)

    @property
    def names(self) -> list[str]:
        return [str(event["event"]) for event in self.heard]


def write(folder: Path, recipe: str = CAT, project: str = "", items: int = 2, per_job: int = 1) -> None:
    (folder / "runner.yaml").write_text(PROJECT + project)
    (folder / "r.yaml").write_text(RECIPE.replace("PER_JOB", str(per_job)) + recipe)
    allow_commands(folder)
    (folder / "in.jsonl").write_text("".join(f'{{"id": "k{number}"}}\n' for number in range(items)))


@asynccontextmanager
async def opened(folder: Path, environ: Mapping[str, str] | None = None) -> AsyncIterator[Session]:
    loaded = load_files([folder], environ=environ or {})
    assert not loaded.errors, loaded.errors
    async with open_session(loaded.project, loaded.recipes, loaded.catalog, environ=environ or PATH) as session:
        yield session


PATH = {"PATH": "/usr/bin:/bin"}


async def applied(session: Session, wishes: Wishes, stop: Stop | None = None) -> list[Applied]:
    return [one async for one in apply_recipe(session, session.recipes[0], stop or Stop(), wishes)]
