"""From the parser's events to values and marks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from runner.documents.scalars import NotFinite, resolve
from runner.model.item import Json
from runner.model.problem import Mark, Problem

_Parser: Any
try:
    from yaml.cyaml import CLoader as _Parser
except ImportError:  # PyYAML without libyaml: slower, the same events
    _Parser = yaml.Loader

Place: TypeAlias = tuple[int, int, int, int]
"""Line and column of the key, line and column of the value; all from 0."""
Marks: TypeAlias = dict[int, dict[Any, Place]]
"""id of a mapping or list to the places inside it; under 0 the place of the whole, as the field ""."""

MAX_DEPTH: Final = 64
MAX_SCALAR: Final = 1024 * 1024
MAX_VALUES: Final = 200_000
MAX_PROBLEMS: Final = 200
MAX_COPIED: Final = 1024 * 1024
_NESTING: Final = "nesting depth"
"""In libyaml's message for its own limit (1,000 since 0.2.6). Its scanner reads ahead, so it may report that limit
before the event at `MAX_DEPTH` arrives; PyYAML's own parser has no such limit and finds the place."""
_WORDS: Final = frozenset({"null", "true", "false"})
_CONTROL: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TEMPLATE: Final = re.compile(r"(?:^|[:\-,\[{]\s+|\s)\{\{")


@dataclass(slots=True)
class Built:
    """What came of a text."""

    value: Json = None
    marks: Marks = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


class _Stop(Exception):
    """The rest of the file cannot be read."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.what)
        self.problem = problem


def build(text: str, file: str) -> Built:
    """Parse a text; nothing is raised, everything wrong is among the problems."""
    built = Built()
    if found := _CONTROL.search(text):
        built.problems.append(_control(text, found, file))
        return built
    return _build(_Parser, text, file)


def _build(loader: Any, text: str, file: str) -> Built:  # noqa: ANN401 - of PyYAML, untyped
    built = Built()
    try:
        built.value = _Builder(loader(text).get_event, built, file).document()
    except _Stop as stop:
        built.problems.append(stop.problem)
    except yaml.MarkedYAMLError as error:
        if loader is not yaml.Loader and _NESTING in str(error.problem):
            return _build(yaml.Loader, text, file)
        built.problems.append(_syntax(error, text, file))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        built.problems.append(Problem("yaml-syntax", f"the file is no YAML: {error}", Mark(file)))
    return built


class _Builder:
    """Builds values from events; `weight` counts what aliases would copy."""

    def __init__(self, get: Callable[[], Any], built: Built, file: str) -> None:
        self._get = get
        self._built = built
        self._marks = built.marks
        self._file = file
        self._anchors: dict[str, tuple[Json, int] | None] = {}
        self._weight = 0
        self._copied = 0
        self._values = 0

    def document(self) -> Json:
        """Return the value of the only document."""
        self._get()  # the start of the stream
        event = self._get()
        if not isinstance(event, DocumentStartEvent):
            raise _Stop(Problem("empty-document", "the file holds no document", Mark(self._file)))
        event = self._get()
        self._marks[0] = {"": (0, 0, event.start_mark.line, event.start_mark.column)}
        value = self._value(event, 0)
        if not isinstance(self._get(), DocumentEndEvent):
            raise _Stop(Problem("yaml-syntax", "the document does not end", Mark(self._file)))
        event = self._get()
        if not isinstance(event, StreamEndEvent):
            self._problem(
                "several-documents", "the file holds a second document", event, "put it into a file of its own"
            )
        return value

    def _mark(self, event: Any) -> Mark:  # noqa: ANN401 - events are untyped
        return Mark(self._file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _problem(self, slug: str, what: str, event: Any, mend: str = "", other: Mark | None = None) -> None:  # noqa: ANN401
        self._built.problems.append(Problem(slug, what, self._mark(event), mend, other=other))
        if len(self._built.problems) >= MAX_PROBLEMS:
            raise self._stop("too-many-problems", f"the file has more than {MAX_PROBLEMS} problems", event)

    def _stop(self, slug: str, what: str, event: Any, mend: str = "") -> _Stop:  # noqa: ANN401
        return _Stop(Problem(slug, what, self._mark(event), mend))

    def _value(self, event: Any, depth: int) -> Json:  # noqa: ANN401
        kind = type(event)
        if kind is AliasEvent:
            return self._alias(event)
        before = self._weight
        self._values += 1
        if self._values > MAX_VALUES:
            mend = "keep data in files of its own"
            raise self._stop("too-many-values", f"the file holds more than {MAX_VALUES:_} values", event, mend)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        if kind is ScalarEvent:
            value = self._scalar(event)
        else:
            if depth >= MAX_DEPTH:
                raise self._stop("too-deep", f"the document is nested deeper than {MAX_DEPTH}", event)
            if event.tag is not None:
                self._tag(event)
            value = self._mapping(event, depth) if kind is MappingStartEvent else self._sequence(depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._weight - before)
        return value

    def _tag(self, event: Any) -> None:  # noqa: ANN401
        self._problem("yaml-tag", f"the tag {event.tag!r} is not allowed", event, "leave it out; quotes make a text")

    def _scalar(self, event: Any) -> Json:  # noqa: ANN401
        text: str = event.value
        self._weight += len(text) + 16
        if len(text) > MAX_SCALAR:
            what = f"a text is longer than {MAX_SCALAR // 1024**2} MiB"
            self._problem("scalar-too-long", what, event, "keep data in files of its own")
            return ""
        if event.tag is not None:
            self._tag(event)
            return text
        if event.implicit[0]:
            try:
                return resolve(text)
            except NotFinite as error:
                self._problem("not-finite", str(error), event, f'for a text put it in quotes: "{text[:40]}"')
                return 0
        if event.style in ("|", ">") and _is_one_expression(text):
            return text[:-1]
        return text

    def _sequence(self, depth: int) -> list[Json]:
        values: list[Json] = []
        places: dict[int, Place] = {}
        self._marks[id(values)] = places
        self._weight += 16
        while type(event := self._get()) is not SequenceEndEvent:
            mark = event.start_mark
            line, column = mark.line, mark.column
            places[len(values)] = (line, column, line, column)
            values.append(self._value(event, depth + 1))
        return values

    def _mapping(self, start: Any, depth: int) -> dict[str, Json]:  # noqa: ANN401
        values: dict[str, Json] = {}
        places: dict[str, Place] = {}
        self._marks[id(values)] = places
        self._weight += 16
        get = self._get
        while type(event := get()) is not MappingEndEvent:
            key = self._key(event, start, depth)
            following = get()
            key_mark, mark = event.start_mark, following.start_mark
            place = (key_mark.line, key_mark.column, mark.line, mark.column)
            value = self._value(following, depth + 1)
            if key is None:
                continue
            if key in values:
                self._duplicate(key, event, places[key])
                continue
            values[key] = value
            places[key] = place
        return values

    def _key(self, event: Any, start: Any, depth: int) -> str | None:  # noqa: ANN401
        if type(event) is not ScalarEvent:
            if type(event) is MappingStartEvent and event.flow_style and start.flow_style:
                what = "a value that begins with {{ must be in quotes"
                raise self._stop("unquoted-template", what, start, 'put it in quotes: "{{ ... }}"')
            self._problem("key-not-text", "the name of a field is not a text", event)
            self._value(event, depth + 1)
            return None
        text: str = event.value
        self._weight += len(text) + 16
        if event.anchor is not None:
            self._anchors[event.anchor] = (text, len(text))
        if event.implicit[0]:
            return self._plain_key(text, event)
        if event.tag is not None:
            self._tag(event)
        return text

    def _plain_key(self, text: str, event: Any) -> str | None:  # noqa: ANN401
        if text.isidentifier() and text.lower() not in _WORDS:
            return text
        if text == "<<":
            self._problem("merge-key", "merge keys are not allowed", event, "write the fields out")
            return None
        try:
            is_text = isinstance(resolve(text), str)
        except NotFinite:
            is_text = False
        if not is_text:
            mend = f'put it in quotes: "{text[:40]}"'
            self._problem("key-not-text", f"the name of a field is not a text: {text[:40] or 'nothing'}", event, mend)
            return None
        return text

    def _duplicate(self, key: str, event: Any, first: Place) -> None:  # noqa: ANN401
        other = Mark(self._file, first[0] + 1, first[1] + 1)
        self._problem("duplicate-key", f'the field "{key[:80]}" is given twice', event, "keep one of them", other)

    def _alias(self, event: Any) -> Json:  # noqa: ANN401
        if event.anchor not in self._anchors:
            raise self._stop("unknown-alias", f"there is no anchor &{event.anchor} before this", event)
        anchored = self._anchors[event.anchor]
        if anchored is None:
            raise self._stop("recursive-alias", f"the anchor &{event.anchor} holds itself", event)
        value, weight = anchored
        self._weight += weight
        self._copied += weight
        if self._copied > MAX_COPIED:
            what = f"the aliases of the file stand for more than {MAX_COPIED // 1024**2} MiB"
            raise self._stop("too-many-aliases", what, event, "write the values out")
        return value


def _is_one_expression(text: str) -> bool:
    return text.startswith("{{") and text.endswith("}}\n") and text.find("{{", 2) < 0


def _control(text: str, found: re.Match[str], file: str) -> Problem:
    line = text.count("\n", 0, found.start()) + 1
    column = found.start() - text.rfind("\n", 0, found.start())
    what = f"the character U+{ord(found[0]):04X} is not allowed in YAML"
    return Problem("control-character", what, Mark(file, line, column), "delete it, or write it as an escape in quotes")


def _syntax(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    place = error.problem_mark or error.context_mark
    line, column = (place.line, place.column) if place else (0, 0)
    lines = text.split("\n")
    at_end = line >= len(lines) or (line == len(lines) - 1 and not lines[line] and line > 0)
    if at_end or "end of stream" in str(error.problem):
        opened = error.context_mark
        line, column = (opened.line, opened.column) if opened else (line, column)
    if line >= len(lines):
        line, column = len(text.rstrip().split("\n")) - 1, 0
    row = lines[line]
    mark = Mark(file, line + 1, column + 1)
    if row[: column + 1].endswith("\t") or "\t" in row[: len(row) - len(row.lstrip())]:
        return Problem("tab", "a tab cannot indent", mark, "indent with spaces")
    if _TEMPLATE.search(row[: column + 1]):
        return Problem("unquoted-template", "a value that begins with {{ must be in quotes", mark, 'write "{{ ... }}"')
    context = f" {error.context}" if error.context else ""
    return Problem("yaml-syntax", f"{error.problem}{context}", mark, _mend(str(error.problem), row, column))


def _mend(problem: str, row: str, column: int) -> str:
    if "mapping values are not allowed" in problem:
        return 'put a text that holds ": " in quotes, or mend the indentation'
    if "cannot start any token" in problem:
        return f"put a text that begins with {row[column : column + 1]} in quotes"
    if "escape character" in problem:
        return "in double quotes a backslash is written twice; in single quotes it is itself"
    if "expected key" in problem or "expected '-' indicator" in problem or "find expected ':'" in problem:
        return "mend the indentation, or put the value before it in quotes"
    if "unexpected end of stream" in problem:
        return "close the quote"
    if "',' or ']'" in problem or "',' or '}'" in problem:
        return "close the bracket"
    return ""
