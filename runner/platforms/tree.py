"""Nested data with templates: compiled once, grown for every request.

A member whose whole expression gives null is left out, so that an option that was not given is not sent. An object
with `$for` and `$in` is a loop: with `$give` it becomes a list, with `$name` and `$value` an object; `$if` chooses;
lists of names and sources nest loops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from runner.model.errors import RecipeError, Refused
from runner.model.item import Json
from runner.model.problem import Problem
from runner.model.secret import Secret
from runner.templating import Template, is_template

Scope: TypeAlias = dict[str, Json]
Run: TypeAlias = Callable[[Scope], Json]
Pointer: TypeAlias = tuple[str | int, ...]
Leaf: TypeAlias = Callable[[str, Pointer, frozenset[str]], Template | None]
"""Compiles the text at a pointer, with loop names that are known there; None when it has a problem, already told."""

MISFITS: Final = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError)
"""What growing a value raises besides RecipeError when an item or a reply has values of another form than expected."""
_SECRET: Final = frozenset({"auth", "connection", "options"})
LOOP: Final = frozenset({"$for", "$in", "$if", "$give", "$name", "$value"})


@dataclass(frozen=True, slots=True)
class Tree:
    """Compiled data: called with a scope it gives a new value.

    Attributes:
        run: grows it.
        paths: the longest plain paths that its templates read.
        is_constant: whether it holds no template at all.
        is_whole: whether it is one expression and nothing else.
        may_be_secret: whether what it grows can hold a secret of the connection.
    """

    run: Run
    paths: frozenset[tuple[str, ...]] = frozenset()
    is_constant: bool = True
    is_whole: bool = False
    may_be_secret: bool = False

    def __call__(self, scope: Scope) -> Json:
        """Grow it.

        Raises:
            RecipeError: a template met a value it cannot use.
        """
        return self.run(scope)

    def reads(self, *path: str) -> bool:
        """Whether some template reads this path, something inside it, or something that holds it."""
        return any(one[: len(path)] == path[: len(one)] for one in self.paths)

    def is_true(self, scope: Scope) -> bool:
        """Whether it gives something: not null, not empty, not false, not zero."""
        return bool(self.run(scope))


@dataclass(slots=True)
class _Builder:
    leaf: Leaf
    keeps_nulls: bool = False
    paths: set[tuple[str, ...]] = field(default_factory=set)

    def grow(self, data: Json, pointer: Pointer, loops: frozenset[str]) -> tuple[Run | None, bool]:
        """Return what grows a part (None for a constant), and whether it is one whole expression."""
        if isinstance(data, str):
            return self._text(data, pointer, loops) if is_template(data) else (None, False)
        if isinstance(data, Mapping):
            return (self._loop if "$for" in data else self._object)(data, pointer, loops), False
        if isinstance(data, list):
            runs = [self.grow(value, (*pointer, at), loops)[0] for at, value in enumerate(data)]
            return (_list(list(zip(data, runs, strict=True))) if any(runs) else None), False
        return None, False

    def _text(self, text: str, pointer: Pointer, loops: frozenset[str]) -> tuple[Run | None, bool]:
        template = self.leaf(text, pointer, loops)
        if template is None:
            return None, False
        self.paths |= {path for path in template.paths if path[0] not in loops}
        return (_unwrapped(template) if ("item",) in template.paths else template), template.is_whole

    def _object(self, data: Mapping[str, Json], pointer: Pointer, loops: frozenset[str]) -> Run | None:
        members = [(name, value, *self.grow(value, (*pointer, name), loops)) for name, value in data.items()]
        if self.keeps_nulls:
            members = [(name, value, run, False) for name, value, run, _ in members]
        return _object(members) if any(run for _, _, run, _ in members) else None

    def _loop(self, data: Mapping[str, Json], pointer: Pointer, loops: frozenset[str]) -> Run:
        names, sources = _listed(data["$for"]), _listed(data.get("$in"))
        rounds: list[tuple[str, Run]] = []
        for at, (name, source) in enumerate(zip(names, sources, strict=False)):
            place = (*pointer, "$in", at) if isinstance(data.get("$in"), list) else (*pointer, "$in")
            rounds.append((str(name), self._run(source, place, loops)))
            loops |= {str(name)}
        parts = {key: self._run(data[key], (*pointer, key), loops) for key in LOOP - {"$for", "$in"} if key in data}
        return _loop(rounds, parts)

    def _run(self, data: Json, pointer: Pointer, loops: frozenset[str]) -> Run:
        run, _ = self.grow(data, pointer, loops)
        return run or (lambda _scope: data)


def compile_tree(data: Json, pointer: Pointer, leaf: Leaf, *, keeps_nulls: bool = False) -> Tree:
    """Compile nested data.

    Args:
        data: as it stands at `pointer`.
        pointer: where it stands.
        leaf: compiles the texts in it.
        keeps_nulls: a member whose expression gives null stays: for what is read, where a field is there or null.
    """
    builder = _Builder(leaf, keeps_nulls)
    run, is_whole = builder.grow(data, pointer, frozenset())
    if run is None:
        return Tree(lambda _scope: data)
    may_be_secret = any(path[0] in _SECRET for path in builder.paths)
    paths = frozenset(builder.paths)
    return Tree(run, paths, is_constant=False, is_whole=is_whole, may_be_secret=may_be_secret)


def text_of(tree: Tree | None, scope: Scope) -> str | None:
    """Render a tree as a text; None when it gives null, or is absent."""
    value = None if tree is None else tree(scope)
    return None if value is None else str(value)


def constant(data: Json) -> Tree:
    """Return a tree that always gives the same value."""
    return Tree(lambda _scope: data)


def revealed(value: Json, *, is_home: bool) -> Json:
    """Return grown data with its secrets open, for a request to the connection's own origin.

    Raises:
        Refused: the request goes elsewhere.
    """
    if isinstance(value, Secret):
        if not is_home:
            raise Refused("the manifest would send a secret to a host that is not the platform's own")
        return value.reveal()
    if isinstance(value, dict):
        return {name: revealed(one, is_home=is_home) for name, one in value.items()}
    if isinstance(value, list):
        return [revealed(one, is_home=is_home) for one in value]
    return value


class View(Mapping[str, Json]):
    """An object with some fields that are made when they are read; as a whole it is the plain value.

    Attributes:
        value: what it is as a whole.
        extra: gives the other fields.
    """

    __slots__ = ("extra", "value")

    def __init__(self, value: Mapping[str, Json], extra: Callable[[str], Json]) -> None:
        """`extra` gives a field, or raises KeyError for one it does not make."""
        self.value, self.extra = value, extra

    def __getitem__(self, name: str) -> Json:
        try:
            return self.extra(name)
        except KeyError:
            return self.value[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.value)

    def __len__(self) -> int:
        return len(self.value)


def _unwrapped(template: Template) -> Run:
    def run(scope: Scope) -> Json:
        value = template(scope)
        return value.value if isinstance(value, View) else value

    return run


def _object(members: Sequence[tuple[str, Json, Run | None, bool]]) -> Run:
    def run(scope: Scope) -> Json:
        grown = {}
        for name, value, member, is_whole in members:
            got = value if member is None else member(scope)
            if got is not None or not is_whole:
                grown[name] = got
        return grown

    return run


def _list(elements: Sequence[tuple[Json, Run | None]]) -> Run:
    return lambda scope: [value if run is None else run(scope) for value, run in elements]


def _loop(rounds: Sequence[tuple[str, Run]], parts: Mapping[str, Run]) -> Run:
    give, name, value, keep = (parts.get(key) for key in ("$give", "$name", "$value", "$if"))

    def scopes(scope: Scope, at: int = 0) -> Iterator[Scope]:
        if at == len(rounds):
            yield scope
            return
        loop, source = rounds[at]
        elements = source(scope) or ()
        if not isinstance(elements, list | tuple | Mapping):
            what = f"$for {loop} goes over a list, not over {type(elements).__name__}"
            raise RecipeError([Problem("template-value", what, None, "give a list in $in")])
        for element in elements:
            yield from scopes({**scope, loop: element}, at + 1)

    def run(scope: Scope) -> Json:
        chosen = (one for one in scopes(scope) if keep is None or keep(one))
        if give is not None:
            return [give(one) for one in chosen]
        assert name is not None and value is not None
        return {str(name(one)): value(one) for one in chosen}

    return run


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]
