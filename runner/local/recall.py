"""Which lines stand as they stood: their digests of an earlier reading, and where each stretch of them is now.

Of the new lines most are old ones in the old order. They are found by going through both side by side; a line that is
not where it is expected is looked for a little ahead. What is not found there counts as new: that is always right, it
only costs more. Equal digests of 16 bytes are equal lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
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
_DIGEST: Final = partial(blake2b, digest_size=SIZE)
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
        return list(self._cut(digests, b"".join(digests)))

    def _cut(self, digests: list[bytes], whole: bytes) -> Iterator[Stretch]:
        start = place = 0
        while place < len(digests):
            first = self._found(digests, place)
            if first < 0:
                place += 1
                continue
            if start < place:
                yield Stretch(start, place, -1)
            same = self._length(whole, place, first)
            yield Stretch(place, place + same, first)
            start = place = place + same
            self._at = first + same
        if start < place:
            yield Stretch(start, place, -1)

    def _length(self, whole: bytes, place: int, first: int) -> int:
        """Return how many new lines from `place` on are the old ones from `first` on; at least one is."""
        new, old, begin, shift = whole, self._old, place * SIZE, (first - place) * SIZE
        least, most = 1, min(len(new) - begin, len(old) - first * SIZE) // SIZE
        while least < most:
            half = (least + most + 1) // 2
            start, end = begin + least * SIZE, begin + half * SIZE
            if new[start:end] == old[start + shift : end + shift]:
                least = half
            else:
                most = half - 1
        return least

    def _is(self, digest: bytes, number: int) -> bool:
        return self._old[number * SIZE : (number + 1) * SIZE] == digest

    def _found(self, digests: list[bytes], place: int) -> int:
        """Return the number of the old line that goes on here, -1 when there is none near.

        One line that was moved up must not carry everything along: a far one counts when the next one follows it.
        """
        has_next = place + 1 < len(digests)
        if has_next and self._is(digests[place + 1], self._at + 1) and not self._is(digests[place], self._at):
            return -1  # changed where it stood: the usual edit
        begin, end = self._at * SIZE, (self._at + AHEAD) * SIZE
        at = self._old.find(digests[place], begin, end)
        while at % SIZE and at >= 0:
            at = self._old.find(digests[place], at + 1, end)
        number = at // SIZE
        if at < 0 or number < self._at + _NEAR:
            return number
        return number if has_next and self._is(digests[place + 1], number + 1) else -1


def digests_of(lines: Sequence[bytes | None]) -> list[bytes]:
    """Return the digest of each line; that of None is like no other."""
    if None in lines:
        return [_NONE if line is None else _DIGEST(line).digest() for line in lines]
    return [made.digest() for made in map(_DIGEST, lines)]  # a third faster than the above


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
