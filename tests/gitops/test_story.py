"""From a branch to the platform: a pull request, its merge, a bad commit, a revert; with a real bare repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.cli.shell import EXAMPLES, Said, Shell
from tests.gitops.work_tree import commit, git

PROJECT = """\
apiVersion: runner/v1
kind: Project
name: PROJECT
ledger: {env: LEDGER}
environment: [JOBS_URL]
connections: {jobs: {platform: jobs, base_url: "{{ env.JOBS_URL }}", token: {env: JOBS_TOKEN}}}
"""
RECIPE = """\
apiVersion: runner/v1
kind: Recipe
name: NAME
source: {jsonl: {path: data/NAME.jsonl, key: id}}
target: {jobs.keyed: {connection: jobs}}
run: {poll: {first: 10ms}}
record: {id: "{{ item.id }}", words: "{{ result.words }}"}
sinks: [{jsonl: {path: out/NAME.jsonl}}]
"""


class Story:
    """A work tree, a bare repository that it is pushed to, a ledger that all share, and a platform that counts."""

    def __init__(self, shell: Shell, url: str) -> None:
        self._shell = shell
        self._url = url
        self.work = shell.folder / "work"
        self.bare = shell.folder / "bare.git"
        self.followed = shell.folder / "followed"
        self.write("runner.yaml", PROJECT.replace("PROJECT", f"shop-{uuid4().hex}"))  # its jobs are nobody else's
        self.write(".gitignore", ".runner/\nout/\n*.json\n")
        shutil.copytree(EXAMPLES / "platforms", self.work / "platforms")
        for name in "abc":
            self.write(f"recipes/{name}.yaml", RECIPE.replace("NAME", name))
            self.write(f"data/{name}.jsonl", "".join(f'{{"id": "{name}{n}", "text": "one two"}}\n' for n in range(3)))
        git(self.work, "init", "-q")
        commit(self.work, "first")
        git(shell.folder, "clone", "-q", "--bare", str(self.work), str(self.bare))
        git(self.work, "remote", "add", "origin", str(self.bare))

    def write(self, path: str, text: str) -> None:
        file = self.work / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def push(self, message: str = "") -> str:
        """Commit what was written, if a message is given, and push what stands."""
        if message:
            commit(self.work, message)
        git(self.work, "push", "-q", "origin", "HEAD:main")
        return git(self.work, "rev-parse", "HEAD")

    def __call__(self, *arguments: str) -> Said:
        """Run a command in the work tree."""
        here = Path.cwd()
        os.chdir(self.work)
        try:
            return self._shell(*arguments)
        finally:
            os.chdir(here)

    def sync(self) -> tuple[int, list[str], dict]:
        """Sync once; return exit code, which recipes were applied, and the status."""
        said = self._shell("sync", "--repo", str(self.bare), "--folder", str(self.followed), "--once", "-o", "jsonl")
        *stages, status = [json.loads(line) for line in said.out.splitlines()]
        return said.code, [stage["recipe"] for stage in stages], status

    def submits(self) -> int:
        with urllib.request.urlopen(f"{self._url}/_emulator/stats", timeout=5) as reply:
            return json.load(reply)["submits"]["total"]

    def rows(self, name: str) -> list[dict]:
        return [json.loads(line) for line in (self.followed / f"out/{name}.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def platform() -> Iterator[str]:
    command = [sys.executable, "-m", "runner", "emulate", "jobs", "--port", "0", "--token", "t0ken"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
        process.terminate()


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path, capsys)


@pytest.fixture
def story(shell: Shell, platform: str, monkeypatch: pytest.MonkeyPatch) -> Story:
    monkeypatch.setenv("JOBS_URL", platform)
    monkeypatch.setenv("JOBS_TOKEN", "t0ken")
    monkeypatch.setenv("LEDGER", str(shell.folder / "ledger.db"))
    return Story(shell, platform)


def test_from_a_branch_to_the_platform_and_back(story: Story):
    assert story.sync()[:2] == (0, ["a", "b", "c"])
    paid = story.submits()

    # a branch: one recipe gets one more ticket, and is looked at
    git(story.work, "checkout", "-qb", "more")
    story.write("data/b.jsonl", (story.work / "data/b.jsonl").read_text() + '{"id": "b9", "text": "three"}\n')
    commit(story.work, "one more for b")
    assert story("validate", "-f", "recipes").code == 0
    plan = story("plan", "-f", "recipes", "--select", "changed:main", "-o", "markdown").out
    assert "### runner plan: 1 item to submit in 1 job, 1 sink to write" in plan
    assert ("| b | 1 | 0 | 3 | 1 |" in plan, "| a |" in plan, story.submits()) == (True, False, paid)

    # its merge: only that recipe is applied, only that item is paid
    git(story.work, "checkout", "-q", "main")
    git(story.work, "merge", "-q", "--no-ff", "-m", "merge", "more")
    merged = story.push()
    code, applied, status = story.sync()
    assert (code, applied, status["commit"], status["recipes"]["b"]["commit"]) == (0, ["b"], merged, merged)
    assert ([row["id"] for row in story.rows("b")], story.submits()) == (["b0", "b1", "b2", "b9"], paid + 1)

    # a bad commit: nothing of it is applied, not even what is right in it
    story.write("data/a.jsonl", '{"id": "a9", "text": "new"}\n')
    story.write("recipes/c.yaml", RECIPE.replace("NAME", "c").replace("jobs.keyed", "jobs.kyed"))
    bad = story.push("half of it is wrong")
    code, applied, status = story.sync()
    assert (code, applied, status["healthy"], status["commit"], status["bad_commit"]) == (1, [], False, merged, bad)
    assert "recipes/c.yaml:5" in status["error"] and "jobs.kyed" in status["error"]
    assert (story.submits(), len(story.rows("a"))) == (paid + 1, 3)

    # its revert: all is well, and nothing is left to do
    git(story.work, "revert", "--no-edit", "HEAD")
    reverted = story.push()
    code, applied, status = story.sync()
    assert (code, applied, status["commit"], status["error"]) == (0, [], reverted, "")
    assert story.submits() == paid + 1


@pytest.fixture
def reviewed(story: Story) -> Story:
    """The plan of a branch that changes b, saved; the main branch as it was."""
    assert story("apply", "-f", "recipes").code == 0
    git(story.work, "checkout", "-qb", "more")
    story.write("data/b.jsonl", '{"id": "b9", "text": "three"}\n')
    commit(story.work, "other tickets for b")
    assert story("plan", "-f", "recipes", "--select", "changed:main", "--out", "plan.json").code == 0
    git(story.work, "checkout", "-q", "main")
    return story


def test_the_plan_of_a_branch_is_applied_after_a_fast_forward(reviewed: Story):
    git(reviewed.work, "merge", "-q", "--ff-only", "more")
    paid = reviewed.submits()
    said = reviewed("apply", "plan.json", "-o", "json")
    assert (said.code, [stage["recipe"] for stage in json.loads(said.out)["stages"]]) == (0, ["b"])
    assert reviewed.submits() == paid + 1
    assert reviewed("apply", "plan.json").code == 17


def test_it_is_applied_after_a_merge_that_moved_something_else(reviewed: Story):
    reviewed.write("data/c.jsonl", '{"id": "c9", "text": "new"}\n')
    commit(reviewed.work, "main moves, elsewhere")
    git(reviewed.work, "merge", "-q", "--no-edit", "more")
    assert reviewed("apply", "plan.json").code == 0


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("data/b.jsonl", '{"id": "b9", "text": "three"}\n{"id": "b10", "text": "four"}\n'),
        ("recipes/b.yaml", RECIPE.replace("NAME", "b").replace("jobs.keyed", "jobs.job")),
        ("recipes/b.yaml", RECIPE.replace("NAME", "b").replace("words:", "count:")),
        ("recipes/b.yaml", RECIPE.replace("NAME", "d").replace("data/d", "data/b")),
    ],
    ids=["items", "target", "record", "gone"],
)
def test_it_is_refused_when_the_main_branch_moved_under_it(reviewed: Story, path: str, text: str):
    git(reviewed.work, "merge", "-q", "--ff-only", "more")
    reviewed.write(path, text)
    commit(reviewed.work, "main moves")
    paid = reviewed.submits()
    said = reviewed("apply", "plan.json")
    assert (said.code, "stale" in said.err, reviewed.submits()) == (17, True, paid)


def test_it_is_refused_when_another_apply_came_between(reviewed: Story):
    git(reviewed.work, "merge", "-q", "--ff-only", "more")
    assert reviewed("apply", "-f", "recipes").code == 0
    assert reviewed("apply", "plan.json").code == 17
