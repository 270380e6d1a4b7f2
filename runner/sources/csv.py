"""A file, or several, of rows under a line of names; every value is text.

    source: {csv: {path: data/tickets.csv, key: id, delimiter: ";"}}

A row with too many or too few values, or one that is not in the encoding, is rejected with the number of its line.
"""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from runner import jsontext
from runner.local import blocking
from runner.model.contracts import Expression, Place
from runner.model.errors import ConfigError
from runner.model.item import Batch, Rejected
from runner.paths import digest_of, files_of
from runner.rows import Rows

BATCH_ITEMS: Final = 1000
FIELD_CHARACTERS: Final = 1 << 26


class Csv:
    """The rows of one or more files with the same names on top, in the order of the files' names."""

    @dataclass(frozen=True, slots=True)
    class Config:
        """What the recipe says; schemas/sources/csv.json has the words."""

        path: str
        key: str | Expression | None = None
        delimiter: str = ","
        encoding: str = "utf-8"

    def __init__(self, config: Config, place: Place) -> None:
        if len(config.delimiter) != 1 or config.delimiter in '"\r\n\0':
            raise ConfigError(f"delimiter {config.delimiter!r} is not one character", mend='for example ";" or "\\t"')
        try:
            "".encode(config.encoding)
        except LookupError as error:
            raise ConfigError(f"there is no encoding {config.encoding!r}", mend="utf-8, latin-1, cp1252 ...") from error
        self._config = config
        self._place = place

    async def check(self) -> None:
        """Look for the files; raises ConfigError when there are none."""
        await blocking.call(files_of, self._place, self._config.path)

    async def fingerprint(self) -> str | None:
        """Return a digest of all bytes and of the options."""
        return await blocking.call(self._fingerprint)

    def read(self) -> AsyncIterator[Batch]:
        """Give the items in the order of the rows; see `Source.read`."""
        return blocking.walk(self._batches())

    def _fingerprint(self) -> str:
        key = self._config.key
        rule = (
            key if key is None or isinstance(key, str) else key.text,
            self._config.delimiter,
            self._config.encoding,
        )
        return digest_of(files_of(self._place, self._config.path), repr(rule))

    def _batches(self) -> Generator[Batch, None, None]:
        files = files_of(self._place, self._config.path)
        rows = Rows(self._config.key, sum(path.stat().st_size for path, _ in files))
        for path, label in files:
            rows.begin(label)
            try:
                yield from self._file(path, label, rows)
            except OSError as error:
                raise ConfigError(f"{label} cannot be read: {error.strerror}") from error

    def _file(self, path: Path, label: str, rows: Rows) -> Iterator[Batch]:
        csv.field_size_limit(FIELD_CHARACTERS)  # one for the whole process; the default is 128 KiB
        encoding = "utf-8-sig" if self._config.encoding.lower().replace("_", "-") in ("utf-8", "utf8") else None
        with path.open(encoding=encoding or self._config.encoding, errors="surrogateescape", newline="") as file:
            reader = csv.reader(file, delimiter=self._config.delimiter, strict=True)
            names = _names(reader, label)
            good: list[tuple[int, Sequence[str]]] = []
            rejected: list[Rejected] = []
            for line, row, fault in _rows(reader, len(names)):
                if fault:
                    rejected.append(Rejected(f"{label}:{line}", fault))
                else:
                    good.append((line, row))
                if len(good) + len(rejected) >= BATCH_ITEMS:
                    yield _batch(rows, names, good, rejected)
                    good, rejected = [], []
            if good or rejected:
                yield _batch(rows, names, good, rejected)


class _Reader(Protocol):
    """What `csv.reader` gives; its type has no public name."""

    @property
    def line_num(self) -> int: ...

    def __next__(self) -> list[str]: ...

    def __iter__(self) -> Iterator[list[str]]: ...


def _names(reader: Iterator[list[str]], label: str) -> list[str]:
    try:
        names = next(reader, [])
    except csv.Error as error:
        raise ConfigError(f"{label}:1: the line of names cannot be read: {error}") from error
    if not names:
        raise ConfigError(f"{label} has no line of names", mend="the first line names the columns")
    for at, name in enumerate(names):
        if not name or name in names[:at]:
            what = f"the column {name!r} stands there twice" if name else f"column {at + 1} has no name"
            raise ConfigError(f"{label}:1: {what}", mend="give every column a name of its own")
        if not _is_text(name):
            raise ConfigError(f"{label}:1: the names are in another encoding", mend="say which: `encoding: cp1252`")
    return names


def _rows(reader: _Reader, width: int) -> Iterator[tuple[int, Sequence[str], str]]:
    """Give (number of the line a row begins on, row, fault)."""
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, (), f"no CSV: {error}"
            continue
        if not row:
            continue
        fault = "" if len(row) == width else f"{len(row)} values, but {width} names"
        yield line, row, fault or ("" if _is_text("".join(row)) else "not in the encoding of the file")


def _batch(rows: Rows, names: Sequence[str], good: Sequence[tuple[int, Sequence[str]]], bad: list[Rejected]) -> Batch:
    values = [dict(zip(names, row, strict=True)) for _, row in good]
    batch = rows.batch([line for line, _ in good], values, [jsontext.digest(value) for value in values])
    return Batch(batch.items, [*bad, *batch.rejected])


def _is_text(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
