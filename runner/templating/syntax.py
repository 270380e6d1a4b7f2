"""The tree of one expression. Every node knows its offset in the source (`at`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, text, true, false or none."""

    at: int
    value: int | float | str | bool | None


@dataclass(frozen=True, slots=True)
class Name:
    """A top-level name of the scope."""

    at: int
    name: str


@dataclass(frozen=True, slots=True)
class Field:
    """`of.name`: always a key of a mapping, or a method name when it is called."""

    at: int
    of: Node
    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """`of[key]`."""

    at: int
    of: Node
    key: Node


@dataclass(frozen=True, slots=True)
class Cut:
    """`of[start:stop:step]`."""

    at: int
    of: Node
    start: Node | None
    stop: Node | None
    step: Node | None


@dataclass(frozen=True, slots=True)
class Arguments:
    """What stands in the parentheses of a call, filter or test."""

    positional: Sequence[Node]
    named: Mapping[str, Node]


@dataclass(frozen=True, slots=True)
class Invoke:
    """`callee(...)`."""

    at: int
    callee: Node
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Filtered:
    """`of | name(...)`."""

    at: int
    of: Node
    name: str
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Tested:
    """`of is name(...)`, `of is not name(...)`."""

    at: int
    of: Node
    name: str
    arguments: Arguments
    negated: bool


@dataclass(frozen=True, slots=True)
class Unary:
    """`-of`, `+of`, `not of`."""

    at: int
    sign: str
    of: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic, `~`, `and`, `or`."""

    at: int
    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Comparison:
    """`first < b <= c`: every neighbouring pair must hold."""

    at: int
    first: Node
    rest: Sequence[tuple[str, Node]]


@dataclass(frozen=True, slots=True)
class Choice:
    """`then if condition else otherwise`."""

    at: int
    condition: Node
    then: Node
    otherwise: Node | None


@dataclass(frozen=True, slots=True)
class ListOf:
    """`[a, b]` or `(a, b)`."""

    at: int
    items: Sequence[Node]


@dataclass(frozen=True, slots=True)
class DictOf:
    """`{key: value}`."""

    at: int
    pairs: Sequence[tuple[Node, Node]]


Node: TypeAlias = (
    Constant
    | Name
    | Field
    | Index
    | Cut
    | Invoke
    | Filtered
    | Tested
    | Unary
    | Binary
    | Comparison
    | Choice
    | ListOf
    | DictOf
)
