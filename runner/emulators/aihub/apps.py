"""The apps one can run: each turns a file into documents with fields."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from runner.emulators.aihub import invoices
from runner.emulators.aihub.pages import Unreadable, read_pages

OWNER = "instabase"
ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: page from 0, line from 0, columns from 0; the last column is not included."""

    page: int
    line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Field:
    """One value. A field that was not found has the value `ERROR` and tells why."""

    name: str
    value: str
    error: str | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One document found in a file.

    Attributes:
        class_name: None when the app does not classify.
        page_numbers: from 1.
        pages: the text of each.
        fields: in the order of the app.
    """

    class_name: str | None
    page_numbers: list[int]
    pages: list[str]
    fields: list[Field]


Read = Callable[[str, bytes, str], list[Document]]


@dataclass(frozen=True, slots=True)
class App:
    """An app; `read` takes version, content and password. `owner` is None for the user's own app."""

    name: str
    id: str
    owner: str | None
    versions: tuple[str, ...]
    read: Read


def extract_invoices(version: str, content: bytes, password: str) -> list[Document]:
    """Find the invoices in a file. Versions before 3.2.0 do not know `currency`."""
    names = [name for name in invoices.RULES if version != "3.1.0" or name != "currency"]
    try:
        pages = read_pages(content, password)
    except Unreadable as error:
        return [_nothing(names, str(error))]
    if not pages:
        return [_nothing(names, "the file holds no text")]
    starts = invoices.starts(pages)
    return [_invoice(pages, start, end, names) for start, end in zip(starts, [*starts[1:], len(pages)], strict=True)]


def count_text(_version: str, content: bytes, password: str) -> list[Document]:
    """Count words and characters of a file's text and take the digest of its bytes."""
    try:
        pages = read_pages(content, password)
    except Unreadable:
        pages = [content.decode("utf-8", "replace")]
    fields = [
        Field("words", str(sum(len(page.split()) for page in pages))),
        Field("characters", str(sum(len(page) for page in pages))),
        Field("sha256", hashlib.sha256(content).hexdigest()),
    ]
    return [Document(None, list(range(1, len(pages) + 1)), pages, fields)]


APPS = (
    App("Invoice Extractor", "5b0cb8d4-6a3f-4f0e-9d5c-1d1f6f1c1001", OWNER, ("3.1.0", "3.2.0"), extract_invoices),
    App("Text Statistics", "5b0cb8d4-6a3f-4f0e-9d5c-1d1f6f1c1002", OWNER, ("1.0.0",), count_text),
    App("Text Statistics", "5b0cb8d4-6a3f-4f0e-9d5c-1d1f6f1c1003", None, ("1.0.0",), count_text),
)
DEPLOYMENTS = {"d7b1f0de-0000-4c1e-8a55-1d1f6f1c2001": APPS[0], "d7b1f0de-0000-4c1e-8a55-1d1f6f1c2002": APPS[1]}


def _nothing(names: list[str], why: str) -> Document:
    return Document("Other", [], [], [Field(name, ERROR, why) for name in names])


def _invoice(pages: list[str], start: int, end: int, names: list[str]) -> Document:
    own = pages[start:end]
    fields = [_field(name, own, start) for name in names]
    known = re.search(r"\binvoice\b", own[0], re.I) is not None
    return Document("Invoice" if known else "Other", list(range(start + 1, end + 1)), own, fields)


def _field(name: str, pages: list[str], first: int) -> Field:
    text = "\n".join(pages)
    try:
        value, (start, _) = span = invoices.RULES[name](text)
    except invoices.NotFound as error:
        return Field(name, ERROR, str(error))
    return Field(name, value, None, _place(pages, first, start, span[1][1]))


def _place(pages: list[str], first: int, start: int, end: int) -> Place:
    """Turn positions in the joined text of some pages into page, line and columns."""
    page = 0
    while start > len(pages[page]):
        start, end = start - len(pages[page]) - 1, end - len(pages[page]) - 1
        page += 1
    line_start = pages[page].rfind("\n", 0, start) + 1
    return Place(first + page, pages[page].count("\n", 0, start), start - line_start, end - line_start)
