"""How long it takes until something happens: `python -m tests.benchmarks.starting`.

Whole processes, interleaved, against `python -c pass` of the same interpreter; minimum and median of eleven.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 11
RECIPE = Path(__file__).parents[2] / "recipes/invoices.yaml"
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "runner --help": ["-m", "runner", "--help"],
    "runner validate (one recipe)": ["-m", "runner", "validate", "-f", str(RECIPE)],
}


def main() -> None:
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS + 1):
        for name, arguments in COMMANDS.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
            times[name].append(time.perf_counter() - began)
    floor = statistics.median(times["python -c pass"][1:])
    print(f"{'command':<32}{'min ms':>9}{'median ms':>11}{'x pass':>8}")
    for name, all_of_them in times.items():
        measured = all_of_them[1:]  # the first round writes the bytecode
        median = statistics.median(measured)
        print(f"{name:<32}{min(measured) * 1000:>9.1f}{median * 1000:>11.1f}{median / floor:>8.1f}")


if __name__ == "__main__":
    main()
