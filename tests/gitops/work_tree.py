"""A Git work tree with some recipes, made by the real Git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

PROJECT = "apiVersion: runner/v1\nkind: Project\nname: shop\nallow: {commands: [tr, sleep, [sh, -c, exit 3]]}\n"
RECIPE = """\
apiVersion: runner/v1
kind: Recipe
name: {name}
source: {{jsonl: {{path: data/{name}.jsonl, key: id}}}}
target: {{command: {{argv: [tr, a-z, {letters}], stdin: "{{{{ item.text }}}}", format: text}}}}
run: {{poll: {{first: 10ms}}}}
sinks: [{{jsonl: {{path: out/{name}.jsonl}}}}]
"""


def git(folder: Path, *arguments: str) -> str:
    who = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@t", "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@t"}
    done = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", *arguments],
        cwd=folder,
        env={**os.environ, **who},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def add_recipe(folder: Path, name: str, letters: str = "A-Z", text: str = "hello") -> Path:
    file = folder / f"recipes/{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(RECIPE.format(name=name, letters=letters))
    data = folder / f"data/{name}.jsonl"
    data.parent.mkdir(parents=True, exist_ok=True)
    data.write_text(f'{{"id": "1", "text": "{text}"}}\n')
    return file


def commit(folder: Path, message: str) -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", message)
    return git(folder, "rev-parse", "HEAD")


def new_project(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q")
    (folder / "runner.yaml").write_text(PROJECT)
    (folder / ".gitignore").write_text(".runner/\nout/\n")
    for name in names:
        add_recipe(folder, name)
    commit(folder, "first")
    return folder
