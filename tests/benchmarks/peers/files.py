"""What batch work cannot do without: parse the source, write files of many lines, read them again, write the rows.

No upload, no journal. Run as `python -m tests.benchmarks.peers.files json|orjson|bytes ITEMS FOLDER OUT LINES`; with
`bytes` nothing is parsed, lines are only copied.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

Parse = Callable[[bytes], Any]
Write = Callable[[Any], bytes]


def _written(value: Any) -> bytes:
    return json.dumps(value).encode()


WAYS: dict[str, tuple[Parse, Write]] = {"json": (json.loads, _written), "orjson": (orjson.loads, orjson.dumps)}


def parts(lines: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    """Give the lines of one file after the other."""
    whole = iter(lines)
    while part := list(islice(whole, size)):
        yield part


def exchange(way: str, part: list[bytes], file: Path) -> Iterator[bytes]:
    """Write one file, read it, and give a row for each of its lines."""
    if way == "bytes":
        file.write_bytes(b"".join(part))
        with file.open("rb") as lines:
            yield from lines
        return
    parse, write = WAYS[way]
    file.write_bytes(b"".join([write(parse(line)) + b"\n" for line in part]))
    with file.open("rb") as lines:
        for line in lines:
            item = parse(line)
            yield write({"id": item["id"], "of": item["id"], "length": len(item["text"])}) + b"\n"


def main(way: str, items: Path, folder: Path, out: Path, size: int) -> None:
    with items.open("rb") as lines, out.open("wb") as rows:
        for number, part in enumerate(parts(lines, size)):
            rows.writelines(exchange(way, part, folder / f"{number}.jsonl"))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]), int(sys.argv[5]))
