"""A file, or several, of one JSON object per line.

    source: {jsonl: {path: data/tickets.jsonl, key: id}}

Empty lines are skipped. A line that is not a JSON object is rejected with its number, the others are read. Gzip files
are unpacked on the way; a file of another form (one JSON array, UTF-16, a zip archive) is refused.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

from runner import jsontext
from runner.local import blocking, recall
from runner.local.data_file import open_bytes, reading
from runner.model.contracts import Expression, Place, Same
from runner.model.errors import ConfigError
from runner.model.item import Batch, Json, Rejected
from runner.paths import digest_of, files_of
from runner.rows import Rows, refuse_normalize

BLOCK_BYTES: Final = 1 << 18
LINE_BYTES: Final = 1 << 26
BATCH_ITEMS: Final = 1000
RECALLED_BLOCKS: Final = 8
LEAST_REMEMBERED: Final = 1000
"""Lines; fewer are read as quickly as they are known again."""

_BOM: Final = b"\xef\xbb\xbf"
_TOO_LONG: Final = f"the line is longer than {LINE_BYTES >> 20} MiB"


class Jsonl:
    """The lines of one or more files, in the order of their names."""

    @dataclass(frozen=True, slots=True)
    class Config:
        """What the recipe says; schemas/sources/jsonl.json has the words."""

        path: str
        key: str | Expression | None = None
        surrogates: str = "reject"
        normalize: str = "none"

    def __init__(self, config: Config, place: Place) -> None:
        if config.surrogates not in ("reject", "replace"):
            raise ConfigError(f"surrogates is reject or replace, not {config.surrogates!r}")
        refuse_normalize(config.normalize)
        self._config = config
        self._place = place

    async def check(self) -> None:
        """Look for the files; raises ConfigError when there are none."""
        await blocking.call(files_of, self._place, self._config.path)

    async def fingerprint(self) -> str | None:
        """Return a digest of all bytes and of the key's rule."""
        return await blocking.call(self._fingerprint)

    def read(self) -> AsyncIterator[Batch]:
        """Give the items in the order of the lines; see `Source.read`."""
        return blocking.walk(self._batches())

    async def remember(self) -> tuple[str, int] | None:
        """Keep a digest of every line in the state folder; see `Recalling`."""
        return await blocking.call(self._remember)

    async def recall(self, name: str) -> AsyncGenerator[Sequence[Batch | Same], None] | None:
        """Make items of the lines that changed only; see `Recalling`."""
        old = await blocking.call(recall.kept, self._memory(), self._rule(), name)
        return None if old is None else blocking.walk(self._recalled(old))

    def _rule(self) -> str:
        key = self._config.key
        rule = repr(key.text if key is not None and not isinstance(key, str) else key)
        options = (self._config.surrogates, self._config.normalize)
        return rule if options == ("reject", "none") else f"{rule} {options}"  # no new digest without a new option

    def _memory(self) -> Path:
        named = blake2b(f"{self._config.path}\0{self._rule()}".encode(), digest_size=8).hexdigest()
        return self._place.state / "lines" / named

    def _fingerprint(self) -> str:
        return digest_of(files_of(self._place, self._config.path), self._rule())

    def _remember(self) -> tuple[str, int] | None:
        if self._config.key is None:  # then the key of a line may depend on the lines before it
            return None
        digests: list[bytes] = []
        for path, label in files_of(self._place, self._config.path):
            with reading(label):
                for block in _blocks(path, label):
                    digests.append(b"".join(recall.digests_of(block.told()[0])))
        whole = b"".join(digests)
        if len(whole) < LEAST_REMEMBERED * recall.SIZE:
            return None
        name = recall.keep(self._memory(), self._rule(), whole)
        return (name, len(whole) // recall.SIZE) if name else None

    def _recalled(self, old: bytes) -> Generator[Sequence[Batch | Same], None, None]:
        aligner, rows = recall.Aligner(old), Rows(self._config.key, normalize=self._config.normalize)
        for path, label in files_of(self._place, self._config.path):
            rows.begin(label)
            with reading(label):
                pieces: list[Batch | Same] = []
                for number, block in enumerate(_blocks(path, label), 1):
                    pieces += _changes(rows, label, block, aligner, replaces=self._config.surrogates == "replace")
                    if number % RECALLED_BLOCKS == 0:
                        yield pieces
                        pieces = []
                yield pieces

    def _batches(self) -> Generator[Batch, None, None]:
        files = files_of(self._place, self._config.path)
        rows = Rows(self._config.key, sum(path.stat().st_size for path, _ in files), self._config.normalize)
        for path, label in files:
            rows.begin(label)
            with reading(label):
                for block in _blocks(path, label):
                    yield from _block_batches(rows, label, block, replaces=self._config.surrogates == "replace")


@dataclass(frozen=True, slots=True)
class _Block:
    first: int  # number of the first line
    lines: Sequence[bytes | None]  # None is too long
    text: bytes  # of all lines

    @property
    def is_plain(self) -> bool:
        """Whether no number in it is too long for the fast reader."""
        return None not in self.lines and not jsontext.has_long_number(self.text)

    def told(self) -> tuple[Sequence[bytes | None], Sequence[int]]:
        """Return the lines that are not empty, and their places."""
        if None not in self.lines and all(map(bytes.strip, self.lines)):  # type: ignore[arg-type]
            return self.lines, range(len(self.lines))
        places = [place for place, line in enumerate(self.lines) if line is None or line.strip()]
        return [self.lines[place] for place in places], places


def _blocks(path: Path, label: str) -> Iterator[_Block]:
    number, held = 1, 0
    parts: list[bytes] = []
    with open_bytes(path, label, utf_16_mend="JSON Lines are UTF-8: iconv -f UTF-16 -t UTF-8") as file:
        while block := file.read(BLOCK_BYTES):
            if number == 1 and not held:
                _refuse_array(block, label)
            lines: list[bytes | None] = [*block.split(b"\n")]
            if len(lines) == 1:
                held += len(block)
                parts = [*parts, block] if held <= LINE_BYTES else []
                continue
            whole = b"".join([*parts, block])
            lines[0] = _first(whole[: whole.index(b"\n")], number) if held <= LINE_BYTES else None
            last = lines.pop() or b""
            yield _Block(number, lines, whole)
            parts, held, number = [last], len(last), number + len(lines)
    if held:
        whole = b"".join(parts)
        yield _Block(number, [_first(whole, number) if held <= LINE_BYTES else None], whole)


def _refuse_array(start: bytes, label: str) -> None:
    """Refuse a file that is one JSON array of objects; an array that is just the first line is rejected as a line."""
    text = start.removeprefix(_BOM).lstrip()
    if text.startswith(b"[") and (text[1:].lstrip(b" \t\r")[:1] in (b"{", b"\n", b"")):
        mend = f"write one object per line: jq -c '.[]' {label}"
        raise ConfigError(f"{label}:1: one JSON array, but one object per line is expected", mend=mend)


def _first(line: bytes, number: int) -> bytes:
    return line.removeprefix(_BOM) if number == 1 else line


def _block_batches(rows: Rows, label: str, block: _Block, *, replaces: bool) -> Iterator[Batch]:
    is_plain = block.is_plain
    for start in range(0, len(block.lines), BATCH_ITEMS):
        lines, number = block.lines[start : start + BATCH_ITEMS], block.first + start
        batch = _quickly(rows, number, lines) if is_plain else None
        batch = batch or _slowly(rows, label, number, lines, replaces=replaces)
        if batch.items or batch.rejected:
            yield batch


def _changes(
    rows: Rows, label: str, block: _Block, aligner: recall.Aligner, *, replaces: bool
) -> Sequence[Batch | Same]:
    lines, places = block.told()
    pieces: list[Batch | Same] = []
    for start, end, first in aligner.cut(recall.digests_of(lines)):
        if first >= 0:
            pieces.append(Same(first, end - start))
        else:
            begin, until = places[start], places[end - 1] + 1
            pieces.append(_slowly(rows, label, block.first + begin, block.lines[begin:until], replaces=replaces))
    return pieces


def _quickly(rows: Rows, number: int, lines: Sequence[bytes | None]) -> Batch | None:
    whole = [line for line in lines if line]
    read = jsontext.read_many(whole) if len(whole) == len(lines) else None
    if read is None or {*map(type, read[0])} != {dict}:
        return None
    return rows.batch(range(number, number + len(lines)), *read)


def _slowly(rows: Rows, label: str, number: int, lines: Sequence[bytes | None], *, replaces: bool) -> Batch:
    good: list[tuple[int, Json, bytes]] = []
    rejected: list[Rejected] = []
    for place, line in enumerate(lines, number):
        try:
            if line is None or line.strip():
                good.append((place, *_read(line, replaces=replaces)))
        except ValueError as error:
            rejected.append(Rejected(f"{label}:{place}", str(error)))
    batch = rows.batch([one[0] for one in good], [one[1] for one in good], [one[2] for one in good])
    return Batch(batch.items, [*rejected, *batch.rejected])


def _read(line: bytes | None, *, replaces: bool) -> tuple[Json, bytes]:
    if line is None:
        raise ValueError(_TOO_LONG)
    value = jsontext.read(line)
    if not isinstance(value, dict):
        raise ValueError(f"a line must be one JSON object, this one is {type(value).__name__}")
    if replaces:
        value = jsontext.without_surrogates(value)
    try:
        jsontext.refuse_surrogates(value)
    except ValueError as error:
        raise ValueError(f"{error}; `surrogates: replace` puts U+FFFD there") from error
    return value, jsontext.digest(value)
