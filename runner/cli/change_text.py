"""What an apply would make or change on a platform besides its jobs, line by line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import unified_diff
from typing import Final

from runner.cli.console import paint
from runner.model.item import Json
from runner.model.job import Change

AROUND: Final = 1
"""Unchanged lines that are shown around a changed one."""
_STYLES: Final = {"+": "good", "-": "bad"}


def change_lines(change: Change) -> Iterator[tuple[str, str]]:
    """Give (name of the line, text): what is changed, then its fields with their lines before and after."""
    yield "changes", f"{change.what}: {'new' if change.before is None else 'changed'}"
    for field, after in change.after.items():
        before = None if change.before is None else change.before.get(field)
        old, new = _lines(before), _lines(after)
        if len(old) <= 1 and len(new) <= 1:
            yield "", f"  {field}: {' -> '.join([*old, *new])}"
            continue
        yield "", f"  {field}:"
        for line in list(unified_diff(old, new, lineterm="", n=AROUND))[2:]:
            if not line.startswith("@@"):
                yield "", "    " + paint(line, _STYLES.get(line[:1], "dim"))


def _lines(value: Json) -> list[str]:
    if value is None:
        return []
    return value.splitlines() if isinstance(value, str) else [json.dumps(value, ensure_ascii=False)]
