"""Let the project of a test run the commands that its recipes name, as its author would have written it there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from runner.model.command import fault_of_entry

_MARK = "# what recipes of this test run"


def allow_commands(folder: Path) -> None:
    """Write `allow` into every project file below a folder that does not have its own; one line at the end.

    Where there is no project file, one is made that says nothing else.
    """
    if not any(folder.rglob("runner.yaml")) and commands_in(folder):
        name = "".join(one if one.isalnum() else "-" for one in folder.name.lower()).strip("-")
        (folder / "runner.yaml").write_text(f"apiVersion: runner/v1\nkind: Project\nname: {name}\n", encoding="utf-8")
    for project in folder.rglob("runner.yaml"):
        entries = commands_in(project.parent)
        lines = project.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if _MARK not in line]
        if entries and not any(line.startswith("allow:") for line in kept):
            text = "".join(kept)
            made = f"{text}{'' if text.endswith(chr(10)) else chr(10)}{allow_line(entries)}"
            if made != "".join(lines):
                project.write_text(made, encoding="utf-8")


def commands_in(*paths: Path) -> list[list[str]]:
    """Return what the commands of some recipes, and of those below some folders, begin with."""
    files = [file for path in paths for file in (sorted(path.rglob("*.yaml")) if path.is_dir() else [path])]
    found: list[list[str]] = []
    for file in files:
        text = file.read_text(encoding="utf-8", errors="replace")
        if "argv" in text:
            found += [entry for entry in _argvs(_parsed(text)) if entry not in found]
    return found


def allow_line(entries: list[list[str]]) -> str:
    """Return the line of a project file."""
    return f"allow: {{commands: {json.dumps(entries, ensure_ascii=False)}}}  {_MARK}\n"


def allowing(*recipes: str) -> str:
    """Return the line that allows the commands of some recipes, empty when they have none."""
    entries = [entry for text in recipes for entry in _argvs(_parsed(text))]
    return allow_line(entries) if entries else ""


def _parsed(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return None


def _argvs(value: Any) -> Iterator[list[str]]:
    if isinstance(value, dict):
        argv = value.get("argv")
        if isinstance(argv, list):
            words = [word if isinstance(word, str) else "{{" for word in argv]
            known = words[: next((at for at, word in enumerate(words) if "{{" in word), len(words))]
            if known and not fault_of_entry(known):
                yield known
        for one in value.values():
            yield from _argvs(one)
    elif isinstance(value, list):
        for one in value:
            yield from _argvs(one)
