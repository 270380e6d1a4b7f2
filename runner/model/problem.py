"""What is wrong in a document, where, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a problem is: an error stops the command, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a text file; line and column count from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of one document.

    Attributes:
        slug: stable name of the kind of fault, in kebab-case, for example `unknown-field`.
        what: one sentence about this fault.
        mark: where it is; None when it belongs to no file.
        mend: how to mend it; empty when nothing better than `what` can be said.
        severity: error or warning.
        other: a second place, for example the first one of two equal keys.
    """

    slug: str
    what: str
    mark: Mark | None = None
    mend: str = ""
    severity: Severity = Severity.ERROR
    other: Mark | None = None

    def __str__(self) -> str:
        where = f"{self.mark}: " if self.mark else ""
        text = f"{where}{self.severity}[{self.slug}]: {self.what}"
        if self.other is not None:
            text += f" (the other place: {self.other})"
        return f"{text}\n    mend: {self.mend}" if self.mend else text
