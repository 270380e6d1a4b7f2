"""What an expression may hold: its tree is checked, and given back in the form that may be compiled.

Three things are replaced. A plain path becomes one variable, which we read. A call becomes a filter. So do the signs
that could build without bound: `a ~ b`, `a[1:2]`, `[a, b]`. Nothing is left that calls or takes an attribute of Python.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeAlias

from jinja2 import nodes

from runner.model.suggestion import did_you_mean
from runner.templating.allowed import FILTERS, METERED, TESTS
from runner.templating.bounds import MAX_BITS
from runner.templating.fault import Fault
from runner.templating.metered import FUNCTIONS, METHODS, Function
from runner.templating.paths import Path, forbidden_attribute, spelled
from runner.templating.words import Words

MAX_DEPTH: Final = 100
_ALL_FILTERS: Final[Mapping[str, Function]] = dict(FILTERS) | dict(METERED)
_MAY_BE_MISSING: Final = frozenset({"d", "default", "defined", "undefined"})
# Filters that apply another filter or test: which, and where its name stands among their arguments.
_HANDS_ON: Final = {
    "map": ("filter", 0),
    "select": ("test", 0),
    "reject": ("test", 0),
    "selectattr": ("test", 1),
    "rejectattr": ("test", 1),
}
_Applied: TypeAlias = nodes.Filter | nodes.Test


class Guard:
    """Check the tree of one expression.

    Attributes:
        reads: the plain paths that were found, with the variable that stands for each.
        needed: those that stand neither under `default` or `is defined` nor in a part that may be skipped.
    """

    def __init__(self, words: Words) -> None:
        self._words = words
        self._depth = 0
        self._may_be_missing = False
        self.reads: dict[Path, str] = {}
        self.needed: set[Path] = set()

    def checked(self, node: nodes.Expr) -> nodes.Expr:
        """Return what may stand for a node.

        Raises:
            Fault: something that can never be allowed.
        """
        check = next((check for kind, check in _CHECKS.items() if isinstance(node, kind)), None)
        if check is None:
            raise self._fault(node, "template-forbidden", f"{type(node).__name__} is not allowed in an expression")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._fault(node, "template-bound", f"the expression is nested deeper than {MAX_DEPTH}")
        result = check(self, node)
        self._depth -= 1
        return result

    def _fault(self, node: nodes.Node, slug: str, what: str, mend: str = "") -> Fault:
        return Fault(slug, what, mend, self._words.offset(node.lineno))

    def _all(self, found: Sequence[nodes.Expr]) -> list[nodes.Expr]:
        return [self.checked(node) for node in found]

    def _skippable(self, node: nodes.Expr) -> nodes.Expr:
        before, self._may_be_missing = self._may_be_missing, True
        result = self.checked(node)
        self._may_be_missing = before
        return result

    # -- reading
    def constant(self, node: nodes.Const) -> nodes.Expr:
        """Check a number: it is written into generated code."""
        value = node.value
        is_large = isinstance(value, int) and value.bit_length() > MAX_BITS
        if is_large or (isinstance(value, float) and value - value != 0):
            raise self._fault(node, "template-bound", "the number is too large")
        return node

    def read(self, node: nodes.Name | nodes.Getattr | nodes.Getitem) -> nodes.Expr:
        """Replace a plain path by its variable."""
        path = _path_of(node)
        if path is None:
            return self.element(node)  # type: ignore[arg-type]
        if path == ("null",):
            return nodes.Const(None, lineno=node.lineno)
        self._refuse_private(path[1:], node)
        if not self._may_be_missing:
            self.needed.add(path)
        name = self.reads.setdefault(path, f"p{len(self.reads)}")
        return nodes.Name(name, "load", lineno=node.lineno)

    def element(self, node: nodes.Getattr | nodes.Getitem) -> nodes.Expr:
        """Check `computed.name`, `computed[key]`, `computed[1:2]`."""
        of = self.checked(node.node)
        if isinstance(node, nodes.Getattr):
            self._refuse_private((node.attr,), node)
            return nodes.Getattr(of, node.attr, "load", lineno=node.lineno)
        if isinstance(node.arg, nodes.Slice):
            ends = (node.arg.start, node.arg.stop, node.arg.step)
            return _apply("[:]", of, [nodes.Const(None) if end is None else self.checked(end) for end in ends])
        return nodes.Getitem(of, self.checked(node.arg), "load", lineno=node.lineno)

    def _refuse_private(self, steps: Path, node: nodes.Node) -> None:
        for step in steps:
            if isinstance(step, str) and step.startswith("__"):
                raise forbidden_attribute(step, self._words.offset(node.lineno))

    def sequence(self, node: nodes.List | nodes.Tuple) -> nodes.Expr:
        """Check a list; tuples are lists."""
        made = nodes.List(self._all(node.items), lineno=node.lineno)
        return made if all(isinstance(item, nodes.Const) for item in made.items) else _apply("[]", made)

    def mapping(self, node: nodes.Dict) -> nodes.Expr:
        """Check an object."""
        pairs = [nodes.Pair(self.checked(pair.key), self.checked(pair.value)) for pair in node.items]
        return _apply("[]", nodes.Dict(pairs, lineno=node.lineno))

    # -- signs
    def unary(self, node: nodes.UnaryExpr) -> nodes.Expr:
        """Check `-a`, `+a`, `not a`."""
        node.node = self.checked(node.node)
        return node

    def binary(self, node: nodes.BinExpr) -> nodes.Expr:
        """Check arithmetic, `and`, `or`."""
        node.left = self.checked(node.left)
        node.right = (self._skippable if isinstance(node, (nodes.And, nodes.Or)) else self.checked)(node.right)
        return node

    def concat(self, node: nodes.Concat) -> nodes.Expr:
        """Replace `a ~ b`."""
        return _apply("~", nodes.List(self._all(node.nodes), lineno=node.lineno))

    def compare(self, node: nodes.Compare) -> nodes.Expr:
        """Check comparisons and `in`."""
        node.expr = self.checked(node.expr)
        for operand in node.ops:
            operand.expr = self.checked(operand.expr)
        if node.ops[0].op in ("in", "notin"):
            # In an empty list Python would not look for the value at all, and not see that it is missing.
            node.expr = _apply("in", node.expr)
        return node

    def choice(self, node: nodes.CondExpr) -> nodes.Expr:
        """Check `a if b else c`; without `else` it is null."""
        node.test = self.checked(node.test)
        node.expr1 = self._skippable(node.expr1)
        node.expr2 = nodes.Const(None, lineno=node.lineno) if node.expr2 is None else self._skippable(node.expr2)
        return node

    # -- calls
    def call(self, node: nodes.Call) -> nodes.Expr:
        """Replace the call of a function or of a method of texts."""
        if node.kwargs or node.dyn_args is not None or node.dyn_kwargs is not None:
            raise self._fault(node, "template-forbidden", "functions and methods take no named arguments here")
        callee = node.node
        if isinstance(callee, nodes.Name) and callee.name in FUNCTIONS:
            first, *others = self._all(node.args) or [nodes.Const(None)]
            return _apply(f"{callee.name}()", first, others)
        if not isinstance(callee, nodes.Getattr):
            what = f"{_spelled(callee)} cannot be called"
            raise self._fault(node, "template-forbidden", what, did_you_mean(_spelled(callee), FUNCTIONS, "Functions"))
        if callee.attr not in METHODS:
            is_filter = callee.attr in _ALL_FILTERS
            of = _spelled(callee.node)
            mend = f"write {of} | {callee.attr}" if is_filter else did_you_mean(callee.attr, METHODS, "Methods")
            raise self._fault(callee, "template-forbidden", f'"{callee.attr}" is no method that may be called', mend)
        return _apply(f".{callee.attr}", self.checked(callee.node), self._all(node.args))

    def applied(self, node: _Applied) -> nodes.Expr:
        """Check a filter or test."""
        noun = "filter" if isinstance(node, nodes.Filter) else "test"
        self._known(node, noun, node.name, len(node.args))
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            raise self._fault(node, "template-forbidden", "arguments are written one by one, not as * or **")
        if noun == "filter" and node.name in _HANDS_ON:
            self._handed_on(node, *_HANDS_ON[node.name])
        check = self._skippable if node.name in _MAY_BE_MISSING else self.checked
        node.node = check(node.node)  # type: ignore[arg-type]
        node.args = [check(argument) for argument in node.args]
        for keyword in node.kwargs:
            keyword.value = check(keyword.value)
        return node

    def _known(self, node: _Applied, noun: str, name: str, given: int) -> None:
        table = _ALL_FILTERS if noun == "filter" else TESTS
        if name not in table:
            mend = did_you_mean(name, table, f"{noun}s".title())
            raise self._fault(node, f"unknown-{noun}", f'there is no {noun} "{name}"', mend)
        first = 2 if noun == "filter" and name in METERED else 1
        try:
            _signature(table[name]).bind(*[None] * (first + given), **{str(one.key): None for one in node.kwargs})
        except TypeError as error:
            what = f'the {noun} "{name}" does not take these arguments: {error}'
            raise self._fault(node, "template-syntax", what) from None

    def _handed_on(self, node: _Applied, noun: str, position: int) -> None:
        if len(node.args) > position:
            name = node.args[position]
            if not isinstance(name, nodes.Const) or not isinstance(name.value, str):
                raise self._fault(node, "template-syntax", f'"{node.name}" takes the name of a {noun} in quotes')
            self._known(node, noun, name.value, len(node.args) - position - 1)


_CHECKS: Final[Mapping[type[nodes.Expr], Callable[[Guard, Any], nodes.Expr]]] = {
    nodes.Const: Guard.constant,
    nodes.Name: Guard.read,
    nodes.Getattr: Guard.read,
    nodes.Getitem: Guard.read,
    nodes.List: Guard.sequence,
    nodes.Tuple: Guard.sequence,
    nodes.Dict: Guard.mapping,
    nodes.Concat: Guard.concat,
    nodes.Compare: Guard.compare,
    nodes.CondExpr: Guard.choice,
    nodes.Call: Guard.call,
    nodes.Filter: Guard.applied,
    nodes.Test: Guard.applied,
    nodes.UnaryExpr: Guard.unary,
    nodes.BinExpr: Guard.binary,
}


def _apply(name: str, of: nodes.Expr, arguments: list[nodes.Expr] | None = None) -> nodes.Expr:
    return nodes.Filter(of, name, arguments or [], [], None, None, lineno=of.lineno)


def _path_of(node: nodes.Expr) -> Path | None:
    steps: list[str | int] = []
    while not isinstance(node, nodes.Name):
        if isinstance(node, nodes.Getattr):
            steps.append(node.attr)
        elif (
            isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and type(node.arg.value) in (str, int)
        ):
            steps.append(node.arg.value)
        else:
            return None
        node = node.node
    return (node.name, *reversed(steps))


def _spelled(node: nodes.Expr) -> str:
    path = _path_of(node)
    return "the value" if path is None else spelled(path)


@cache
def _signature(function: Function) -> inspect.Signature:
    return inspect.signature(function)
