"""A branch is followed: only what changed is applied, a bad commit changes nothing, a revert costs nothing."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from runner.engine.stop import Stop
from runner.gitops.checkout import Checkout, Remote
from runner.gitops.sync import Settings, Sync
from runner.ledger import open_ledger
from runner.model.ledger import Scope
from runner.transport.clock import SystemClock
from tests.gitops.work_tree import add_recipe, commit, git, new_project


class Following:
    """A project that is pushed to a bare repository, and a folder that follows it."""

    def __init__(self, folder: Path) -> None:
        self.work = new_project(folder / "work", "a", "b")
        self.bare = folder / "bare.git"
        git(folder, "clone", "-q", "--bare", str(self.work), str(self.bare))
        git(self.work, "remote", "add", "origin", str(self.bare))
        self.folder = folder / "followed"
        self.sync = self.again()

    def again(self, *, verified: bool = False, **settings: Any) -> Sync:
        checkout = Checkout(self.folder, Remote(str(self.bare), "main", verified=verified))
        return Sync(checkout, Settings(**settings), SystemClock(), {})

    def push(self, message: str) -> str:
        made = commit(self.work, message)
        git(self.work, "push", "-q", "-f", "origin", "HEAD:main")
        return made

    def look(self) -> list[str]:
        """Sync once; return which recipes were applied."""

        async def once() -> list[str]:
            return [applied.planned.recipe.name async for applied in self.sync.once(Stop())]

        return asyncio.run(once())

    def rows(self, name: str) -> list[dict]:
        return [json.loads(line) for line in (self.folder / f"out/{name}.jsonl").read_text().splitlines()]

    def commits(self, name: str) -> list[str]:
        return [holder["commit"] for holder in self.holders(name)]

    def holders(self, name: str) -> list[Mapping[str, Any]]:
        async def runs() -> list[Mapping[str, Any]]:
            ledger = open_ledger(str(self.folder / ".runner/ledger.db"), clock=SystemClock())
            try:
                return [run.holder for run in await ledger.runs(Scope("shop", "", name))]
            finally:
                await ledger.close()

        return asyncio.run(runs())


@pytest.fixture
def following(tmp_path: Path) -> Following:
    return Following(tmp_path)


def test_the_first_look_applies_everything_the_second_nothing(following: Following):
    assert following.look() == ["a", "b"]
    assert following.rows("a") == [{"text": "HELLO"}]
    assert following.look() == []
    assert following.sync.status.is_healthy


def test_only_the_changed_recipe_is_applied_and_carries_its_commit(following: Following):
    following.look()
    add_recipe(following.work, "b", text="bye")
    made = following.push("b says bye")
    assert following.look() == ["b"]
    assert following.rows("b") == [{"text": "BYE"}]
    assert following.commits("b")[0] == made


def test_a_bad_commit_is_not_applied_and_the_last_good_one_stays(following: Following):
    following.look()
    good = following.sync.status.commit
    add_recipe(following.work, "a", text="new")
    (following.work / "recipes/b.yaml").write_text("nonsense: [")
    bad = following.push("half of it is wrong")
    assert following.look() == []
    status = following.sync.status
    assert (status.bad_commit, status.commit, status.is_healthy) == (bad, good, False)
    assert "recipes/b.yaml:1" in status.error
    assert following.rows("a") == [{"text": "HELLO"}]


def test_a_mended_commit_is_applied(following: Following):
    following.look()
    (following.work / "recipes/b.yaml").write_text("nonsense: [")
    following.push("wrong")
    following.look()
    add_recipe(following.work, "b", text="good again")
    following.push("mended")
    assert following.look() == ["b"]
    assert following.sync.status.is_healthy


def test_a_revert_is_nothing_to_do(following: Following):
    following.look()
    add_recipe(following.work, "b", text="bye")
    following.push("b says bye")
    following.look()
    git(following.work, "revert", "--no-edit", "HEAD")
    git(following.work, "push", "-q", "-f", "origin", "HEAD:main")
    following.look()
    requests = [json.loads(json.dumps(status.outcome)) for status in following.sync.status.recipes.values()]
    assert requests == ["nothing to do", "done"]
    assert following.rows("b") == [{"text": "HELLO"}]
    assert following.look() == []


def test_a_removed_recipe_is_forgotten_but_nothing_of_it_is_touched(following: Following):
    following.look()
    (following.work / "recipes/b.yaml").unlink()
    following.push("without b")
    following.look()
    assert list(following.sync.status.recipes) == ["a"]
    assert following.rows("b") == [{"text": "HELLO"}]


def test_an_unsigned_commit_is_bad_when_signatures_are_asked_for(following: Following):
    following.sync = following.again(verified=True)
    assert following.look() == []
    assert "no good signature" in following.sync.status.error


def test_a_lost_remote_is_told_and_the_last_good_commit_goes_on(following: Following):
    following.look()
    following.bare.rename(following.bare.with_name("gone.git"))
    (following.folder / "out/a.jsonl").unlink()
    assert following.look() == ["a"]
    assert "bare.git" in following.sync.status.error


def test_a_folder_of_another_repository_is_not_touched(following: Following, tmp_path: Path):
    new_project(tmp_path / "followed", "z")
    git(tmp_path / "followed", "remote", "add", "origin", "elsewhere")
    following.look()
    assert "is a clone of elsewhere" in following.sync.status.error


def test_in_a_freeze_nothing_is_applied_but_the_commit_is_followed(following: Following):
    following.look()
    add_recipe(following.work, "b", text="bye")
    with (following.work / "runner.yaml").open("a") as file:
        file.write("freeze: [{from: 2020-01-01, until: 2099-12-31, reason: closed}]\n")
    made = following.push("b says bye, and a freeze")
    assert following.look() == []
    status = following.sync.status
    assert (status.commit, status.is_healthy) == (made, True)
    assert status.frozen == "frozen until 2100-01-01 00:00 UTC: closed"


def test_an_ignored_freeze_stands_in_the_run(following: Following):
    with (following.work / "runner.yaml").open("a") as file:
        file.write("freeze: [{from: 2020-01-01, until: 2099-12-31, reason: closed}]\n")
    following.push("a freeze")
    assert following.look() == []
    following.sync = following.again(origin={"ignored_freeze": "a customer waits"})
    assert following.look() == ["a", "b"]
    assert following.holders("a")[0]["ignored_freeze"] == "a customer waits"


HOOK = "triggers: [{webhook: {path: /hooks/c, secret: hook}}]\n"


@pytest.mark.parametrize(
    ("more", "triggered_too", "applied"),
    [
        (HOOK, True, ["a", "b", "c"]),
        (HOOK, False, ["a", "b"]),
        (HOOK + 'record: {of: "{{ trigger.order }}"}\n', True, ["a", "b"]),
    ],
    ids=["applied", "left to its trigger", "waits for what it reads"],
)
def test_recipes_with_triggers(following: Following, more: str, triggered_too: bool, applied: list[str]):
    with (following.work / "runner.yaml").open("a") as file:
        file.write("secrets: {hook: {env: HOOK}}\n")
    recipe = add_recipe(following.work, "c")
    recipe.write_text(recipe.read_text() + more)
    following.push("c has a trigger")
    following.sync = following.again(triggered_too=triggered_too)
    assert following.look() == applied
    assert sorted(following.sync.status.recipes) == applied


def test_a_recipe_that_another_one_applies_is_locked_not_failing(following: Following):
    async def while_locked() -> None:
        following.folder.joinpath(".runner").mkdir(parents=True)
        ledger = open_ledger(str(following.folder / ".runner/ledger.db"), clock=SystemClock())
        try:
            await ledger.acquire("shop//a", {"host": "elsewhere"}, SystemClock().now(), 60)
            assert [one.planned.recipe.name async for one in following.sync.once(Stop())] == ["b"]
        finally:
            await ledger.close()

    asyncio.run(while_locked())
    health = following.sync.status.recipes["a"]
    assert (health.state, health.outcome, following.sync.status.is_healthy) == ("degraded", "locked", True)


@pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="no ssh-keygen on this machine (apt-get install openssh-client)"
)
def test_a_commit_with_a_trusted_signature_is_applied(
    following: Following, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    key, trusted = tmp_path / "key", tmp_path / "trusted"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "t", "-f", key], check=True)
    trusted.write_text(f"t@t {key.with_suffix('.pub').read_text()}")
    settings = (
        "gpg.format=ssh",
        f"user.signingkey={key}",
        f"gpg.ssh.allowedSignersFile={trusted}",
        "commit.gpgsign=true",
    )
    monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(settings)))
    for number, setting in enumerate(settings):
        for part, text in zip(("KEY", "VALUE"), setting.split("=", 1), strict=True):
            monkeypatch.setenv(f"GIT_CONFIG_{part}_{number}", text)
    add_recipe(following.work, "b", text="signed")
    following.push("signed")
    following.sync = following.again(verified=True)
    assert following.look() == ["a", "b"]
    trusted.write_text("")
    add_recipe(following.work, "b", text="signed by another one")
    following.push("signed, but not by who is trusted now")
    assert (following.look(), "no good signature" in following.sync.status.error) == ([], True)
