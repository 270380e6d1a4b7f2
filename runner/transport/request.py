"""What is sent and what comes back, free of any HTTP library."""

from __future__ import annotations

import codecs
import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from runner import jsontext
from runner.model.errors import UnreadableReply
from runner.model.item import Body, Json
from runner.model.job import NotAfter
from runner.transport.text import gist

Content: TypeAlias = bytes | Body
"""A request body: bytes at hand, or something with a `size` that gives its `chunks` (again, when it is repeated)."""

_CHARSET: Final = re.compile(r"charset\s*=\s*\"?([\w.:-]+)", re.IGNORECASE)
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long one request may take, in seconds.

    Attributes:
        connect_s: until the connection stands, TLS included.
        read_s: between two pieces of the reply; also for writing.
        total_s: for everything, redirects included; a streamed reply has `stream_s` instead.
    """

    connect_s: float = 10.0
    read_s: float = 60.0
    total_s: float = 300.0
    stream_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request, before the connection's own headers are added.

    Attributes:
        method: upper case.
        url: a path below the connection's base URL, or an absolute URL.
        query: pairs added to what the URL has; already text.
        headers: sent wherever the URL points.
        own_headers: sent to the connection's own origin only (they may hold credentials).
        body: None sends no body.
        safe: whether a second copy has no second effect; None asks the method (GET, HEAD, OPTIONS).
        patient: whether a 429 is waited out even when it is not safe: it says that nothing was done.
        admitted: whether its place was taken already, or it needs none.
        max_bytes: bound of the reply's body; None takes the client's.
        not_after: of a paying request: looked at right before each write.
    """

    method: str
    url: str
    query: Sequence[tuple[str, str]] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    own_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Content | None = field(default=None, repr=False)
    safe: bool | None = None
    patient: bool = False
    admitted: bool = False
    max_bytes: int | None = None
    not_after: NotAfter | None = field(default=None, repr=False)

    @property
    def is_safe(self) -> bool:
        """Whether it may be repeated without asking anybody."""
        return self.method in SAFE_METHODS if self.safe is None else self.safe

    @property
    def name(self) -> str:
        """Method and path for people; no query, because queries hold keys."""
        return f"{self.method} {self.url.partition('?')[0]}"


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply, read to its end.

    Attributes:
        headers: names in lower case; a repeated one joined by `, `.
        url: where it came from, after redirects.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    @property
    def is_ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def json(self) -> Json:
        """Return the body as a JSON value; None for an empty body.

        Raises:
            UnreadableReply: the body is not JSON (a proxy's page, a truncated reply).
        """
        if not self.body:
            return None
        kind = self.headers.get("content-type", "")
        try:
            return parsed(self.body, charset_of(kind))
        except ValueError as error:
            raise UnreadableReply(f"the reply is not JSON but {gist(self.body, kind)}", status=self.status) from error

    def text(self) -> str:
        """Return the body as text: UTF-8, else in the charset that was announced; never fails."""
        try:
            return self.body.decode()
        except UnicodeDecodeError:
            return self.body.decode(charset_of(self.headers.get("content-type", "")) or "utf-8", "replace")


def parsed(text: bytes, charset: str = "") -> Json:
    """Parse JSON as platforms really write it.

    As `jsontext.read`, but NaN, infinities and numbers beyond a double become null, raw control characters in texts
    are taken as they are, and what is not UTF-8 is read in the charset that was announced.

    Raises:
        ValueError: it is not JSON, or nested too deeply.
    """
    try:
        return jsontext.read(text)
    except ValueError:
        with contextlib.suppress(ValueError, RecursionError):
            return _lenient(text)
        if charset:
            with contextlib.suppress(ValueError, RecursionError):
                return _lenient(text.decode(charset))
        raise


def _lenient(text: bytes | str) -> Json:
    return json.loads(text, strict=False, parse_constant=lambda _: None, parse_float=_finite_or_null)


def _finite_or_null(digits: str) -> float | None:
    try:
        return jsontext.finite(digits)
    except ValueError:
        return None


def charset_of(content_type: str) -> str:
    """Return the charset that a Content-Type announces, empty when it announces none that is known."""
    found = _CHARSET.search(content_type)
    try:
        return codecs.lookup(found[1]).name if found else ""
    except LookupError:
        return ""
