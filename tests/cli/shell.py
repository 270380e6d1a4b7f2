"""The command line as a user has it, inside the test's process."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from runner.cli.main import run
from tests.allowed import allow_commands

EXAMPLES = Path(__file__).parents[2] / "recipes"


class Said(NamedTuple):
    code: int
    out: str
    err: str


class Shell:
    """Runs commands in a folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Said:
        self._capsys.readouterr()
        allow_commands(self.folder)
        code = run(list(arguments))
        said = self._capsys.readouterr()
        return Said(code, said.out, said.err)

    def write(self, path: str, text: str) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        if path.endswith(".yaml"):
            allow_commands(self.folder)
        return file

    def read(self, path: str) -> str:
        return (self.folder / path).read_text(encoding="utf-8")

    def lines(self, path: str) -> list[str]:
        return self.read(path).splitlines()


PROJECT = "apiVersion: runner/v1\nkind: Project\nname: t\n"
RECIPE = """\
apiVersion: runner/v1
kind: Recipe
name: r
run: {poll: {first: 20ms}}
source: {jsonl: {path: in.jsonl, key: id}}
target: {command: {argv: [cat]}}
"""


def write_small(shell: Shell, items: int) -> None:
    """Write a project whose recipe gives so many items back as they are."""
    shell.write("runner.yaml", PROJECT)
    shell.write("in.jsonl", "".join(f'{{"id": "k{number}"}}\n' for number in range(items)))
    shell.write("r.yaml", RECIPE)


def copy_examples(folder: Path) -> None:
    """Copy the examples of the repository, without what earlier runs left there."""
    shutil.copytree(
        EXAMPLES, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("out", ".runner", "__pycache__")
    )
