"""The SQL of the ledger: named queries in `sql/*.sql`, one text for every database.

A query begins with `-- name:`, may have `-- given: column type, ...`, and has a description line. `given` is a table of
values handed in with the call; so one statement does the work for a thousand rows. `:word` is a single value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from runner.model.errors import LedgerError

_HEAD: Final = re.compile(r"^-- name: (\w+)\n(?:-- given: (.+)\n)?((?:-- .+\n)+)", re.MULTILINE)
PARAMETER: Final = re.compile(r"(?<!:):([a-z]\w*)")


@dataclass(frozen=True, slots=True)
class Query:
    """One named statement.

    Attributes:
        about: what it does, for people.
        given: (column, type) of the table of values; empty when it takes none.
        text: the statement without the table of values.
    """

    name: str
    about: str
    given: tuple[tuple[str, str], ...]
    text: str


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema; `number` is the schema version that it leads to."""

    number: int
    name: str
    text: str


@cache
def queries(dialect: str) -> Mapping[str, Query]:
    """Return name to query; a dialect's own folder may replace some."""
    found: dict[str, Query] = {}
    for folder in (_root(), _root() / dialect):
        for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if file.name.endswith(".sql") and not file.name[0].isdigit():
                found.update({query.name: query for query in parse(file.read_text("utf-8"))})
    return found


@cache
def migrations(dialect: str) -> tuple[Migration, ...]:
    """Return the steps of the schema, `NNN_name.sql`, oldest first."""
    steps = [file for file in (_root() / dialect).iterdir() if file.name[0].isdigit()]
    return tuple(
        Migration(int(file.name[:3]), file.name, file.read_text("utf-8"))
        for file in sorted(steps, key=lambda entry: entry.name)
    )


def refuse_newer(place: str, version: int, steps: Sequence[Migration]) -> None:
    """Raise LedgerError when a ledger has a schema that this runner does not know."""
    if version > steps[-1].number:
        raise LedgerError(
            f"ledger {place} was written by a newer runner (schema {version}, this one knows {steps[-1].number})",
            mend="update runner, or use the ledger of this version",
        )


def parse(source: str) -> list[Query]:
    """Read the queries of one file."""
    heads = list(_HEAD.finditer(source))
    ends = [head.start() for head in heads[1:]] + [len(source)]
    return [_query(head, source[head.end() : end]) for head, end in zip(heads, ends, strict=True)]


def _query(head: re.Match[str], body: str) -> Query:
    columns = tuple(
        (words[0], words[1]) for words in (column.split() for column in (head[2] or "").split(",")) if words
    )
    about = " ".join(line.removeprefix("-- ") for line in head[3].splitlines())
    return Query(head[1], about, columns, body.strip().removesuffix(";"))


def _root() -> Traversable:
    return files("runner.ledger") / "sql"
