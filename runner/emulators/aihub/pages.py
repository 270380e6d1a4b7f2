"""The text of a file, page by page: the text layer of a PDF, or UTF-8 text with form feeds between its pages."""

import io
import logging

from pypdf import PdfReader, PdfWriter
from pypdf.errors import DependencyError, PyPdfError

# What pypdf was seen to raise on files that only look like PDFs.
BROKEN_PDF = (
    PyPdfError,
    DependencyError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)

# It warns of every flaw it could mend; what it cannot mend is raised and ends up in the results.
logging.getLogger("pypdf").setLevel(logging.ERROR)


class Unreadable(ValueError):
    """The file is neither a PDF that can be read nor UTF-8 text."""


def is_pdf(content: bytes) -> bool:
    """Tell a PDF by its first bytes."""
    return content.lstrip()[:5] == b"%PDF-"


def read_pages(content: bytes, password: str = "") -> list[str]:
    """Read the text of each page; an empty file has none.

    Raises:
        Unreadable: says why.
    """
    if is_pdf(content):
        return _pdf_pages(content, password)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"neither a PDF nor UTF-8 text: {error}") from error
    return text.replace("\r\n", "\n").split("\f") if text.strip() else []


def cut_pdf(content: bytes, numbers: list[int], password: str = "") -> bytes:
    """Make a PDF of some pages of a PDF.

    Args:
        content: a PDF that `read_pages` has read.
        numbers: of the pages, from 1.
        password: as given to `read_pages`.
    """
    writer, out = PdfWriter(), io.BytesIO()
    reader = _opened(content, password)
    for number in numbers:
        writer.add_page(reader.pages[number - 1])
    writer.write(out)
    return out.getvalue()


def _pdf_pages(content: bytes, password: str) -> list[str]:
    try:
        return [page.extract_text() for page in _opened(content, password).pages]
    except BROKEN_PDF as error:
        raise Unreadable(f"cannot read the PDF: {error}") from error


def _opened(content: bytes, password: str) -> PdfReader:
    reader = PdfReader(io.BytesIO(content))
    if reader.is_encrypted and not reader.decrypt(password):
        raise Unreadable("the PDF is encrypted and the password does not open it")
    return reader
