"""Paths: which names and fields an expression reads, and how a plain path is read fast."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields

from runner.model.item import Json
from runner.templating import syntax
from runner.templating.fault import suggestion, undefined
from runner.templating.meter import Meter
from runner.templating.syntax import Node
from runner.templating.values import field

Path = tuple[str, ...]


def path_of(node: Node) -> Path | None:
    """Return the path that a node spells, `item.a['b c']` as ("item", "a", "b c"); None when it is no plain path."""
    names: list[str] = []
    while not isinstance(node, syntax.Name):
        if isinstance(node, syntax.Field):
            names.append(node.name)
        elif isinstance(node, syntax.Index) and isinstance(node.key, syntax.Constant) and type(node.key.value) is str:
            names.append(node.key.value)
        else:
            return None
        node = node.of
    return (node.name, *reversed(names))


def spelled(node: Node) -> str:
    """Name a node in a message."""
    path = path_of(node)
    return "the value" if path is None else ".".join(path)


def look_up(path: Path) -> Callable[[Mapping[str, Json], Meter], Json]:
    """Return the function that reads a path; messages are made only when it fails."""
    if len(path) == 2:
        first, second = path

        def read_two(scope: Mapping[str, Json], _meter: Meter) -> Json:
            try:
                return scope[first][second]
            except (KeyError, TypeError, IndexError):
                return _walk(path, scope)

        return read_two

    def read(scope: Mapping[str, Json], _meter: Meter) -> Json:
        value: Json = scope
        try:
            for name in path:
                value = value[name]
        except (KeyError, TypeError, IndexError):
            return _walk(path, scope)
        return value

    return read


def _walk(path: Path, scope: Mapping[str, Json]) -> Json:
    if path[0] not in scope:
        raise undefined(f'there is no name "{path[0]}" here', suggestion(path[0], scope, "Names"))
    value = scope[path[0]]
    for position, name in enumerate(path[1:], 1):
        value = field(value, name, ".".join(path[:position]))
    return value


def paths_in(node: Node, functions: frozenset[str], *, guarded: bool = False) -> Iterator[tuple[Path, bool]]:
    """Give the longest plain paths that a tree reads; the name of a called function is none.

    Each comes with whether it may be missing: it stands under `default` or `is defined`, or in a part that may be
    skipped.
    """
    path = path_of(node)
    if path is not None:
        yield path, guarded
        return
    for child, may_be_missing in _children(node, functions):
        yield from paths_in(child, functions, guarded=guarded or may_be_missing)


def _children(node: Node, functions: frozenset[str]) -> Iterator[tuple[Node, bool]]:
    if isinstance(node, syntax.Invoke):
        callee = node.callee
        if isinstance(callee, syntax.Field):
            yield callee.of, False
        elif not (isinstance(callee, syntax.Name) and callee.name in functions):
            yield callee, False
        yield from ((argument, False) for argument in _nodes(node.arguments))
        return
    if isinstance(node, (syntax.Filtered, syntax.Tested)):
        is_guard = node.name in ("default", "d", "defined", "undefined")
        yield node.of, is_guard
        yield from ((argument, is_guard) for argument in _nodes(node.arguments))
        return
    skips = isinstance(node, syntax.Choice) or (isinstance(node, syntax.Binary) and node.sign in ("and", "or"))
    for at, child in enumerate(_nodes(tuple(getattr(node, one.name) for one in fields(node)))):
        yield child, skips and at > 0


def _nodes(value: object) -> Iterator[Node]:
    if isinstance(value, syntax.Arguments):
        yield from _nodes((*value.positional, *value.named.values()))
    elif isinstance(value, tuple):
        for one in value:
            yield from _nodes(one)
    elif value is not None and not isinstance(value, (str, int, float)):
        yield value  # type: ignore[misc]
