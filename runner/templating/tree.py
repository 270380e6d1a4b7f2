"""Nested data with templates at its leaves."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TypeAlias

from runner.model.errors import RecipeError
from runner.model.item import Json
from runner.model.problem import Mark, Problem
from runner.templating.template import Template, compile_template, is_template

Pointer: TypeAlias = tuple[str | int, ...]
Evaluate: TypeAlias = Callable[[Mapping[str, Json]], Json]


class Tree:
    """Compiled nested data: called with a scope it gives the data with every template evaluated.

    A value that is one whole expression may become null; whether such a field is then left out is the caller's affair.
    Field names are never templates. Parts without a template are given as they are: do not change them.

    Attributes:
        data: as it was written.
        names: top-level names that a scope must give.
        paths: the longest plain paths that its templates read.
    """

    __slots__ = ("_evaluate", "data", "names", "paths")

    def __init__(self, data: Json, evaluate: Evaluate | None, templates: list[Template]) -> None:
        self.data = data
        self.names = frozenset(name for template in templates for name in template.names)
        self.paths = frozenset(path for template in templates for path in template.paths)
        self._evaluate = evaluate

    @property
    def text(self) -> str:
        """The data as JSON, with every template as it was written."""
        return json.dumps(self.data, ensure_ascii=False, default=lambda template: template.text)

    @property
    def is_constant(self) -> bool:
        """Whether it holds no template at all."""
        return self._evaluate is None

    def __call__(self, scope: Mapping[str, Json]) -> Json:
        """Evaluate every template.

        Raises:
            RecipeError: as `Template`.
        """
        return self.data if self._evaluate is None else self._evaluate(scope)


def compile_tree(data: Json, *, mark_of: Callable[[Pointer], Mark | None] | None = None) -> Tree:
    """Compile every text of nested lists and objects.

    Args:
        data: any JSON value.
        mark_of: gives the place of a value by its pointer, `("headers", "Accept", 0)`.

    Raises:
        RecipeError: with every problem of every text.
    """
    builder = _Builder(mark_of or (lambda _pointer: None))
    evaluate = builder.build(data, ())
    if builder.problems:
        raise RecipeError(builder.problems)
    return Tree(data, evaluate, builder.templates)


def tree_of(data: Json) -> Tree:
    """Make one tree of nested data whose templates are compiled already; texts in it stay as they are."""
    templates: list[Template] = []
    return Tree(data, _compiled_parts(data, templates), templates)


def _compiled_parts(data: Json, templates: list[Template]) -> Evaluate | None:
    if isinstance(data, Template):
        templates.append(data)
        return data
    if isinstance(data, Mapping):
        fields = [(name, value, _compiled_parts(value, templates)) for name, value in data.items()]
        return _object(fields) if any(evaluate for _, _, evaluate in fields) else None
    if isinstance(data, (list, tuple)):
        items = [(value, _compiled_parts(value, templates)) for value in data]
        return _list(items) if any(evaluate for _, evaluate in items) else None
    return None


class _Builder:
    def __init__(self, mark_of: Callable[[Pointer], Mark | None]) -> None:
        self._mark_of = mark_of
        self.templates: list[Template] = []
        self.problems: list[Problem] = []

    def build(self, data: Json, pointer: Pointer) -> Evaluate | None:
        """Return the function of a part, None when it holds no template."""
        if isinstance(data, str):
            return self._text(data, pointer) if is_template(data) else None
        if isinstance(data, Mapping):
            fields = [(name, value, self.build(value, (*pointer, name))) for name, value in data.items()]
            return _object(fields) if any(evaluate for _, _, evaluate in fields) else None
        if isinstance(data, (list, tuple)):
            items = [(value, self.build(value, (*pointer, at))) for at, value in enumerate(data)]
            return _list(items) if any(evaluate for _, evaluate in items) else None
        return None

    def _text(self, text: str, pointer: Pointer) -> Evaluate | None:
        try:
            template = compile_template(text, mark=self._mark_of(pointer))
        except RecipeError as error:
            self.problems.extend(error.problems)
            return None
        self.templates.append(template)
        return template


def _object(fields: list[tuple[str, Json, Evaluate | None]]) -> Evaluate:
    return lambda scope: {name: value if evaluate is None else evaluate(scope) for name, value, evaluate in fields}


def _list(items: list[tuple[Json, Evaluate | None]]) -> Evaluate:
    return lambda scope: [value if evaluate is None else evaluate(scope) for value, evaluate in items]
