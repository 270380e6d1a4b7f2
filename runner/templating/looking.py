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


def paths_in(node: Node, functions: frozenset[str]) -> Iterator[Path]:
    """Give the longest plain paths that a tree reads; the name of a called function is none."""
    path = path_of(node)
    if path is not None:
        yield path
        return
    if isinstance(node, syntax.Invoke):
        callee = node.callee
        if isinstance(callee, syntax.Field):
            yield from paths_in(callee.of, functions)
        elif not (isinstance(callee, syntax.Name) and callee.name in functions):
            yield from paths_in(callee, functions)
        yield from _paths_below(node.arguments, functions)
        return
    for one in fields(node):
        yield from _paths_below(getattr(node, one.name), functions)


def _paths_below(value: object, functions: frozenset[str]) -> Iterator[Path]:
    if isinstance(value, syntax.Arguments):
        yield from _paths_below((*value.positional, *value.named.values()), functions)
    elif isinstance(value, tuple):
        for one in value:
            yield from _paths_below(one, functions)
    elif value is not None and not isinstance(value, (str, int, float)):
        yield from paths_in(value, functions)  # type: ignore[arg-type]
