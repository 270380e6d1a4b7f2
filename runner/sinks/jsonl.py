"""One JSON object per line.

    sinks:
      - jsonl: {path: out/invoices.jsonl}

UTF-8, one record a line, fields in the record's order, whole numbers of any length. The file appears as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner import jsontext
from runner.local import blocking
from runner.local.replacement import Replacement
from runner.model.contracts import Place
from runner.model.errors import ConfigError
from runner.model.item import Json, Record
from runner.paths import inside


class Jsonl:
    """A file of one record per line."""

    @dataclass(frozen=True, slots=True)
    class Config:
        """What the recipe says; schemas/sinks/jsonl.json has the words."""

        path: str

    def __init__(self, config: Config, place: Place) -> None:
        self._path = config.path
        self._file = Replacement(inside(place, config.path, write=True))

    @property
    def identity(self) -> str:
        """Name the file."""
        return f"jsonl {self._path}"

    async def open(self) -> None:
        """Begin a new file beside the old one; see `Sink.open`."""
        await blocking.call(self._file.open)

    async def write(self, batch: Sequence[Record]) -> None:
        """Add the rows, one line each."""
        await blocking.call(self._write, batch)

    async def commit(self) -> Mapping[str, Json]:
        """Put the new file in the place of the old one."""
        return {"path": self._path, **await blocking.call(self._file.commit)}

    async def abort(self) -> None:
        """Remove the new file; the old one stays."""
        await blocking.call(self._file.abort)

    async def holds(self, receipt: Mapping[str, Json]) -> bool:
        """Whether the file is still what was written."""
        return receipt.get("path") == self._path and await blocking.call(self._file.holds, receipt)

    async def overwrites(self) -> bool:
        """Whether there is a file; see `SupportsOverwrite`."""
        return await blocking.call(self._file.path.exists)

    def _write(self, batch: Sequence[Record]) -> None:
        self._file.write(b"".join(map(self._line, batch)))

    def _line(self, record: Record) -> bytes:
        try:
            return jsontext.write(record.row) + b"\n"
        except (ValueError, TypeError) as error:
            raise ConfigError(
                f"{self._path}: the row of {record.key!r} is no JSON: {error}", mend="shape it with `record:`"
            ) from error
