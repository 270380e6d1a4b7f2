"""Measure what issue and README promise: `python -m tests.benchmarks [--small] [--only NAME] [--runs N]`.

The whole of it takes half an hour and wants an otherwise idle machine. All rows are kept with their samples in
`results.json`, and `RESULTS.md` and the table in README are written from it; a row that is measured again replaces its
older self. `--small` takes a minute, prints the table and writes nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from tests.benchmarks import (
    airbyte,
    batches,
    growth,
    items,
    machine,
    planning,
    schedule,
    starting,
    table,
    validating,
)
from tests.benchmarks.measure import Row, Setting, tell

HERE = Path(__file__).parent
README = HERE.parents[1] / "README.md"
BEGIN, END = "<!-- written by tests.benchmarks -->", "<!-- end -->"
RESULTS, SHOWN = HERE / "results.json", HERE / "RESULTS.md"
TITLE = """# What was measured

Written by `python -m tests.benchmarks`; medians of samples taken in turns, all of which are in `results.json`.

"""
ROWS: Mapping[str, Callable[[Setting], Iterable[Row]]] = {
    "items": items.rows,
    "airbyte": airbyte.rows,
    "schedule": schedule.rows,
    "planning": planning.rows,
    "validating": validating.rows,
    "starting": starting.rows,
    "batches": batches.rows,
    "growth": growth.rows,
}


def main(arguments: Sequence[str]) -> int:
    """Measure the chosen rows; print, and keep them when they are of full size; return the exit code."""
    options = _options().parse_args(arguments)
    kept = table.load(RESULTS)
    measured: list[Row] = []
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        setting = Setting(options.runs or (2 if options.small else 5), options.small, Path(folder), options.airbyte)
        for name in options.only or ROWS:
            tell(f"{name}:")
            rows: list[Row] = []
            try:
                rows.extend(ROWS[name](setting))
            except (RuntimeError, OSError) as error:  # the other rows can be measured all the same
                failed.append(name)
                tell(f"    {name} could not be measured: {error}")
            measured += rows
            kept = table.merged(kept, name, rows, machine.description(), list(ROWS))
            if not options.small:
                table.save(RESULTS, kept)
    if not options.small:
        SHOWN.write_text(TITLE + shown(kept))
        README.write_text(between(README.read_text(), shown(kept, noted=False)))
    print(f"{machine.description()}\n\n{table.markdown(measured)}")
    return 1 if failed else 0


def shown(kept: Mapping[str, tuple[Row, str]], *, noted: bool = True) -> str:
    """Return the tables, one for each machine and day."""
    places = dict.fromkeys(place for _, place in kept.values())
    return "\n".join(
        f"{place}\n\n{table.markdown([row for row, measured in kept.values() if measured == place], noted=noted)}"
        for place in places
    )


def between(text: str, tables: str) -> str:
    """Put the tables between the two marks of a text."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"the text has no {BEGIN} ... {END}")
    return f"{before}{begin}\n\n{tables}\n{end}{after}"


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--small", action="store_true", help="small sizes: prints the table and writes nothing")
    parser.add_argument("--runs", type=int, metavar="N", help="rounds of each comparison (5; 2 when small)")
    parser.add_argument("--only", action="append", choices=list(ROWS), help="one group of rows; may be repeated")
    parser.add_argument(
        "--airbyte",
        type=Path,
        nargs="?",
        const=airbyte.CACHED,
        metavar="FOLDER",
        help="compare with the Airbyte CDK; its virtual environment (.cache/airbyte) is made when it is not there",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
