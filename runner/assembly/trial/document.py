"""A trial as data; schemas/test.json has the words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner.documents import Document, Pointer
from runner.model.item import Json
from runner.model.problem import Mark
from runner.templating import Tree


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its reply.

    Attributes:
        reply: body of the reply; its templates read `sent`, `query`, `path` and `number`.
        is_text: the body is sent as it is, not as JSON.
        at: where it stands in the case.
    """

    when: str
    reply: Tree
    query: Mapping[str, Json] = field(default_factory=dict)
    sent: Json = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    is_text: bool = False
    drop: bool = False
    at: Pointer = ()


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come of a case; None is not looked at."""

    outcome: str = "done"
    records: Sequence[Mapping[str, Json]] | None = None
    rows: int | None = None
    failed: Mapping[str, str] | None = None
    held: int | None = None
    accepted: int | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One case.

    Attributes:
        files: folder of files in the place of the source, relative to the document.
        at: where it stands in the document.
    """

    name: str
    items: Sequence[Mapping[str, Json]] | None = None
    key: str = "id"
    files: str | None = None
    keys: Sequence[str | int] | None = None
    target: Mapping[str, Json] | None = None
    run: Mapping[str, Json] = field(default_factory=dict)
    emulator: Mapping[str, Json] = field(default_factory=dict)
    recorded: Sequence[Exchange] | None = None
    promises: bool = False
    expect: Expected = field(default_factory=Expected)
    at: Pointer = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """One document.

    Attributes:
        subject: file of the recipe or manifest.
        is_about_platform: the subject is a manifest.
        connection: fields of the connection that the stand does not set.
    """

    document: Document
    subject: Path
    is_about_platform: bool
    vars: Mapping[str, str]
    trigger: Mapping[str, Json]
    connection: Mapping[str, Json]
    cases: Sequence[Case]

    @property
    def file(self) -> str:
        """The document, as the user would write its path."""
        return self.document.file

    @property
    def folder(self) -> Path:
        """Where the document lies."""
        return Path(self.file).parent

    def mark(self, case: Case, at: Pointer = ()) -> Mark:
        """Return the place of something inside a case; the nearest one above it when it is not written."""
        return self.document.mark_of((*case.at, *at))
