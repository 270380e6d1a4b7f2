"""Compile a text once, evaluate it often."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Final, NamedTuple, NoReturn

from runner.model.errors import RecipeError
from runner.model.item import Json
from runner.model.problem import Mark, Problem
from runner.templating.evident import NO_NAMES, evident
from runner.templating.fault import Fault, out_of_bounds
from runner.templating.paths import Path, Read, reader, why_absent
from runner.templating.piped import filters_of, piped
from runner.templating.scan import Piece, has_markup, scan
from runner.templating.values import join_text

Locate = Callable[[int], Mark]

_PLAIN_PATH: Final = re.compile(r"\s*([A-Za-z_]\w*(?:\.[A-Za-z]\w*)*)\s*", re.ASCII)
_ONE_PATH: Final = re.compile(rf"\{{\{{{_PLAIN_PATH.pattern}\}}\}}", re.ASCII)
_SHOWN: Final = 80
_KEPT: Final = 8_192


class _Compiled(NamedTuple):
    evaluate: Read
    paths: frozenset[tuple[str, ...]]
    needed: frozenset[tuple[str, ...]]
    is_whole: bool


class Template:
    """A compiled text; fulfils `model.contracts.Expression`.

    Attributes:
        text: as it was written.
        names: top-level names that a scope must give.
        paths: the longest plain paths it reads, `("item", "name")`; a computed field ends the path before it.
        needed: those of `paths` that must be there whatever the values are.
        is_whole: whether it is exactly one expression, and so keeps the type of its value.
        mark: where it stands, for problems met when it is evaluated.
        bound: values given by `bind`.
    """

    __slots__ = ("_compiled", "_evaluate", "bound", "is_whole", "mark", "names", "needed", "paths", "text")

    def __init__(self, text: str, compiled: _Compiled, mark: Mark | None, bound: Mapping[str, Json]) -> None:
        self.text = text
        self.mark = mark
        self.bound = bound
        self.paths = compiled.paths
        self.needed = compiled.needed
        self.names = frozenset([path[0] for path in compiled.paths if path[0] not in bound])
        self.is_whole = compiled.is_whole
        self._compiled = compiled
        self._evaluate = compiled.evaluate

    def __repr__(self) -> str:
        return f"Template({self.text!r})"

    def __call__(self, scope: Mapping[str, Json]) -> Json:
        """Evaluate; a whole expression keeps its type, anything else is text.

        Raises:
            RecipeError: one problem with the mark of the template: `undefined-value`, `template-value`,
                `template-bound` or `template-forbidden`.
        """
        try:
            return self._evaluate({**self.bound, **scope} if self.bound else scope)
        except Fault as fault:
            raise RecipeError([_problem(fault, self.text, self.mark)]) from None
        except (RecursionError, MemoryError):
            raise RecipeError([_problem(out_of_bounds("the expression is too deep"), self.text, self.mark)]) from None

    def bind(self, values: Mapping[str, Json]) -> Template:
        """Return the same template with some of its names given beforehand; the scope of a call goes before them."""
        given = {name: values[name] for name in self.names if name in values}
        return Template(self.text, self._compiled, self.mark, {**self.bound, **given}) if given else self

    def problem_in(self, scope: Mapping[str, Json]) -> Problem | None:
        """Return what a part of the scope surely lacks; names that it does not hold at all are not judged."""
        for path in sorted(self.needed):
            if path[0] in scope:
                try:
                    reader(path, _missing)(scope)
                except Fault as fault:
                    return _problem(fault, self.text, self.mark)
        return None


def is_template(text: str) -> bool:
    """Tell whether a text must be compiled: it holds `{{`, or a statement that compiling will refuse."""
    return has_markup(text)


def compile_template(text: str, *, mark: Mark | None = None, locate: Locate | None = None) -> Template:
    """Compile a text; equal texts are compiled once.

    Args:
        text: any text, also one without expressions.
        mark: where the text begins, for problems met later.
        locate: gives the place of an offset inside the text; without it every problem stands at `mark`.

    Raises:
        RecipeError: one problem: `template-syntax`, `template-forbidden`, `unknown-filter`, `unknown-test` or
            `template-bound`.
    """
    try:
        compiled = _compiled(text)
    except Fault as fault:
        place = locate(fault.at) if locate is not None and fault.at is not None else mark
        raise RecipeError([_problem(fault, text, place)]) from None
    return Template(text, compiled, mark, {})


def template_problem(text: str, *, mark: Mark | None = None, locate: Locate | None = None) -> Problem | None:
    """Return what is wrong with the form of a template, None when it can be compiled."""
    try:
        compile_template(text, mark=mark, locate=locate)
    except RecipeError as error:
        return error.problems[0]
    return None


def _problem(fault: Fault, text: str, mark: Mark | None) -> Problem:
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return Problem(fault.slug, f"{fault.what}, in {shown!r}", mark, fault.mend)


@lru_cache(maxsize=_KEPT)
def _compiled(text: str) -> _Compiled:
    one = _ONE_PATH.fullmatch(text) if len(text) <= _SHOWN else None
    if path := _path_in(one):
        return _of_path(path)  # most templates are this
    try:
        pieces = scan(text)
        parts = [_expression(piece) if piece.is_expression else _literal(piece.text) for piece in pieces]
    except (RecursionError, MemoryError):
        raise Fault("template-bound", "the expression is nested too deep", "make it simpler", 0) from None
    if len(parts) == 1:
        return parts[0]
    evaluations = [part.evaluate for part in parts]
    return _Compiled(
        lambda scope: join_text(one(scope) for one in evaluations),
        frozenset().union(*(part.paths for part in parts)),
        frozenset().union(*(part.needed for part in parts)),
        is_whole=False,
    )


def _literal(text: str) -> _Compiled:
    return _Compiled(lambda _scope: text, frozenset(), frozenset(), is_whole=False)


def _expression(piece: Piece) -> _Compiled:
    begun = _PLAIN_PATH.match(piece.text)
    if begun is not None and (path := _path_in(begun)):
        rest = piece.text[begun.end() :]
        if not rest:
            return _of_path(path)
        filters = filters_of(rest)
        if filters is not None:
            slowly = _later(piece)
            return _Compiled(piped(path, filters, slowly), frozenset({path}), frozenset({path}), is_whole=True)
    known = evident(piece.text)
    if known is None:
        return _slowly(piece)
    slowly = _later(piece)
    evaluate = known.quickly(slowly) if known.quickly is not None else lambda scope: slowly()(scope)
    return _Compiled(evaluate, known.paths, known.needed, is_whole=True)


def _path_in(found: re.Match[str] | None) -> tuple[str, ...]:
    """Return the plain path that was found; empty when there is none, or a word of the language begins it."""
    path = () if found is None else tuple(found[1].split("."))
    return path if path and path[0] not in NO_NAMES else ()


def _of_path(path: tuple[str, ...]) -> _Compiled:
    paths = frozenset({path})
    return _Compiled(reader(path, _missing), paths, paths, is_whole=True)


def _later(piece: Piece) -> Callable[[], Read]:
    return cache(lambda: _slowly(piece).evaluate)


def _slowly(piece: Piece) -> _Compiled:
    from runner.templating.expression import compile_expression  # start-up: plain paths need no Jinja

    try:
        return _Compiled(*compile_expression(piece.text), is_whole=True)
    except Fault as fault:
        fault.at = None if fault.at is None else fault.at + piece.at
        raise


def _missing(path: Path, scope: Mapping[str, Json]) -> NoReturn:
    raise why_absent(path, scope)
