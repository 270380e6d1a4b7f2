"""What is sent and what comes back, free of any HTTP library."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from runner import jsontext
from runner.model.errors import Unavailable
from runner.model.item import Body, Json
from runner.model.job import NotAfter
from runner.transport.text import gist

Content: TypeAlias = bytes | Body
"""A request body: bytes at hand, or something with a `size` that gives its `chunks` (again, when it is repeated)."""

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
            Unavailable: the body is no JSON (a proxy's page, a truncated reply).
        """
        if not self.body:
            return None
        try:
            return parsed(self.body)
        except ValueError as error:
            what = gist(self.body, self.headers.get("content-type", ""))
            raise Unavailable(f"the reply is no JSON but {what}", status=self.status) from error


def parsed(text: bytes) -> Json:
    """Parse JSON as platforms really write it: as `jsontext.read`, but NaN and infinities become null.

    Raises:
        ValueError: it is no JSON, or nested too deeply.
    """
    try:
        return jsontext.read(text)
    except ValueError as error:
        try:
            return json.loads(text, parse_constant=lambda _: None)
        except (ValueError, RecursionError):
            raise error from None
