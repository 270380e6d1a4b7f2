"""A sink that a manifest describes: rows are gathered in a file, and sent in chunks when all of them are there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

from runner import jsontext
from runner.model.errors import RecipeError, Refused, RunnerError
from runner.model.item import Json, Record
from runner.platforms.data_spec import SinkSpec
from runner.platforms.options import Options
from runner.platforms.session import Session, reading
from runner.platforms.source import ask_value
from runner.platforms.tree import Scope
from runner.platforms.walk import run_checks, run_steps

IN_MEMORY: Final = 8 << 20


class PlatformSink:
    """One kind of sink on one connection; one object serves one publication."""

    def __init__(self, session: Session, spec: SinkSpec, options: Options, folder: Path) -> None:
        """Build it; nothing is sent.

        Args:
            session: of the connection.
            spec: of the kind.
            options: what the recipe says.
            folder: where rows are gathered.
        """
        self._session, self._spec, self._options, self._folder = session, spec, options, folder
        self._file: IO[bytes] | None = None
        self._rows = 0

    @property
    def identity(self) -> str:
        """What it writes to."""
        kind = f"{self._session.manifest.name}.{self._spec.name}"
        if self._spec.identity is not None:
            return f"{kind} {self._spec.identity(self._scope())}"
        given = {name: value for name, value in self._options.over().items() if value is not None}
        return f"{kind} {jsontext.canonical(given).decode()}"

    async def check(self) -> None:
        """Try the login, and what the manifest checks before anything is paid."""
        await self._session.check()
        await run_checks(self._session, self._spec.check, self._scope(kept={}))

    async def open(self) -> None:
        """Begin; the platform sees nothing of it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY, dir=str(self._folder))  # noqa: SIM115 - until commit
        self._rows = 0

    async def write(self, batch: Sequence[Record]) -> None:
        """Gather rows.

        Raises:
            Refused: the manifest cannot make an element of a row.
        """
        assert self._file is not None, "open comes first"
        for record in batch:
            self._file.write(jsontext.write(self._element(record)) + b"\n")
        self._rows += len(batch)

    async def commit(self) -> Mapping[str, Json]:
        """Send everything; a commit that broke off is healed by the next one, which begins anew.

        When a chunk cannot be sent, the manifest's steps take back what was sent before it.

        Returns:
            The receipt: `rows`, and what the steps kept or what the manifest wants of it.
        """
        kept: dict[str, Json] = {}
        scope = self._scope(kept=kept, count=self._rows)
        await run_steps(self._session, self._spec.before, scope, safe=None)
        try:
            for rows in self._chunks():
                await run_steps(self._session, self._spec.write, {**scope, "rows": rows}, safe=None)
        except RunnerError as error:
            await self._undo(scope, error)
            raise
        await run_steps(self._session, self._spec.after, scope, safe=None)
        await self.abort()
        if self._spec.receipt is None:
            return {"rows": self._rows, "kept": kept}
        with reading("the receipt"):
            return {"rows": self._rows, "kept": self._spec.receipt(scope)}

    async def _undo(self, scope: Scope, error: RunnerError) -> None:
        try:
            await run_steps(self._session, self._spec.undo, scope, safe=None)
        except RunnerError as second:
            error.mend = f"{error.mend or 'apply again'}; what was sent could not be taken back: {second.what}"

    async def abort(self) -> None:
        """Forget what was gathered."""
        if self._file is not None:
            self._file.close()
            self._file = None

    async def holds(self, receipt: Mapping[str, Json]) -> bool:
        """Whether what was committed is still there; without a question in the manifest it is taken for granted."""
        if self._spec.holds is None:
            return True
        try:
            return bool(await ask_value(self._session, self._spec.holds, self._scope(receipt=receipt, kept={})))
        except Refused:
            return False

    def _element(self, record: Record) -> Json:
        if self._spec.element is None:
            return dict(record.row)
        try:
            options = self._options.over(record.item, record=record.row)
            return self._spec.element({**self._scope(record=record.row, item=record.item), "options": options})
        except RecipeError as error:
            raise Refused(f"the row of {record.key!r} cannot be sent: {error.problems[0].what}") from error

    def _chunks(self) -> Iterator[list[Json]]:
        assert self._file is not None
        self._file.seek(0)
        chunk: list[Json] = []
        for line in self._file:
            chunk.append(jsontext.read(line))
            if len(chunk) == self._spec.rows_per_call:
                yield chunk
                chunk = []
        if chunk:
            yield chunk

    def _scope(self, **more: Json) -> Scope:
        return self._session.scope(options=self._options.over(), **more)
