"""From the source of one expression to its function and the paths that it reads."""

from __future__ import annotations

from runner.templating.compiler import FUNCTIONS, Run, compile_node
from runner.templating.looking import Path, paths_in
from runner.templating.parser import parse


def compile_expression(source: str) -> tuple[Run, frozenset[Path]]:
    """Compile what stands between the braces.

    Raises:
        Fault: with the offset inside `source`.
    """
    node = parse(source)
    return compile_node(node), frozenset(paths_in(node, FUNCTIONS))
