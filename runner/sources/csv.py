"""A file, or several, of rows under a line of names; every value is text.

    source: {csv: {path: data/tickets.csv, key: id, delimiter: ";"}}

A row with too many or too few values, or one that is not in the encoding, is rejected with the number of its line. A
file is refused when its first line does not fit, or when a broken quote leaves it open where the next row begins. What
is packed with gzip is read as it is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from runner import jsontext
from runner.local import blocking
from runner.local.csv_table import AUTO, CsvTable, Dialect, Row
from runner.model.contracts import Expression, Place
from runner.model.errors import ConfigError
from runner.model.item import Batch, Rejected
from runner.paths import digest_of, files_of
from runner.rows import Rows, key_field, refuse_normalize

BATCH_ITEMS: Final = 1000


class Csv:
    """The rows of one or more files, in the order of the files' names; implements `SupportsNotes`."""

    @dataclass(frozen=True, slots=True)
    class Config:
        """What the recipe says; schemas/sources/csv.json has the words."""

        path: str
        key: str | Expression | None = None
        delimiter: str | None = None
        encoding: str = "utf-8"
        quote: str = '"'
        skip_blanks: bool = False
        trailing_delimiter: bool = False
        names: Sequence[str] | None = None
        header: bool = True
        normalize: str = "none"

    def __init__(self, config: Config, place: Place) -> None:
        _refuse_options(config)
        self._config = config
        self._place = place
        self._notes: dict[str, None] = {}

    async def check(self) -> None:
        """Look for the files; raises ConfigError when there are none."""
        await blocking.call(files_of, self._place, self._config.path)

    async def fingerprint(self) -> str | None:
        """Return a digest of all bytes and of the options."""
        return await blocking.call(self._fingerprint)

    def read(self) -> AsyncIterator[Batch]:
        """Give the items in the order of the rows; see `Source.read`."""
        return blocking.walk(self._batches())

    def notes(self) -> Sequence[str]:
        """Say what was decided about the files: the delimiter, names of columns; see `SupportsNotes`."""
        return tuple(self._notes)

    def _fingerprint(self) -> str:
        config, key = self._config, self._config.key
        rule = (key if key is None or isinstance(key, str) else key.text, config.delimiter or ",", config.encoding)
        dialect = replace(self._dialect(), delimiter=None, encoding="", key=None)
        more = "" if dialect == Dialect(encoding="") else repr(dialect)  # no new digest for what has no new option
        more += "" if config.normalize == "none" else config.normalize
        return digest_of(files_of(self._place, config.path), f"{rule!r}{more}")

    def _batches(self) -> Generator[Batch, None, None]:
        files = files_of(self._place, self._config.path)
        rows = Rows(self._config.key, sum(path.stat().st_size for path, _ in files), self._config.normalize)
        for path, label in files:
            rows.begin(label)
            yield from self._file(path, label, rows)

    def _file(self, path: Path, label: str, rows: Rows) -> Iterator[Batch]:
        table = CsvTable(path, label, self._dialect())
        good: list[Row] = []
        rejected: list[Rejected] = []
        for row in table.rows():
            if row.fault:
                rejected.append(Rejected(f"{label}:{row.line}", row.fault))
            else:
                good.append(row)
            if len(good) + len(rejected) >= BATCH_ITEMS:
                yield _batch(rows, table.names, good, rejected)
                good, rejected = [], []
        self._notes.update(dict.fromkeys(table.notes))
        if good or rejected:
            yield _batch(rows, table.names, good, rejected)

    def _dialect(self) -> Dialect:
        config = self._config
        return Dialect(
            delimiter=config.delimiter,
            quote=config.quote,
            skip_blanks=config.skip_blanks,
            trailing_delimiter=config.trailing_delimiter,
            encoding=config.encoding,
            names=config.names,
            header=config.header,
            key=key_field(config.key),
        )


def _refuse_options(config: Csv.Config) -> None:
    refuse_normalize(config.normalize)
    delimiter = config.delimiter
    if delimiter not in (None, AUTO) and (len(delimiter) != 1 or delimiter in '"\r\n\0'):
        raise ConfigError(f"delimiter {delimiter!r} is not one character", mend='for example ";" or "\\t", or auto')
    if len(config.quote) > 1 or config.quote in ("\r", "\n", "\0", delimiter or ","):
        raise ConfigError(f"quote {config.quote!r} is not one character", mend="for example \"'\"; '' for none")
    names = config.names
    if names is not None and (not names or not all(names) or len({*names}) < len(names)):
        raise ConfigError("names must be different and not empty", mend="names: [id, text]")
    if names is None and not config.header:
        raise ConfigError("`header: false` needs `names`", mend="names: [id, text]")
    try:
        "".encode(config.encoding)
    except LookupError as error:
        raise ConfigError(f"there is no encoding {config.encoding!r}", mend="utf-8, latin-1, cp1252 ...") from error


def _batch(rows: Rows, names: Sequence[str], good: Sequence[Row], bad: list[Rejected]) -> Batch:
    values = [dict(zip(names, row.values, strict=True)) for row in good]
    batch = rows.batch([row.line for row in good], values, [jsontext.digest(value) for value in values])
    return Batch(batch.items, [*bad, *batch.rejected])
