"""`runner state copy`: the new ledger knows all that the old one knew; what cannot be copied is left alone."""

import asyncio
from collections.abc import Iterator

import pytest

from runner.engine.lease import this_process
from runner.ledger import open_ledger
from runner.transport.clock import SystemClock
from tests.cli.shell import PROJECT, Shell, write_small
from tests.ledger.server import postgres

OLD = ".runner/ledger.db"


@pytest.fixture
def applied(shell: Shell) -> Shell:
    write_small(shell, 5)
    assert shell("apply", "-f", "r.yaml").code == 0
    return shell


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    pytest.importorskip("psycopg", reason="the Postgres driver is not installed (the extra postgres)")
    with postgres() as url:
        yield url.format("postgres")


def written(out: str) -> str:
    """Return what the command says is to be written into runner.yaml."""
    return out.partition("write `")[2].partition("`")[0]


def goes_on(shell: Shell, ledger: str) -> str:
    """Write the new ledger into runner.yaml, lose the old one, and say what apply does."""
    shell.write("runner.yaml", f"{PROJECT}{ledger}\n")
    for file in shell.folder.glob(f"{OLD}*"):
        file.unlink()
    return shell("apply", "-f", "r.yaml").out


@pytest.mark.parametrize("target", ["new.db", "sqlite:a folder/new.db"])
def test_a_recipe_has_nothing_to_do_with_the_copy(applied: Shell, target: str):
    said = applied("state", "copy", OLD, target)
    assert (said.code, said.err) == (0, "")
    assert "  item         5\n  job          5\n" in said.out
    assert "never apply with it again" in said.out
    assert "nothing to do" in goes_on(applied, written(said.out))
    assert (applied.folder / target.removeprefix("sqlite:")).exists()


@pytest.mark.parametrize("text", ["new.db", "sqlite:new.db"])
def test_a_variable_holds_the_place(applied: Shell, monkeypatch: pytest.MonkeyPatch, text: str):
    monkeypatch.setenv("NEW", text)
    said = applied("state", "copy", f"sqlite:{OLD}", "env:NEW")
    assert written(said.out) == f"ledger: {applied.folder / 'new.db'}"
    assert "nothing to do" in goes_on(applied, "ledger: {env: NEW}")


def test_to_postgres_and_back(applied: Shell, monkeypatch: pytest.MonkeyPatch, server: str):
    monkeypatch.setenv("NEW", server.replace("@", ":hush-hush@"))
    said = applied("state", "copy", OLD, "env:NEW")
    assert (said.code, written(said.out)) == (0, "ledger: {env: NEW}")
    assert "nothing to do" in goes_on(applied, written(said.out))
    again = applied("state", "copy", server, "back.db")
    assert "nothing to do" in goes_on(applied, written(again.out))
    assert "hush" not in said.out + said.err
    refused = applied("state", "copy", "back.db", "env:NEW")
    assert (refused.code, "is not empty" in refused.err, "hush" in refused.err) == (1, True, False)


def test_a_ledger_at_work_is_locked(applied: Shell):
    ledger = open_ledger(str(applied.folder / OLD), clock=SystemClock())

    async def lock() -> None:
        await ledger.acquire("t//r", this_process({}), SystemClock().now(), 60.0)
        await ledger.close()

    asyncio.run(lock())
    said = applied("state", "copy", OLD, "new.db")
    assert (said.code, "an apply works on t//r" in said.err) == (16, True)
    assert not (applied.folder / "new.db").exists()


def test_what_is_not_there_is_not_made(shell: Shell):
    said = shell("state", "copy", "nosuch.db", "new.db")
    assert (said.code, "nosuch.db does not exist" in said.err) == (1, True)
    assert list(shell.folder.iterdir()) == []
    assert "GONE is not set" in shell("state", "copy", "env:GONE", "new.db").err
    assert "ends with its process" in shell("state", "copy", "memory:", "new.db").err


def test_a_ledger_that_is_there_is_not_overwritten(applied: Shell):
    assert applied("state", "copy", OLD, "new.db").code == 0
    said = applied("state", "copy", OLD, "new.db")
    assert (said.code, "new.db is not empty" in said.err) == (1, True)


@pytest.mark.parametrize("url", ["postgresql://me:hush@db/r", "postgresql://me@db/r?password=hush"])
def test_a_password_on_the_command_line_is_refused(shell: Shell, url: str):
    said = shell("state", "copy", "a.db", url)
    assert (said.code, "env:NAME" in said.err, "hush" in said.err) == (2, True, False)
