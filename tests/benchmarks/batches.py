"""Batch form: 1,000,000 items in files of 50,000 lines, against writing and reading the same files.

Ours uploads them to the light server, asks about the batches, fetches the lines of the results, keeps every item in the
durable ledger and writes the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import light
from tests.benchmarks.measure import AtMost, Row, Setting, Variant, in_turns, python, rounds, seconds

IN_FLIGHT = 2
PEERS = {
    "json": "a script that parses and writes the same files with the standard json",
    "orjson": "the same script with orjson",
    "bytes": "copying the lines into files and back, nothing is parsed",
}


def rows(setting: Setting) -> Iterator[Row]:
    """Measure it, at most two rounds of the million."""
    count, lines = setting.size(1_000_000, 20_000), setting.size(50_000, 1_000)
    runs = min(setting.runs, 2)
    with light.server() as url:
        folder = light.write_project(setting.room("batches"), url)
        items = light.write_items(folder / "items.jsonl", count)
        light.write_recipe(folder, items, "batch", per_job=lines, in_flight=IN_FLIGHT)
        variants = [light.apply(folder, count), *(_peer(folder, way, count, lines) for way in PEERS)]
        samples = in_turns(variants, runs, warm_up=setting.small)
    peak = max(sample.peak_mib for sample in samples["runner"])
    for way, words in PEERS.items():
        yield Row(
            f"batches-{count}-{way}",
            f"batch form: {count:,} items in files of {lines:,} lines (uvloop)",
            words,
            "s",
            seconds(samples["runner"]),
            seconds(samples[way]),
            None if way == "bytes" or setting.small else AtMost(3),
            f"{rounds(runs)}; {IN_FLIGHT} files in flight; at most {peak:.0f} MiB.",
        )


def _peer(folder: Path, way: str, count: int, lines: int) -> Variant:
    parts = folder / f"parts-{way}"
    parts.mkdir()
    out = folder / f"{way}.jsonl"
    command = python("-m", "tests.benchmarks.peers.files", way, "items.jsonl", parts.name, out.name, str(lines))
    return Variant(way, command, folder, after=lambda: light.complete(out, count))
