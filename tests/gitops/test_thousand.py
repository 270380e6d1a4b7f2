"""A thousand recipes: all are checked, and of what changed nothing else is touched."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.gitops.thousand import CHANGED, RECIPES, thousand

_OPENED: list[str] = []
_LISTENING: list[bool] = []


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if _LISTENING and event == "open":
        _OPENED.append(str(arguments[0]))


sys.addaudithook(_hear)  # it stays for good, and is deaf outside of the fixture


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """The files that are opened from here on."""
    _OPENED.clear()
    _LISTENING.append(True)
    yield _OPENED
    _LISTENING.clear()


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    folder = thousand(tmp_path / "shop")
    monkeypatch.chdir(folder)
    return Shell(folder, capsys)


def test_all_are_checked_and_only_what_changed_is_planned(shell: Shell, opened: list[str]):
    assert f"{RECIPES} recipes are valid" in shell("validate", "-f", "recipes").out
    assert [path for path in opened if path.endswith(".jsonl")] == []
    said = shell("plan", "-f", "recipes", "--select", "changed:HEAD~1", "-o", "json")
    assert [stage["recipe"] for stage in json.loads(said.out)["stages"]] == [CHANGED]
    assert {Path(path).name for path in opened if path.endswith(".jsonl")} == {f"{CHANGED}.jsonl"}
    assert shell("apply", "-f", "recipes", "--select", "changed:HEAD~1").code == 0
    assert [file.name for file in (shell.folder / "out").iterdir()] == [f"{CHANGED}.jsonl"]
