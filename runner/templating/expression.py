"""From the source of one expression to its function and the paths that it reads."""

from __future__ import annotations

from runner.templating.compiler import FUNCTIONS, Run, compile_node
from runner.templating.looking import Path, paths_in
from runner.templating.parser import parse


def compile_expression(source: str) -> tuple[Run, frozenset[Path], frozenset[Path]]:
    """Compile what stands between the braces; return its function, all paths, and those that must not be missing.

    Raises:
        Fault: with the offset inside `source`.
    """
    node = parse(source)
    paths = list(paths_in(node, FUNCTIONS))
    needed = frozenset(path for path, may_be_missing in paths if not may_be_missing)
    return compile_node(node), frozenset(path for path, _ in paths), needed
