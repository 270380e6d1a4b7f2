"""Which lines stand as they stood: their digests of an earlier reading, and where each stretch of them is now.

Of the new lines most are old ones in the old order. They are found by going through both side by side; a line that is
not where it is expected is looked for a little ahead. What is not found there counts as new: that is always right, it
only costs more. Equal digests of 16 bytes are equal lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

from runner.local.replacement import Replacement
from runner.model.errors import ConfigError

SIZE: Final = 16
"""Bytes of a digest."""
AHEAD: Final = 4096
"""Lines; how far ahead one is looked for."""
_NEAR: Final = 16
_NONE: Final = bytes(SIZE)
_HEAD: Final = b"lines of a source, form 1: "


class Stretch(NamedTuple):
    """Some lines in a row.

    Attributes:
        start, end: their places among the lines that were given.
        first: number of the old line that stands at `start`, the others follow it; -1 when they are new.
    """

    start: int
    end: int
    first: int


class Aligner:
    """Goes through the old lines while the new ones come."""

    def __init__(self, old: bytes) -> None:
        """Begin at the first line; `old` are the digests of the old lines, joined."""
        self._old = old
        self._at = 0

    def cut(self, digests: list[bytes]) -> list[Stretch]:
        """Cut the next lines into stretches, in order."""
        first, size = self._at, len(digests)
        if self._old[first * SIZE : (first + size) * SIZE] == b"".join(digests):
            self._at += size
            return [Stretch(0, size, first)]
        return list(self._slowly(digests))

    def _slowly(self, digests: list[bytes]) -> Iterator[Stretch]:
        start = place = 0
        while place < len(digests):
            first = self._found(digests, place)
            if first < 0:
                place += 1
                continue
            if start < place:
                yield Stretch(start, place, -1)
            start, self._at = place, first
            while place < len(digests) and self._is(digests[place], self._at):
                place, self._at = place + 1, self._at + 1
            yield Stretch(start, place, first)
            start = place
        if start < place:
            yield Stretch(start, place, -1)

    def _is(self, digest: bytes, number: int) -> bool:
        return self._old[number * SIZE : (number + 1) * SIZE] == digest

    def _found(self, digests: list[bytes], place: int) -> int:
        """Return the number of the old line that goes on here, -1 when there is none near.

        One line that was moved up must not carry everything along: a far one counts when the next one follows it.
        """
        begin, end = self._at * SIZE, (self._at + AHEAD) * SIZE
        at = self._old.find(digests[place], begin, end)
        while at % SIZE and at >= 0:
            at = self._old.find(digests[place], at + 1, end)
        number = at // SIZE
        if at < 0 or number < self._at + _NEAR:
            return number
        return number if place + 1 < len(digests) and self._is(digests[place + 1], number + 1) else -1


def digests_of(lines: Iterable[bytes | None]) -> list[bytes]:
    """Return the digest of each line; that of None is like no other."""
    return [_NONE if line is None else blake2b(line, digest_size=SIZE).digest() for line in lines]


def keep(path: Path, rule: str, digests: bytes) -> str:
    """Keep the digests of all lines under a path; return the name by which `kept` knows them, empty when it cannot be.

    Blocks. Whatever is lost here is only worked out anew, so a full disk is no error.
    """
    file, head = Replacement(path), _head(rule)
    try:
        file.open()
        file.write(head)
        file.write(digests)
        file.commit()
    except ConfigError:
        return ""
    finally:
        file.abort()
    return _name(head + digests)


def kept(path: Path, rule: str, name: str) -> bytes | None:
    """Return what was kept under this name, None when it is not there any more; blocks."""
    head = _head(rule)
    try:
        found = path.read_bytes()
    except OSError:
        return None
    return found.removeprefix(head) if found.startswith(head) and _name(found) == name else None


def _head(rule: str) -> bytes:
    return _HEAD + blake2b(rule.encode(), digest_size=SIZE).hexdigest().encode() + b"\n"


def _name(whole: bytes) -> str:
    return blake2b(whole, digest_size=SIZE).hexdigest()
