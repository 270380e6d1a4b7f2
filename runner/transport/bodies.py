"""Request bodies: JSON, form, lines of JSON, multipart; large ones are streamed with a known size."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from runner import jsontext
from runner.model.errors import Refused
from runner.model.item import Json
from runner.transport.request import Content

JSON_TYPE: Final = "application/json"
FORM_TYPE: Final = "application/x-www-form-urlencoded"
_QUOTED: Final = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


def json_body(value: Json) -> bytes:
    """Return the value as compact JSON, members in the given order (the same value gives the same bytes).

    Raises:
        Refused: the value holds something JSON has no form for, or a text that has no UTF-8.
    """
    try:
        text = jsontext.write(value)
        if b"\\ud" in text:  # only then: a lone surrogate is written escaped
            jsontext.refuse_surrogates(value)
        return text
    except (TypeError, ValueError) as error:
        raise Refused(f"the request cannot be written as JSON: {error}") from error


def json_lines(values: Sequence[Json]) -> bytes:
    """Return one line of JSON per value, each ended by a newline."""
    return b"".join(json_body(value) + b"\n" for value in values)


def form_body(pairs: Sequence[tuple[str, str]]) -> bytes:
    """Return the pairs as an HTML form sends them."""
    return urlencode(pairs).encode()


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body.

    Attributes:
        filename: None for a plain field.
        content_type: empty leaves the header out.
    """

    name: str
    content: Content
    filename: str | None = None
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class Multipart:
    """A multipart/form-data body, streamed; implements `runner.model.item.Body`.

    The same parts and seed give the same bytes. The boundary depends on what is in memory and on the seed, so that no
    part can hold it on purpose: the seed of streamed content must be a digest of it.
    """

    parts: Sequence[Part]
    seed: bytes = b""

    @property
    def boundary(self) -> str:
        """Return the text between the parts."""
        digest = hashlib.blake2b(self.seed, digest_size=16)
        for part in self.parts:
            digest.update(repr((part.name, part.filename, _size(part.content))).encode())
            if isinstance(part.content, bytes):
                digest.update(part.content)
        return f"runner-{digest.hexdigest()}"

    @property
    def content_type(self) -> str:
        """Value of the Content-Type header."""
        return f"multipart/form-data; boundary={self.boundary}"

    @property
    def size(self) -> int:
        """Length in bytes."""
        boundary = self.boundary
        heads = sum(len(_head(boundary, part)) + _size(part.content) + 2 for part in self.parts)
        return heads + len(_tail(boundary))

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give the bytes in order."""
        boundary = self.boundary
        for part in self.parts:
            yield _head(boundary, part)
            if isinstance(part.content, bytes):
                yield part.content
            else:
                async for chunk in part.content.chunks():
                    yield chunk
            yield b"\r\n"
        yield _tail(boundary)


@dataclass(frozen=True, slots=True)
class Slice:
    """`length` bytes of another body from `start` on (one part of a multipart upload)."""

    whole: Content
    start: int
    length: int

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.length

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give the bytes in order; the bytes before `start` are read and passed over."""
        if isinstance(self.whole, bytes):
            yield self.whole[self.start : self.start + self.length]
            return
        at, end = 0, self.start + self.length
        async for chunk in self.whole.chunks():
            if at + len(chunk) > self.start:
                yield chunk[max(0, self.start - at) : end - at]
            at += len(chunk)
            if at >= end:
                return


async def whole(content: Content, most: int) -> bytes:
    """Return a body in one piece.

    Raises:
        Refused: it is longer than `most` bytes.
    """
    if _size(content) > most:
        raise Refused(f"{_size(content):,} bytes are too many to be sent within a text (at most {most:,})")
    if isinstance(content, bytes):
        return content
    return b"".join([chunk async for chunk in content.chunks()])


def headers_of(content: Content | None, content_type: str) -> Mapping[str, str]:
    """Return the headers that describe a body."""
    return {"content-type": content_type} if content is not None and content_type else {}


def _size(content: Content) -> int:
    return len(content) if isinstance(content, bytes) else content.size


def _head(boundary: str, part: Part) -> bytes:
    text = f'--{boundary}\r\nContent-Disposition: form-data; name="{part.name.translate(_QUOTED)}"'
    if part.filename is not None:
        text += f'; filename="{part.filename.translate(_QUOTED)}"'
    if part.content_type:
        text += f"\r\nContent-Type: {part.content_type}"
    return f"{text}\r\n\r\n".encode()


def _tail(boundary: str) -> bytes:
    return f"--{boundary}--\r\n".encode()
