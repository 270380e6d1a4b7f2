"""What a child is given and what it gives back: items as JSON and files, results as rows.

In the child's folder: `items/` with a copy of every item that is a file, `input.jsonl` with one item per line,
`output/` for what the child writes. A line carries the key of its item as `_key`; no name of an item becomes a path.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from runner import jsontext
from runner.local import blocking
from runner.model.item import Item, Json, Result

KEY: Final = "_key"
ERROR: Final = "_error"
FAULTS_SHOWN: Final = 3
SUFFIXES: Final = {"json": ".json", "jsonl": ".jsonl", "text": ".txt"}

_PLAIN_SUFFIX: Final = re.compile(r"\.[A-Za-z0-9]{1,16}\Z")


async def hand_over(folder: Path, items: Sequence[Item]) -> Sequence[Mapping[str, Json]]:
    """Write the items into an empty folder; return their values, each with its `_key` and perhaps `file`.

    Raises:
        ItemUnreadable: a file is gone or has changed. OSError: the disk refuses. ValueError: an item is no JSON.
    """
    for name in ("items", "output"):
        await blocking.call((folder / name).mkdir)
    values: list[Mapping[str, Json]] = []
    for number, item in enumerate(items, 1):
        value = {KEY: item.key, **item.value}
        if item.body is not None:
            suffix = PurePosixPath(str(item.value.get("name", ""))).suffix
            path = folder / "items" / f"{number:06d}{suffix if _PLAIN_SUFFIX.match(suffix) else ''}"
            with path.open("xb", buffering=0) as file:
                async for piece in item.body.chunks():
                    await blocking.call(file.write, piece)
            value["file"] = str(path)
        values.append(value)
    await blocking.call(_write_lines, folder / "input.jsonl", values)
    return values


def result_path(folder: Path, form: str) -> Path:
    """Return where a child that does not print its result writes it."""
    return folder / "output" / f"result{SUFFIXES[form]}"


def hand_back(path: Path, form: str, keys: Sequence[str], most_bytes: int) -> Generator[Sequence[Result], None, None]:
    """Give the results that stand in a file; items that got none fail with what was wrong with it.

    Args:
        path: of the child's output.
        form: `json`, `jsonl` or `text`; of several items `json` is a list of rows, `jsonl` one row per line.
        keys: of the job's items; the only item of a job needs no `_key`.
        most_bytes: a longer file (for `jsonl`: a longer line) is not read.
    """
    found: set[str] = set()
    faults: list[str] = []
    try:
        for result in _results(path, form, keys, most_bytes, faults):
            found.add(result.key)
            yield [result]
    except FileNotFoundError:
        faults.append(f"the command wrote no {path.name}")
    except (ValueError, OSError) as error:
        faults.append(str(error))
    fault = "; ".join(faults[:FAULTS_SHOWN]) or "no result for this item in the output"
    missing = [Result(key, error=fault) for key in keys if key not in found]
    if missing:
        yield missing


def _write_lines(path: Path, values: Sequence[Mapping[str, Json]]) -> None:
    with path.open("xb") as file:
        file.writelines(jsontext.write(value) + b"\n" for value in values)


def _results(path: Path, form: str, keys: Sequence[str], most_bytes: int, faults: list[str]) -> Iterator[Result]:
    """Yield the results in a file; add the fault of a bad line or row to `faults` and continue with the next one."""
    if form == "jsonl":
        yield from _rows(_lines(path, most_bytes, faults), keys, faults)
        return
    size = path.stat().st_size
    if size > most_bytes:
        raise ValueError(f"the output has {size:,} bytes, allowed are {most_bytes:,} (max_result_bytes)")
    data = path.read_bytes()
    if form == "text":
        yield Result(keys[0], {"text": data.decode().removesuffix("\n")})
        return
    value = _json(data, "the output")
    if len(keys) == 1:
        yield _result(value, keys[0])
    elif isinstance(value, list):
        yield from _rows(enumerate(value, 1), keys, faults)
    else:
        raise ValueError("the output of several items must be a list of rows, each with its _key")


def _lines(path: Path, most_bytes: int, faults: list[str]) -> Iterator[tuple[int, Json]]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(most_bytes + 1):
            number += 1
            if len(line) > most_bytes:
                raise ValueError(f"line {number} of the output is longer than {most_bytes:,} bytes (max_result_bytes)")
            if line.strip():
                try:
                    yield number, _json(line, f"line {number} of the output")
                except ValueError as error:
                    faults.append(str(error))


def _rows(rows: Iterator[tuple[int, Json]], keys: Sequence[str], faults: list[str]) -> Iterator[Result]:
    loose: list[Json] = []
    for number, row in rows:
        key = row.get(KEY) if isinstance(row, dict) else None
        if key is not None:
            yield _result(row, str(key))
        elif len(keys) == 1:
            loose.append(row)
        else:
            faults.append(f"row {number} of the output has no _key, so its item is unknown")
    if loose and not faults:  # they are one result together
        yield Result(keys[0], {"lines": loose})


def _result(row: Json, key: str) -> Result:
    if not isinstance(row, dict):
        return Result(key, row)
    error = row.get(ERROR)
    if error:
        return Result(key, error=str(error))
    return Result(key, {name: value for name, value in row.items() if name not in (KEY, ERROR)})


def _json(data: bytes, what: str) -> Json:
    try:
        return jsontext.read(data)
    except ValueError as error:
        raise ValueError(f"{what} is no JSON: {error}") from error
