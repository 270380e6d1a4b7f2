"""Rows under a line of names, as RFC 4180 has it, but with a line feed at the end of a line.

    sinks:
      - csv: {path: out/invoices.csv, fields: [file, number, total]}

Without `fields` the columns are those of all rows, the first seen first: when one appears late, the rows before it are
copied once more with an empty value there; memory does not grow with the rows. Lists and objects are written as JSON
text, nothing (null) as an empty field, lone surrogates escaped. A spreadsheet takes a text that begins with `= + - @`
for a formula: `guard_formulas: true` puts an apostrophe before it (and so changes it).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from runner import jsontext
from runner.local import blocking
from runner.local.replacement import Replacement
from runner.model.contracts import Place
from runner.model.errors import ConfigError
from runner.model.item import Json, Record
from runner.paths import inside

FIELD_CHARACTERS: Final = 1 << 30
COPIED_ROWS: Final = 1000
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


class Csv:
    """A file of one record per row."""

    @dataclass(frozen=True, slots=True)
    class Config:
        """What the recipe says; schemas/sinks/csv.json has the words."""

        path: str
        fields: Sequence[str] | None = None
        delimiter: str = ","
        guard_formulas: bool = False

    def __init__(self, config: Config, place: Place) -> None:
        if len(config.delimiter) != 1 or config.delimiter in '"\r\n\0':
            raise ConfigError(f"delimiter {config.delimiter!r} is not one character", mend='for example ";" or "\\t"')
        self._config = config
        self._file = Replacement(inside(place, config.path, write=True))
        self._fields: Sequence[str] | None = None
        self._is_ragged = False

    @property
    def identity(self) -> str:
        """Name the file."""
        return f"csv {self._config.path}"

    async def open(self) -> None:
        """Begin a new file beside the old one; see `Sink.open`."""
        await blocking.call(self._file.open)
        self._fields, self._is_ragged = None, False
        if self._config.fields is not None:
            await blocking.call(self._head, self._config.fields)

    async def write(self, batch: Sequence[Record]) -> None:
        """Add the rows."""
        if batch:
            await blocking.call(self._write, batch)

    async def commit(self) -> Mapping[str, Json]:
        """Put the new file in the place of the old one."""
        return {"path": self._config.path, **await blocking.call(self._commit)}

    async def abort(self) -> None:
        """Remove the new file; the old one stays."""
        await blocking.call(self._file.abort)

    async def holds(self, receipt: Mapping[str, Json]) -> bool:
        """Whether the file is still what was written."""
        return receipt.get("path") == self._config.path and await blocking.call(self._file.holds, receipt)

    async def overwrites(self) -> bool:
        """Whether there is a file; see `SupportsOverwrite`."""
        return await blocking.call(self._file.path.exists)

    def _head(self, fields: Sequence[str]) -> None:
        self._fields = fields
        self._add([[_text(name, guard=False) for name in fields]])

    def _write(self, batch: Sequence[Record]) -> None:
        if self._config.fields is None:
            self._widen(batch)
        fields, guard = self._fields or (), self._config.guard_formulas
        self._add([[_text(record.row.get(name), guard=guard) for name in fields] for record in batch])

    def _widen(self, batch: Sequence[Record]) -> None:
        """Add the columns that no earlier row had; the rows in the file have no value for them yet."""
        seen = dict.fromkeys(self._fields or ())
        for record in batch:
            seen.update(dict.fromkeys(record.row))
        if self._fields is None:
            self._head(list(seen))
        elif len(seen) > len(self._fields):
            self._fields, self._is_ragged = list(seen), True

    def _commit(self) -> Mapping[str, Json]:
        if self._is_ragged:
            self._copy()
        return self._file.commit()

    def _copy(self) -> None:
        """Copy the rows into a new file under all names, each as wide as the last one."""
        ragged, self._file = self._file, Replacement(self._file.path)
        try:
            self._file.open()
            csv.field_size_limit(FIELD_CHARACTERS)
            with ragged.written().open(encoding="utf-8", newline="") as lines:
                rows = csv.reader(lines, delimiter=self._config.delimiter, strict=True)
                next(rows)
                self._head(self._fields or ())
                width = len(self._fields or ())
                while some := list(islice(rows, COPIED_ROWS)):
                    self._add([[*row, *[""] * (width - len(row))] for row in some])
        finally:
            ragged.abort()
        self._is_ragged = False

    def _add(self, rows: Sequence[Sequence[str]]) -> None:
        lines = _Lines()
        # with \n as the end of a line the library leaves a lone \r unquoted
        csv.writer(lines, delimiter=self._config.delimiter, lineterminator="\r\n").writerows(rows)
        text = "".join(f"{line[:-2]}\n" for line in lines.written)
        self._file.write(text.encode(errors="backslashreplace"))


class _Lines:
    """What a CSV writer writes to: it gives one whole row at a time."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, line: str) -> None:
        self.written.append(line)


def _text(value: Json, *, guard: bool) -> str:
    if isinstance(value, str):
        return f"'{value}" if guard and value.startswith(FORMULA_STARTS) else value
    if value is None:
        return ""
    try:
        return jsontext.write(value).decode()
    except (ValueError, TypeError):
        return repr(value)  # NaN and the like: a CSV can say them
