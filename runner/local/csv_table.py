"""Read a CSV table: names on top, then rows; nothing inside a broken row ever counts as a row."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from runner.local.data_file import open_bytes, reading
from runner.model.errors import ConfigError

FIELD_CHARACTERS: Final = 1 << 26
DELIMITERS: Final = (",", ";", "\t", "|")
AUTO: Final = "auto"
NAMES_SHOWN: Final = 20
_UTF_8: Final = ("utf-8", "utf8", "utf-8-sig")
_END: Final = "unexpected end of data"
"""Message of the library for a quote that is never closed."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """Dialect of a table.

    Attributes:
        delimiter: one character, `auto`, or None for a comma.
        quote: one character, empty when values are never quoted.
        skip_blanks: whether blanks after a delimiter count for nothing.
        trailing_delimiter: whether a line may end with a delimiter.
        encoding: of the text.
        names: of the columns, in the place of those in the first line; None takes the first line.
        header: whether the first line holds names.
        key: name of the column that must be there; None when there is no such column.
    """

    delimiter: str | None = None
    quote: str = '"'
    skip_blanks: bool = False
    trailing_delimiter: bool = False
    encoding: str = "utf-8"
    names: Sequence[str] | None = None
    header: bool = True
    key: str | None = None

    def options(self, delimiter: str) -> dict[str, Any]:
        """Return the options of the library."""
        quoting = csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE
        quote = self.quote or None
        blanks = self.skip_blanks
        return {
            "delimiter": delimiter,
            "quotechar": quote,
            "quoting": quoting,
            "skipinitialspace": blanks,
            "strict": True,
        }


class _Reader(Protocol):
    """The iterator that `csv.reader` returns; its type has no public name."""

    @property
    def line_num(self) -> int: ...

    def __next__(self) -> list[str]: ...

    def __iter__(self) -> Iterator[list[str]]: ...


class Row(NamedTuple):
    """One row, or a line of a broken one.

    Attributes:
        line: number of the line on which it begins.
        fault: why it is not usable; empty when it is.
    """

    line: int
    values: Sequence[str]
    fault: str = ""


class CsvTable:
    """One file; `names` and `notes` are known once the first row was given.

    Attributes:
        names: of the columns.
        notes: one readable sentence per decision about the file.
    """

    def __init__(self, path: Path, label: str, dialect: Dialect) -> None:
        self._path = path
        self._label = label
        self._dialect = dialect
        self._delimiter = ","
        self._head_lines = 0
        self._quotes: tuple[int, int] | None = None
        self._quoting = _Quoting(",", '"', skips_blanks=False)
        self.names: Sequence[str] = ()
        self.notes: list[str] = []

    def rows(self) -> Iterator[Row]:
        """Yield the rows below the names.

        Raises:
            ConfigError: the file cannot be read, its first line does not fit the recipe, or its quotes leave it open
                where the next row begins.
        """
        csv.field_size_limit(FIELD_CHARACTERS)  # one for the whole process; the default is 128 KiB
        with reading(self._label):
            try:
                with self._open() as lines:
                    self._delimiter = self._found_delimiter()
                    seen = _SeenLines(lines)
                    reader: _Reader = csv.reader(seen, **self._dialect.options(self._delimiter))
                    self.names = self._head(reader)
                    self._head_lines = reader.line_num
                    yield from self._rows(reader, seen)
            except UnicodeError as error:
                what = f"{self._label} is not text in {self._dialect.encoding}: {error}"
                raise ConfigError(what, mend="name its encoding: `encoding: cp1252`") from error

    def _open(self) -> TextIOWrapper:
        encoding = self._dialect.encoding.lower().replace("_", "-")
        is_utf_8 = encoding in _UTF_8
        mend = "name its encoding: `encoding: utf-16`" if is_utf_8 else ""
        file = open_bytes(self._path, self._label, utf_16_mend=mend)
        return TextIOWrapper(
            file, encoding="utf-8-sig" if is_utf_8 else self._dialect.encoding, errors="surrogateescape", newline=""
        )

    def _first_line(self) -> str:
        with self._open() as lines:
            return lines.readline(FIELD_CHARACTERS)

    def _found_delimiter(self) -> str:
        """Return the delimiter; with `auto` the one that splits the first line into the most values."""
        if self._dialect.delimiter != AUTO:
            return self._dialect.delimiter or ","
        line = self._first_line()
        best = max(DELIMITERS, key=lambda each: len(self._cut(line, each)))
        self.notes.append(f"{self._label}: the delimiter is {best!r}")
        return best

    def _cut(self, line: str, delimiter: str) -> list[str]:
        try:
            return next(iter(csv.reader([line], **self._dialect.options(delimiter))), [])
        except csv.Error:
            return []

    def _head(self, reader: _Reader) -> Sequence[str]:
        """Return the names of the columns; the first line is read when it holds names."""
        given = self._dialect.names
        first = self._first_row(reader) if self._dialect.header else []
        if given is not None:
            if first and len(self._trimmed(first, len(given))) != len(given):
                what = f"{self._label}:1: the first line has {len(first)} values, but `names:` gives {len(given)}"
                raise ConfigError(what, mend="name every column once; `header: false` when the first line is a row")
            names = given
        else:
            names = self._unique(self._trimmed(first, len(first) - 1 if first and not first[-1] else len(first)))
        self._refuse_without_key(names)
        return names

    def _first_row(self, reader: _Reader) -> list[str]:
        try:
            first = next(reader, [])
        except csv.Error as error:
            raise ConfigError(f"{self._label}:1: the line of names cannot be read: {error}") from error
        if not first:
            raise ConfigError(f"{self._label} has no line of names", mend="the first line names the columns")
        if not all(map(_is_text, first)):
            raise ConfigError(f"{self._label}:1: the names are in another encoding", mend="name it: `encoding: cp1252`")
        return first

    def _unique(self, names: Sequence[str]) -> Sequence[str]:
        """Return the names, duplicates with a number: `text`, `text_2`."""
        found: list[str] = []
        for at, name in enumerate(names):
            if not name:
                mend = (
                    "`names: [...]` names the columns; `trailing_delimiter: true` when every line ends with a delimiter"
                )
                raise ConfigError(f"{self._label}:1: column {at + 1} has no name", mend=mend)
            number, new = 2, name
            while new in found or (new != name and new in names):
                new, number = f"{name}_{number}", number + 1
            found.append(new)
            if new != name:
                self.notes.append(f"{self._label}: column {at + 1} is a second {name!r} and is called {new!r}")
        return found

    def _refuse_without_key(self, names: Sequence[str]) -> None:
        """Refuse a first line without the column of the key: the delimiter, the file or the recipe is another one."""
        key = self._dialect.key
        others = [each for each in DELIMITERS if each != self._delimiter and len(names) == 1 and each in names[0]]
        fits = [each for each in others if key is None or key in self._cut(names[0], each)]
        if key is None:
            if not fits or self._dialect.delimiter is not None or self._dialect.names is not None:
                return
            what = f"{self._label}:1: there is only one column, {_quoted(names)}"
        elif key in names:
            return
        else:
            what = f'{self._label}:1: there is no column "{key}", only {_quoted(names)}'
        mend = "set `key:` to one of the columns, or rename them with `names: [...]`"
        raise ConfigError(what, mend=f'write `delimiter: "{_escaped(fits[0])}"`' if fits else mend)

    def _trimmed(self, row: list[str], width: int) -> list[str]:
        """Return a row without the empty value behind a delimiter at its end, if such are allowed."""
        is_trailing = self._dialect.trailing_delimiter and len(row) == width + 1 and not row[-1]
        return row[:-1] if is_trailing else row

    def _rows(self, reader: _Reader, seen: _SeenLines) -> Iterator[Row]:
        width, quote = len(self.names), self._dialect.quote
        self._quoting = _Quoting(self._delimiter, quote, skips_blanks=self._dialect.skip_blanks)
        while True:
            line = reader.line_num + 1
            seen.lines.clear()
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                self._refuse_broken(seen, line, reader.line_num, str(error))
                yield from self._broken(line, reader.line_num, str(error))
                continue
            if not row:
                continue
            if quote and any(value.endswith(quote) for value in row):
                self._refuse_open_end(seen, line)
            if len(row) != width:
                row = self._trimmed(row, width)
            yield Row(line, row, self._fault(row, line, reader.line_num))

    def _fault(self, row: Sequence[str], line: int, last: int) -> str:
        if len(row) != len(self.names):
            where = f"lines {line} to {last}: " if last > line else ""
            values, names = _count(len(row), "value"), _count(len(self.names), "name")
            return f"{where}{values}, but {names}"
        if _is_text("".join(row)):
            return ""
        return f"not text in {self._dialect.encoding}; set `encoding:` to another one"

    def _broken(self, line: int, last: int, what: str) -> Iterator[Row]:
        yield Row(line, (), f"not CSV: {what}")
        for number in range(line + 1, last + 1):
            yield Row(number, (), f"not CSV: the row of line {line} is broken and goes on to line {last}")

    def _refuse_broken(self, seen: _SeenLines, line: int, last: int, what: str) -> None:
        """Refuse a file in which the bounds of a broken row are ambiguous.

        A quoted text with a quote inside that was not doubled may begin at any opening quote before and end at any
        closing quote behind: rows that seem to lie between may be a part of it. Else the broken row is alone.
        """
        if what == _END:
            raise ConfigError(
                f"{self._label}:{line}: the quote of line {line} is never closed: lines {line} to {last} are not read",
                mend="close the quote; `quote: ''` when quotes mean nothing in this file",
            )
        first_open, last_close = self._quote_lines()
        may_begin_before = first_open < line and bool(self._quoting.closing.search("".join(seen.lines)))
        if may_begin_before or last < last_close:
            raise self._doubt(line, what)

    def _refuse_open_end(self, seen: _SeenLines, line: int) -> None:
        """Refuse a file in which a value ends with a quote but begins without one, if quotes begin other values."""
        if self._quoting.ends_open("".join(seen.lines)) and self._quote_lines()[0] < sys.maxsize:
            raise self._doubt(line, "a value ends with a quote and does not begin with one")

    def _doubt(self, line: int, what: str) -> ConfigError:
        problem = f"the quotes of this row do not match ({what}), so that rows around it may be part of it"
        mend = "double every quote inside a quoted text (\"\"); `quote: ''` when quotes mean nothing in this file"
        return ConfigError(f"{self._label}:{line}: {problem}", mend=mend)

    def _quote_lines(self) -> tuple[int, int]:
        """Return the first line with an opening quote and the last with a closing one below the names; reads once."""
        if self._quotes is None:
            first, last = sys.maxsize, 0
            with self._open() as lines:
                for number, text in islice(enumerate(lines, 1), self._head_lines, None):
                    if self._dialect.quote in text:
                        first = number if number < first and self._quoting.opening.search(text) else first
                        last = number if self._quoting.closing.search(text) else last
            self._quotes = (first, last)
        return self._quotes


class _Quoting:
    """Patterns of opening and closing quotes.

    Attributes:
        opening: a quote that may begin a value.
        closing: a quote that may end one.
    """

    def __init__(self, delimiter: str, quote: str, *, skips_blanks: bool) -> None:
        self._quote = quote
        cut, quote, blanks = re.escape(delimiter), re.escape(quote), " *" if skips_blanks else ""
        self.opening = re.compile(rf"(?:^|{cut}) *{quote}")
        self.closing = re.compile(rf"{quote} *(?:{cut}|[\r\n]|$)")
        quoted, end = rf"{quote}[^{quote}]*(?:{quote}{quote}[^{quote}]*)*{quote}", rf"(?:{cut}|\r?\n|\r|$)"
        self._quoted = re.compile(rf"(?:{blanks}{quoted}{end})+") if quote else re.compile("(?!)")
        self._bare = re.compile(rf"([^{cut}\r\n]*){end}")

    def ends_open(self, text: str) -> bool:
        """Whether a value of a row that does not begin with a quote ends with one."""
        at = 0
        while at < len(text):
            match = self._quoted.match(text, at)
            if match is None:
                match = self._bare.match(text, at)
                if match is None or match[1].endswith(self._quote):
                    return match is not None
            at = match.end()
        return False


class _SeenLines:
    """The lines of a text, remembered until they are cleared."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._next = lines.__next__
        self.lines: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._next()
        self.lines.append(line)
        return line


def _is_text(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _quoted(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > NAMES_SHOWN else ""
    return ", ".join(f'"{name}"' for name in names[:NAMES_SHOWN]) + more


def _escaped(delimiter: str) -> str:
    return "\\t" if delimiter == "\t" else delimiter


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
