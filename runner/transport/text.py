"""Texts of a server, made safe to show: no control characters, no page of HTML, bounded."""

from __future__ import annotations

import re
from typing import Final

from runner.model.redact import redact

LONGEST: Final = 400

# C0 and C1 controls (ANSI escapes begin with one), and the marks that reorder or hide text on a terminal.
_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+")
_ANSI: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")
_PAGE: Final = (b"<!doctype html", b"<html", b"<head", b"<body")
_FORMATS: Final = (
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "zip"),
    (b"(\xb5/\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"PAR1", "Parquet"),
    (b"%PDF", "PDF"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
"""First bytes of files that are not what was expected, and what they are."""
_TITLE: Final = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)


def plain(text: str, longest: int = LONGEST) -> str:
    """Return the text on one line, without secrets and control characters, cut to `longest` characters."""
    text = redact(text)
    if text.isascii() and text.isprintable() and len(text) <= longest:
        return text.strip()
    text = _UNSAFE.sub(" ", _ANSI.sub("", text[: longest * 8])).strip()
    return text if len(text) <= longest else text[: longest - 1] + "…"


def is_page(body: bytes, content_type: str = "") -> bool:
    """Whether a body is a page of HTML."""
    return "html" in content_type.lower() or body[:256].lstrip().lower().startswith(_PAGE)


def gist(body: bytes, content_type: str = "") -> str:
    """Return the gist of a body that is not what was expected, for an error message."""
    if not body:
        return "an empty body"
    known = next((name for mark, name in _FORMATS if body.startswith(mark)), "")
    if known:
        return f"a {known} file"
    start = body[:8192].decode("utf-8", "replace").lstrip()
    if is_page(body, content_type):
        title = _TITLE.search(start)
        return f"an HTML page titled {plain(title[1], 80)!r}" if title else "an HTML page"
    return repr(plain(start, 120))
