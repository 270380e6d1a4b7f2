"""What `plan`, `status` and `state` say after an apply was killed, or while one is at work."""

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing

import pytest

from runner.engine.lease import pid_space, this_process
from runner.ledger import open_ledger
from runner.model.item import Json
from runner.transport.clock import SystemClock
from tests.cli.shell import Shell, write_small

LEFT = "left locked by an apply that is dead (pid "


@pytest.fixture
def project(shell: Shell) -> Shell:
    write_small(shell, 2)
    (shell.folder / ".runner").mkdir()
    return shell


def lock(shell: Shell, holder: Mapping[str, Json]) -> None:
    """Take the lease of the recipe, and never give it back."""

    async def lock_it() -> None:
        ledger = open_ledger(str(shell.folder / ".runner/ledger.db"), clock=SystemClock())
        await ledger.acquire("t//r", holder, SystemClock().now(), 60.0)
        await ledger.close()

    asyncio.run(lock_it())


@pytest.fixture
def killed(project: Shell) -> Shell:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    lock(project, {**this_process({}), **pid_space(), "pid": gone.pid, "started": "1"})
    return project


@pytest.mark.parametrize("command", [["plan"], ["status"], ["state", "unlock"]])
def test_the_lock_of_a_dead_apply_is_told_to_be_none(killed: Shell, command: list[str]):
    said = killed(*command, "-f", "r.yaml")
    assert (said.code, LEFT in said.out, "): the next apply takes over" in said.out) == (0, True, True)
    assert killed("apply", "-f", "r.yaml").code == 0


def test_programs_are_told_that_the_holder_is_dead(killed: Shell):
    for command in ("plan", "status"):
        (stage,) = json.loads(killed(command, "-f", "r.yaml", "-o", "json").out)["stages"]
        assert stage["holder"]["dead"] is True


def test_the_lock_of_a_dead_apply_is_taken_away_when_asked(killed: Shell):
    said = killed("state", "unlock", "-f", "r.yaml", "--yes")
    assert (said.code, f"r was {LEFT}" in said.out) == (0, True)
    assert "r is not locked" in killed("state", "unlock", "-f", "r.yaml").out


def test_the_lock_of_a_living_apply_stands_in_the_way(project: Shell):
    lock(project, this_process({}))
    said = project("state", "unlock", "-f", "r.yaml")
    assert (said.code, "r is locked by another apply (pid " in said.out) == (16, True)
    assert "by another apply (pid " in project("status", "-f", "r.yaml").out
    assert project("state", "unlock", "-f", "r.yaml", "--yes").code == 0
    assert project("apply", "-f", "r.yaml").code == 0


def test_a_process_in_the_middle_of_a_write_locks_the_ledger(project: Shell, monkeypatch: pytest.MonkeyPatch):
    """A holder that is stopped inside a transaction (SIGSTOP, a paused machine) is not an unexpected error."""
    monkeypatch.setattr("runner.ledger.sqlite_files._BUSY_S", 0.05)
    assert project("apply", "-f", "r.yaml").code == 0
    project.write("in.jsonl", '{"id": "new"}\n')
    with closing(sqlite3.connect(project.folder / ".runner/ledger.db")) as writer:
        writer.execute("BEGIN IMMEDIATE")
        said = project("apply", "-f", "r.yaml")
        assert (said.code, "was locked by another process" in said.out + said.err) == (16, True)
    assert project("apply", "-f", "r.yaml").code == 0


def test_an_item_outside_of_the_selection_is_not_said_to_have_left_it(project: Shell):
    """While the first selection is still read there is none, although jobs run."""
    assert project("apply", "-f", "r.yaml").code == 0
    project.write("in.jsonl", '{"id": "k1"}\n')
    assert project("apply", "-f", "r.yaml").code == 0
    shown = json.loads(project("state", "list", "-f", "r.yaml", "--all", "-o", "json").out)["jobs"]
    told = "".join(project("state", "show", job["job"], "-f", "r.yaml").out for job in shown)
    assert "k0    not in the current selection\n" in told
    assert "k1    succeeded\n" in told
