"""`runner plan` of a file whose items are all done: as it was applied, and with 1 % of its lines changed.

Against BLAKE2b over the same file. The ledger is made by `tests.benchmarks.done`: what an apply leaves behind.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks import done
from tests.benchmarks.measure import (
    ROOT,
    AtMost,
    Row,
    Sample,
    Setting,
    Variant,
    in_turns,
    mebibytes,
    python,
    seconds,
    tell,
)

DIGEST = Path(__file__).parent / "peers/digest.py"
PLAN = ("-m", "runner", "plan", "-f", "tickets.yaml")
MOST_MIB = 150


def rows(setting: Setting) -> Iterator[Row]:
    count = setting.size(1_000_000, 10_000)
    folder = setting.room("planning")
    tell(f"    making a ledger of {count:,} items that are done")
    _run(ROOT, python("-m", "tests.benchmarks.done", str(folder), str(count)))
    yield from _measured(setting, folder, f"untouched-{count}", f"plan of {count:,} items, file untouched", AtMost(3))
    changed = random.Random(7).sample(range(count), count // 100)
    done.write_lines(folder / "data.jsonl", count, changed)
    yield from _measured(
        setting,
        folder,
        f"changed-{count}",
        f"plan of {count:,} items, 1 % of the lines changed",
        AtMost(12),
        len(changed),
    )


def _measured(setting: Setting, folder: Path, name: str, work: str, wanted: AtMost, changed: int = 0) -> Iterator[Row]:
    """Measure plan and digest in turns; the plan is looked at once before: it must be right."""
    items = json.loads(_run(folder, python(*PLAN, "-o", "json")))["stages"][0]["counts"]
    if items.get("changed", 0) != changed or items.get("new", 0):
        raise RuntimeError(f"the plan is wrong: {items}")
    plan = Variant("plan", python(*PLAN), folder)
    digest = Variant("digest", python(str(DIGEST), "data.jsonl"), folder)
    samples = in_turns([digest, plan], setting.runs)
    ours: Sequence[Sample] = samples["plan"]
    theirs = seconds(samples["digest"])
    against = "BLAKE2b over the same file"
    note = "" if setting.small else "the state folder holds a digest of every line, which the apply before left there"
    most = None if setting.small else wanted  # of a small file the start of the program is most
    yield Row(f"planning-{name}", work, against, "s", seconds(ours), theirs, most, note)
    yield Row(f"planning-memory-{name}", f"{work}: memory", "", "MiB", mebibytes(ours), None, AtMost(MOST_MIB))


def _run(folder: Path, command: Sequence[str]) -> bytes:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environ, check=True, stdout=subprocess.PIPE).stdout
