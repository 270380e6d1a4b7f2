"""A ledger that an older release wrote, and that users have on their disks, is one under which nothing is paid again.

`b4499dd/` holds recipes with their sources, and what `make_ledger.py` wrote beside them at that revision.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from runner.assembly.loading import load_files
from runner.assembly.run import Planned, Wishes, apply_recipe, plan_recipe
from runner.assembly.session import open_session
from runner.engine.decide import Decision
from runner.engine.stop import Stop
from runner.ledger import open_ledger
from tests.ledger.server import postgres

OLD = Path(__file__).parent / "b4499dd"
ENVIRON = {
    "PATH": os.environ.get("PATH", ""),
    **dict.fromkeys(("AIHUB_TOKEN", "JOBS_TOKEN", "LABELBOX_API_KEY", "LABEL_STUDIO_API_KEY"), "t"),
}
STATES = {"pending": 6, "done": 2, "failed": 4, "held": 1}


def project(folder: Path, ledger: str) -> Path:
    """Copy the recipes, and let their project keep its ledger at a place."""
    copy = folder / "project"
    shutil.copytree(OLD, copy)
    with (copy / "runner.yaml").open("a") as file:
        file.write(f"ledger: {ledger}\n")
    return copy


@pytest.fixture
def sqlite_project(tmp_path: Path) -> Path:
    """A project on the SQLite ledger."""
    copy = project(tmp_path, "old.db")
    with sqlite3.connect(copy / "old.db") as connection:
        connection.executescript((OLD / "ledger.sql").read_text("utf-8"))
    connection.close()
    return copy


def plans(folder: Path, names: str = "*", *, postgres_url: str = "") -> list[Planned]:
    """Return the plans of the recipes whose file has such a name.

    Emulated work never reaches a database server by itself: a Postgres ledger is handed to the session.
    """

    files = sorted(folder.glob(f"{names}.yaml"))

    async def plan() -> list[Planned]:
        loaded = load_files(files, environ=ENVIRON)
        assert not loaded.errors, loaded.errors
        async with open_session(
            loaded.project, loaded.recipes, loaded.catalog, emulate=True, environ=ENVIRON
        ) as session:
            if postgres_url:
                session._ledger = open_ledger(postgres_url, clock=session.clock)
                session._stack.push_async_callback(session._ledger.close)
            return [each for recipe in loaded.recipes for each in await plan_recipe(session, recipe)]

    return asyncio.run(plan())


def is_paid_again(planned: Planned) -> bool:
    """Whether an apply would submit anything of what the old ledger knows."""
    return any(planned.plan.counts.get(each) for each in (Decision.NEW, Decision.CHANGED, Decision.AGAIN))


def assert_nothing_is_paid_again(found: list[Planned]) -> None:
    """Fail when a plan of any recipe holds new or changed items, or other jobs than the old ledger has."""
    assert len(found) == 12
    assert [each.recipe.name for each in found if is_paid_again(each)] == []
    states = next(each.plan for each in found if each.recipe.name == "states")
    assert {str(name): number for name, number in states.counts.items()} == STATES


def test_an_old_sqlite_ledger_has_no_new_work(sqlite_project: Path) -> None:
    assert_nothing_is_paid_again(plans(sqlite_project))


def test_an_old_postgres_ledger_has_no_new_work(tmp_path: Path) -> None:
    psycopg = pytest.importorskip("psycopg", reason="the Postgres driver is not installed")
    with postgres() as url:
        with psycopg.connect(url.format("postgres"), autocommit=True) as connection:
            connection.execute((OLD / "ledger.postgres.sql").read_text("utf-8").encode())
        folder = project(tmp_path, "unused.db")
        assert_nothing_is_paid_again(plans(folder, postgres_url=url.format("postgres")))


def apply(folder: Path, name: str) -> int:
    """Apply a recipe; return how many jobs were submitted."""

    async def work() -> int:
        loaded = load_files([folder / f"{name}.yaml"], environ=ENVIRON)
        submitted = 0
        async with open_session(
            loaded.project, loaded.recipes, loaded.catalog, emulate=True, environ=ENVIRON
        ) as session:
            async for applied in apply_recipe(session, loaded.recipes[0], Stop(), Wishes()):
                assert applied.report is not None and applied.report.outcome == "done"
                submitted += applied.report.progress.jobs.get("submitted", 0)
        return submitted

    return asyncio.run(work())


@pytest.mark.parametrize("name", ["jobs", "prompt"])
def test_an_apply_takes_over_what_an_old_ledger_has_done(name: str, sqlite_project: Path) -> None:
    assert apply(sqlite_project, name) == 0
    works = {str(each.work.work) for each in plans(sqlite_project, name)}
    question = "SELECT hash FROM item JOIN work ON work.id = work JOIN scope ON scope.id = scope WHERE recipe = ?"
    with sqlite3.connect(sqlite_project / "old.db") as connection:
        assert {row[0] for row in connection.execute(question, (name,))} == works
    connection.close()


def test_how_replies_are_read_makes_no_finished_work_new(sqlite_project: Path) -> None:
    assert apply(sqlite_project, "jobs") == 0
    manifest = sqlite_project / "platforms/jobs.yaml"
    text = manifest.read_text("utf-8")
    manifest.write_text(text.replace("422, 429]", "422, 428, 429]").replace("status_in_reply: true", ""), "utf-8")
    assert not [each for each in plans(sqlite_project, "jobs") if is_paid_again(each)]
    manifest.write_text(text.replace("json: {item:", "json: {v: 2, item:"), "utf-8")
    assert [each.stage.name for each in plans(sqlite_project, "jobs") if is_paid_again(each)] == ["blind"]
