"""Recipes that are gone from the files."""

import asyncio
from pathlib import Path

import pytest

from runner.assembly.orphans import Orphan, orphans, prune
from runner.assembly.run import Wishes
from runner.engine.stop import Stop
from runner.model.errors import LeaseHeld
from runner.model.job import JobStatus
from runner.model.ledger import JobRow, Scope
from tests.assembly.place import applied, opened, write

SLOW = "target: {command: {argv: [sleep, '3'], format: text}}\n"
OTHER = "apiVersion: runner/v1\nkind: Recipe\nname: other\nsource: {jsonl: {path: in.jsonl}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project whose recipe `r` has two jobs that still run, and another recipe that was never applied."""
    write(tmp_path, SLOW)
    (tmp_path / "other.yaml").write_text(OTHER + SLOW)

    async def begun() -> None:
        async with opened(tmp_path) as session:
            (mine,) = [recipe for recipe in session.recipes if recipe.name == "r"]
            async with session.branch([mine]) as branch:
                await applied(branch, Wishes(wait_s=0.3))

    asyncio.run(begun())
    return tmp_path


def found(folder: Path) -> list[Orphan]:
    async def listed() -> list[Orphan]:
        async with opened(folder) as session:
            return list(await orphans(session))

    return asyncio.run(listed())


async def rows(folder: Path) -> list[JobRow]:
    async with opened(folder) as session:
        ledger = await session.ledger()
        return [row async for row in ledger.jobs(Scope("t", "", "r"))]


def test_what_is_loaded_is_no_orphan(folder: Path) -> None:
    assert found(folder) == []


def test_a_recipe_without_a_file_is_one(folder: Path) -> None:
    (folder / "r.yaml").unlink()
    (orphan,) = found(folder)
    assert (orphan.scope.recipe, dict(orphan.counts)) == ("r", {"in_job": 2})
    assert sum(orphan.open_jobs.values()) == 2


def test_a_recipe_in_a_folder_that_was_not_loaded_is_none(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "r.yaml").rename(folder / "deep/r.yaml")
    (folder / "team").mkdir()
    (folder / "other.yaml").rename(folder / "team/other.yaml")
    assert found(folder / "team") == []


def test_a_stage_that_the_recipe_has_no_longer_is_one(folder: Path) -> None:
    text = (folder / "r.yaml").read_text()
    (folder / "r.yaml").write_text(text + "stages: [{name: pilot, filter: {limit: 1}}]\n")
    assert [(orphan.scope.recipe, orphan.scope.stage) for orphan in found(folder)] == [("r", "")]


def test_of_another_profile_nothing_is_known(folder: Path) -> None:
    (folder / "runner.yaml").write_text(
        "apiVersion: runner/v1\nkind: Project\nname: u\nallow: {commands: [cat, sleep]}\n"
    )
    (folder / "r.yaml").unlink()
    assert found(folder) == []


def test_pruned_jobs_are_held_and_say_that_they_go_on(folder: Path) -> None:
    (folder / "r.yaml").unlink()

    async def pruned() -> int:
        async with opened(folder) as session:
            (orphan,) = await orphans(session)
            return await prune(session, orphan, Stop())

    assert asyncio.run(pruned()) == 2
    held = asyncio.run(rows(folder))
    assert [row.status for row in held] == [JobStatus.HELD] * 2
    assert "r is gone from the recipes; the job goes on at the platform as " in held[0].error
    assert [(dict(orphan.counts), dict(orphan.open_jobs)) for orphan in found(folder)] == [({"held": 2}, {})]


def test_a_recipe_that_is_being_applied_is_not_pruned(folder: Path) -> None:
    (folder / "r.yaml").unlink()

    async def pruned() -> None:
        async with opened(folder) as session:
            (orphan,) = await orphans(session)
            ledger = await session.ledger()
            await ledger.acquire(session.lease_of("r"), {"host": "elsewhere"}, session.clock.now(), 60)
            await prune(session, orphan, Stop())

    with pytest.raises(LeaseHeld):
        asyncio.run(pruned())
