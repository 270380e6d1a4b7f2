"""`runner validate -f FILE`, as editors and hooks call it many times: when all is well it is said without click.

Anything else (a folder, another option, a problem, a terminal with colours) is left to the command itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
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
    return None if loaded.problems or len(loaded.recipes) != 1 else f"{valid_text(1)}\n"


def valid_text(count: int) -> str:
    """Say that recipes are valid."""
    return f"{count} {'recipe is' if count == 1 else 'recipes are'} valid"


def _may_be_coloured() -> bool:
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()
