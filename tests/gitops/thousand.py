"""A thousand recipes in a Git work tree; and how long it takes to look at them.

    python -m tests.gitops.thousand

prints the median of five `runner validate` of 1,000 recipes (short ones, and ones like recipes/invoices.yaml), of `plan
--select changed:HEAD~1` when one of them has changed, and of a bare Python, with a warm disk.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.cli.shell import EXAMPLES
from tests.gitops.work_tree import add_recipe, commit, new_project

RECIPES = 1_000
CHANGED = "r0417"


def thousand(folder: Path, number: int = RECIPES) -> Path:
    """Make the work tree, with a second commit that changes one recipe."""
    new_project(folder)
    for index in range(number):
        add_recipe(folder, f"r{index:04}")
    commit(folder, "all of them")
    add_recipe(folder, CHANGED, letters="B-Z")
    commit(folder, "one of them")
    return folder


def invoices(folder: Path, number: int = RECIPES) -> Path:
    """Make a project of many recipes that are as long as a real one."""
    (folder / "recipes").mkdir(parents=True)
    shutil.copy(EXAMPLES / "runner.yaml", folder)
    shutil.copytree(EXAMPLES / "platforms", folder / "platforms")
    text = (EXAMPLES / "invoices.yaml").read_text()
    for index in range(number):
        named = text.replace("name: invoices", f"name: i{index:04}").replace("out/invoices", f"out/i{index:04}")
        (folder / f"recipes/i{index:04}.yaml").write_text(named)
    return folder


def _lines(folder: Path) -> int:
    return sum(len(file.read_text().splitlines()) for file in (folder / "recipes").iterdir())


def _seconds(folder: Path, *arguments: str) -> str:
    """Return the median of five runs, and of their CPU time, which a busy machine does not change.

    The first run warms the disk and does not count.
    """
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    times, loads = [], []
    for _ in range(6):
        began, before = time.perf_counter(), _cpu()
        subprocess.run([sys.executable, *arguments], cwd=folder, env=environ, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
        loads.append(_cpu() - before)
    return f"{statistics.median(times[1:]):6.2f} s   CPU {statistics.median(loads[1:]):5.2f} s"


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        short, long = thousand(Path(name) / "short"), invoices(Path(name) / "long")
        validate = ("-m", "runner", "validate", "-f", "recipes")
        plan = ("-m", "runner", "plan", "-f", "recipes", "--select", "changed:HEAD~1")
        print(f"{RECIPES:,} recipes, {os.cpu_count()} cores")
        print(f"python -c pass                         {_seconds(short, '-c', 'pass')}")
        print(f"validate, {_lines(short):6,} lines                 {_seconds(short, *validate)}")
        print(f"validate, {_lines(long):6,} lines                 {_seconds(long, *validate)}")
        print(f"plan --select changed:HEAD~1, 1 of them {_seconds(short, *plan)}")


if __name__ == "__main__":
    main()
