"""One parsed file and the places of everything in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeAlias

from runner.documents.events import Marks, build
from runner.model.item import Json
from runner.model.problem import Mark, Problem, Severity

Pointer: TypeAlias = tuple[str | int, ...]

MAX_FILE_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Document:
    """A file as a value; `problems` says what is wrong with its YAML.

    Attributes:
        file: as the user gave it.
        value: JSON value; None when the file could not be used at all.
        source: its text.
    """

    file: str
    value: Json
    problems: Sequence[Problem] = ()
    source: str = ""
    _marks: Marks = field(default_factory=dict, repr=False)

    def mark_of(self, pointer: Pointer) -> Mark:
        """Return where a value begins; for a missing one, the nearest value that holds it."""
        return self._place(pointer, of_key=False)

    def key_mark_of(self, pointer: Pointer) -> Mark:
        """Return where the key of a field begins; for an element of a list, the element."""
        return self._place(pointer, of_key=True)

    def _place(self, pointer: Pointer, *, of_key: bool) -> Mark:
        value = self.value
        place = self._marks.get(0, {}).get("", (0, 0, 0, 0))
        for step in pointer:
            places = self._marks.get(id(value), {})
            if step not in places:
                return Mark(self.file, place[2] + 1, place[3] + 1)
            place = places[step]
            value = value[step]
        line, column = place[:2] if of_key and pointer else place[2:]
        return Mark(self.file, line + 1, column + 1)

    def locate(self, pointer: Pointer) -> Callable[[int], Mark]:
        """Return a function from an offset in a text value to its place; the start of the text when it is not plain."""
        start = self.mark_of(pointer)

        def place(offset: int) -> Mark:
            text = self._at(pointer)
            lines = _lines(self.source)
            head = str(text)[:offset]
            first = lines[start.line - 1][start.column - 1 :] if start.line <= len(lines) else ""
            if first[:1] in ("|", ">"):
                return _in_block(lines, start, head)
            quote = 1 if first[:1] in ("'", '"') else 0
            if "\n" not in head and first[quote : quote + len(head)] == head:
                return Mark(start.file, start.line, start.column + quote + len(head))
            return start

        return place

    def _at(self, pointer: Pointer) -> Json:
        value = self.value
        for step in pointer:
            value = value[step]
        return value

    def written(self, pointer: Pointer) -> str:
        """Return the rest of the line where a value begins, as it is written."""
        mark = self.mark_of(pointer)
        lines = _lines(self.source)
        return lines[mark.line - 1][mark.column - 1 :].strip() if len(lines) >= mark.line else ""


@lru_cache(maxsize=4)
def _lines(source: str) -> list[str]:
    return source.split("\n")


def _in_block(lines: Sequence[str], start: Mark, head: str) -> Mark:
    row = head.count("\n")
    line = start.line + row
    content = next((one for one in lines[start.line :] if one.strip()), "")
    indent = len(content) - len(content.lstrip(" "))
    column = indent + len(head) - (head.rfind("\n") + 1)
    if line >= len(lines) or lines[line][indent:column] != head.rpartition("\n")[2]:
        return start
    return Mark(start.file, line + 1, column + 1)


def shown_name(path: Path) -> str:
    """Return how messages name a file that the user did not name: relative to the current folder if that is shorter."""
    near = os.path.relpath(path)
    return near if len(near) < len(str(path)) else str(path)


def read(path: Path, *, shown: str | None = None) -> Document:
    """Read and parse a file; whatever is wrong is in `problems`."""
    file = str(path) if shown is None else shown
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return _unusable(file, Problem("unreadable-file", f"the file cannot be read: {reason}", Mark(file)))
    return parse(data, file)


def parse(data: bytes | str, file: str) -> Document:
    """Parse a file's bytes; whatever is wrong is in `problems`, and `value` is None when nothing can be used."""
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    if len(raw) > MAX_FILE_BYTES:
        what = f"the file is larger than {MAX_FILE_BYTES // 1024**2} MiB"
        return _unusable(file, Problem("file-too-large", what, Mark(file), "keep data in files of its own"))
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return _unusable(file, _not_utf8(raw, error, file))
    warnings: list[Problem] = []
    if text.startswith("\ufeff"):
        text = text[1:]
        what = "the file begins with a byte order mark"
        mend = "save it as UTF-8 without one"
        warnings.append(Problem("byte-order-mark", what, Mark(file), mend, Severity.WARNING))
    built = build(text, file)
    return Document(file, built.value, (*warnings, *built.problems), text, built.marks)


def _not_utf8(raw: bytes, error: UnicodeDecodeError, file: str) -> Problem:
    before = raw[: error.start]
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
    wide = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
    what = "the file is UTF-16" if wide else f"the byte 0x{raw[error.start]:02X} is not UTF-8"
    return Problem("not-utf8", what, Mark(file, line, column), "save the file as UTF-8")


def _unusable(file: str, problem: Problem) -> Document:
    return Document(file, None, (problem,))
