"""The same work as a declarative source of the Airbyte CDK with an AsyncRetriever, 1,000 items.

The CDK needs many packages, so that it lives in a virtual environment of its own, which is made on demand. It is
measured with as many jobs in flight as ours, and with all of them, which is the best that its manifest permits.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import items, light
from tests.benchmarks.measure import ROOT, AtLeast, Row, Setting, Variant, in_turns, per_second, rounds, tell

CACHED = ROOT / ".cache/airbyte"
PACKAGE = "airbyte-cdk>=7.39,<8"
RUNS = 3


def interpreter(folder: Path) -> Path:
    """Return the Python of the environment in a folder; makes it when it is not there."""
    found = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not found.exists():
        tell(f"    installing {PACKAGE} into its own environment")
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(found), "-m", "pip", "install", "-q", PACKAGE, "orjson"], check=True)
    return found


def rows(setting: Setting) -> Iterator[Row]:
    """Measure it, unless nobody asked for it and it is not installed."""
    if setting.airbyte is None and not CACHED.exists():
        tell("    left out: give --airbyte to install the Airbyte CDK")
        return
    count = setting.size(1_000, 100)
    python = interpreter(setting.airbyte or CACHED)
    with light.server() as url:
        folder = items.place(setting.room("airbyte"), url, _case(count))
        yield _compared(folder, url, python, (count, count), min(setting.runs, RUNS))
        if not setting.small:
            yield _compared(folder, url, python, (count, items.IN_FLIGHT), 1)


def _compared(folder: Path, url: str, python: Path, work: tuple[int, int], runs: int) -> Row:
    count, in_flight = work
    out = folder / "airbyte.jsonl"
    command = (str(python), "-m", "tests.benchmarks.peers.airbyte", url, "items.jsonl", out.name, str(in_flight))
    theirs = Variant("airbyte", command, folder, after=lambda: light.complete(out, count))
    samples = in_turns([items.ours(folder, _case(count)), theirs], runs, warm_up=False)
    cpu_s = statistics.median(sample.cpu_s for sample in samples["airbyte"])
    return Row(
        f"airbyte-{count}-{in_flight}",
        f"{count:,} items, one job each, durable ledger, {items.IN_FLIGHT} in flight (uvloop)",
        f"Airbyte CDK, a declarative manifest with an AsyncRetriever, {in_flight:,} jobs in flight",
        "items/s",
        per_second(samples["runner"], count),
        per_second(samples["airbyte"], count),
        AtLeast(20) if count >= 1_000 else None,
        f"{rounds(runs)}. The CDK starts and asks its jobs one after the other, and sleeps 5 s between two rounds of "
        f"questions, which no manifest can change; its CPU alone takes {cpu_s:.1f} s.",
    )


def _case(count: int) -> items.Case:
    return items.Case(count, items.IN_FLIGHT, "uvloop")
