"""From the source of one expression to its function: parsed, compiled and evaluated by Jinja.

Between parsing and compiling, `guard` checks the tree and replaces parts of it. The statement that is compiled is an
assignment, not one that prints: in what is printed Jinja calculates the constant parts when it compiles, even when it
is told not to optimize.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import takewhile
from typing import Any, TypeAlias

from jinja2 import TemplateSyntaxError, nodes

from runner.model.item import Json
from runner.templating.allowed import PYTHON_ERRORS, python_fault
from runner.templating.fault import Fault
from runner.templating.guard import Guard
from runner.templating.paths import Path, Read, reader
from runner.templating.sandbox import SANDBOX, Evaluation, Missing
from runner.templating.words import parse, words_of

Names: TypeAlias = tuple[str, ...]


def compile_expression(source: str) -> tuple[Read, frozenset[Names], frozenset[Names]]:
    """Compile what stands between the braces.

    Returns:
        The function of a scope, the longest plain paths of names that it reads, and those of them that must be there
        whatever the values are.

    Raises:
        Fault: with the offset inside `source`.
    """
    words = words_of(source)
    guard = Guard(words)
    assignment = nodes.Assign(nodes.Name("_value", "store"), guard.checked(parse(words)), lineno=1)
    template = nodes.Template([assignment], lineno=1)
    template.set_environment(SANDBOX)
    try:
        root = SANDBOX.from_string(template).root_render_func
    except (SyntaxError, TemplateSyntaxError) as error:
        raise Fault("template-syntax", f"the expression has no meaning: {error}", at=0) from None
    reads = {name: reader(path, _absent) for path, name in guard.reads.items()}
    return _evaluation(root, reads), frozenset(map(_names, guard.reads)), frozenset(map(_names, guard.needed))


def _names(path: Path) -> Names:
    return tuple(str(step) for step in takewhile(lambda step: isinstance(step, str), path))


def _absent(path: Path, scope: Mapping[str, Json]) -> Missing:
    return Missing(obj=scope, name=path)  # type: ignore[arg-type]


def _evaluation(root: Callable[[Any], Any], reads: Mapping[str, Read]) -> Read:
    def evaluate(scope: Mapping[str, Json]) -> Json:
        run = Evaluation(reads, scope)
        try:
            next(root(run), None)
        except PYTHON_ERRORS as error:
            raise python_fault(error, "the expression") from None
        value = run.vars["_value"]
        if isinstance(value, Missing):
            raise value.fault()
        return value

    return evaluate
