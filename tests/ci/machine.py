"""A machine of CI: a work tree with the folder `ci`, the command `runner`, and a bare environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.gitops.work_tree import add_recipe, commit, new_project

ROOT = Path(__file__).parents[2]
CI = ROOT / "recipes/ci"


class Done(NamedTuple):
    code: int
    out: str


class Machine:
    """Runs commands in a work tree through a real shell."""

    def __init__(self, folder: Path, *recipes: str) -> None:
        self.work = new_project(folder / "work", *recipes)
        shutil.copytree(CI, self.work / "ci")
        (self.work / ".gitignore").write_text(".runner/\nout/\nplan/\n*.sarif\nreport.*\n")
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.program("runner", f'PYTHONPATH="{ROOT}" exec "{sys.executable}" -m runner "$@"')
        self.program("python3", f'exec "{sys.executable}" "$@"')
        self.program("pip", 'echo "pip $*"')
        self.environ = {"PATH": f"{self.bin}:/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8"}
        commit(self.work, "the pipeline")

    def program(self, name: str, text: str) -> None:
        file = self.bin / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)

    def __call__(self, command: str, shell: str = "/bin/sh", **environ: str) -> Done:
        """Run a command as hosts do; the log is what both streams say."""
        done = subprocess.run(
            [shell, "-e", "-c", command],
            cwd=self.work,
            env={**self.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return Done(done.returncode, done.stdout)

    def read(self, path: str) -> str:
        return (self.work / path).read_text()

    def change(self, name: str, **what: str) -> str:
        """Change a recipe in a commit of its own."""
        add_recipe(self.work, name, **what)
        return commit(self.work, f"change {name}")


def document(name: str) -> Mapping[str, Any]:
    """Return a YAML file of recipes/ci; `on` stays a word."""
    value: Mapping[str, Any] = yaml.load((CI / name).read_text(), yaml.BaseLoader)
    return value


def commands(steps: list[Mapping[str, Any]], known: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Give the commands of GitHub steps with their environment, expressions replaced by what is known of them."""
    for step in steps:
        if "run" in step:
            environ = {name: _filled(value, known) for name, value in step.get("env", {}).items()}
            yield _filled(step["run"], known), environ


def _filled(text: str, known: Mapping[str, str]) -> str:
    for expression, value in known.items():
        text = text.replace(f"${{{{ {expression} }}}}", value)
    assert "${{" not in text, text
    return text


def payload(folder: Path, text: str) -> str:
    """Write what an event brought, and return where."""
    file = folder / "event.json"
    file.write_text(text)
    return os.fspath(file)
