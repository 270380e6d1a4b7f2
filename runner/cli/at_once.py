"""`runner validate -f FILE`, as editors and hooks call it many times: when all is well it is said without click.

Anything else (a folder, another option, a problem, a terminal with colours) is left to the command itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from runner.assembly.loading import load_files


def validated(arguments: Sequence[str]) -> str | None:
    """Return what to print when the one recipe that is meant has no problem; None when the command must say it.

    Args:
        arguments: those behind `validate`.
    """
    path = arguments[-1] if len(arguments) == 1 or (len(arguments) == 2 and arguments[0] in ("-f", "--file")) else ""
    if not path or path.startswith("-") or not Path(path).is_file() or _may_be_coloured():
        return None
    loaded = load_files([Path(path)], environ=os.environ)
    return None if loaded.problems or len(loaded.recipes) != 1 else f"{valid_text({'recipe': 1})}\n"


def valid_text(valid: Mapping[str, int]) -> str:
    """Say that documents are valid.

    Args:
        valid: noun to number.
    """
    total = sum(valid.values())
    if not total:
        return "no recipe, manifest, project file or test was found"
    parts = [f"{number} {noun}{'' if number == 1 else 's'}" for noun, number in valid.items() if number]
    listed = ", ".join(parts[:-1]) + (" and " if parts[:-1] else "") + parts[-1]
    return f"{listed} {'is' if total == 1 else 'are'} valid"


def _may_be_coloured() -> bool:
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()
