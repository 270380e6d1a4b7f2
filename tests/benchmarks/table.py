"""What was measured, kept and shown: rows as JSON, and the table in Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import AtLeast, AtMost, Figure, Row

HEAD = ("work", "against", "ours", "theirs", "ratio", "wanted", "reached")


def load(file: Path) -> dict[str, tuple[Row, str]]:
    """Return the rows that were kept, by name, each with where and when it was measured."""
    if not file.is_file():
        return {}
    return {value["name"]: (_row(value), value["measured"]) for value in json.loads(file.read_text())["rows"]}


def merged(
    kept: Mapping[str, tuple[Row, str]], group: str, rows: Sequence[Row], measured: str, order: Sequence[str]
) -> dict[str, tuple[Row, str]]:
    """Put the rows of one group in the place of what it had before; the groups stand in their order."""
    others = {name: one for name, one in kept.items() if _group(name) != group}
    both = {**others, **{row.name: (row, measured) for row in rows}}
    places = {name: place for place, name in enumerate(order)}
    return dict(sorted(both.items(), key=lambda one: places.get(_group(one[0]), len(places))))


def _group(name: str) -> str:
    return name.partition("-")[0]


def save(file: Path, rows: Mapping[str, tuple[Row, str]]) -> None:
    """Keep the rows with all their samples."""
    values = [{**_plain(row), "measured": measured} for row, measured in rows.values()]
    file.write_text(json.dumps({"rows": values}, indent=1, ensure_ascii=False) + "\n")


def markdown(rows: Sequence[Row], *, noted: bool = True) -> str:
    """Return the table, with the notes of its rows below it."""
    notes = list(dict.fromkeys(row.note for row in rows if row.note and noted))
    lines = [_line(HEAD), _line(["---"] * len(HEAD))]
    for row in rows:
        mark = f" [{notes.index(row.note) + 1}]" if row.note in notes else ""
        lines.append(_line(cells(row, mark)))
    return "\n".join([*lines, "", *(f"{number}. {note}" for number, note in enumerate(notes, 1))]).rstrip() + "\n"


def cells(row: Row, mark: str = "") -> Sequence[str]:
    """Return what stands in the columns of `HEAD`."""
    alone = row.theirs is None
    wanted = "" if row.wanted is None else f"{row.wanted.text} {number(row.wanted.limit)} {row.unit if alone else 'x'}"
    reached = "" if row.reached is None else "yes" if row.reached else "**no**"
    theirs = "" if row.theirs is None else f"{number(row.theirs.median)} {row.unit}"
    ratio = "" if alone else f"{number(row.ratio)} x"
    return (row.work + mark, row.against, f"{number(row.ours.median)} {row.unit}", theirs, ratio, wanted, reached)


def number(value: float) -> str:
    """Return three significant digits, large numbers in full."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _line(texts: Sequence[str]) -> str:
    return f"| {' | '.join(texts)} |"


def _plain(row: Row) -> dict[str, Any]:
    wanted = None if row.wanted is None else {row.wanted.text: row.wanted.limit}
    theirs = None if row.theirs is None else _figure(row.theirs)
    return {
        "name": row.name,
        "work": row.work,
        "against": row.against,
        "unit": row.unit,
        "ours": _figure(row.ours),
        "theirs": theirs,
        "wanted": wanted,
        "note": row.note,
    }


def _figure(figure: Figure) -> dict[str, Any]:
    return {
        "values": [round(value, 4) for value in figure.values],
        "cpu_s": [round(value, 3) for value in figure.cpu_s],
        "peak_mib": [round(value, 1) for value in figure.peak_mib],
    }


def _row(value: dict[str, Any]) -> Row:
    limits: dict[str, Any] = {AtLeast.text: AtLeast, AtMost.text: AtMost}
    wanted = next((limits[text](limit) for text, limit in (value["wanted"] or {}).items()), None)
    theirs = Figure(**value["theirs"]) if value["theirs"] else None
    facts: dict[str, Any] = {name: value[name] for name in ("name", "work", "against", "unit", "note")}
    return Row(**facts, ours=Figure(**value["ours"]), theirs=theirs, wanted=wanted)
