"""Prints the coverage of each room; ends with 1 when a room that guards money is covered too little.

Too little is less than 95 % of lines and branches together, as coverage.py counts them with `branch = true`; a guarded
room with less than 95 % of its branches alone is marked.

coverage json -q -o .coverage.json && python -m tests.branch_coverage .coverage.json
"""

import json
import sys
from collections import Counter
from pathlib import Path

FLOOR = 0.95
GUARDED = ("engine", "ledger", "platforms", "transport")
COUNTED = ("num_statements", "covered_lines", "num_branches", "covered_branches")


def rooms(report: dict) -> dict[str, Counter[str]]:
    """Return what is counted of each folder below `runner`."""
    found: dict[str, Counter[str]] = {}
    for path, file in report["files"].items():
        parts = Path(path).parts
        counts = found.setdefault(parts[1] if len(parts) > 2 else "", Counter())
        counts.update({name: file["summary"][name] for name in COUNTED})
    return found


def share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def table(report: dict) -> tuple[list[str], list[str]]:
    """Return the lines to print, and the guarded rooms below the floor."""
    lines, low = [f"{'room':<12} {'lines':>7} {'branches':>9} {'both':>7}"], []
    for room, counts in sorted(rooms(report).items()):
        text = share(counts["covered_lines"], counts["num_statements"])
        branches = share(counts["covered_branches"], counts["num_branches"])
        covered = counts["covered_lines"] + counts["covered_branches"]
        both = share(covered, counts["num_statements"] + counts["num_branches"])
        low += [room] if room in GUARDED and both < FLOOR else []
        mark = f"  {FLOOR:.0%} wanted" if room in GUARDED and min(both, branches) < FLOOR else ""
        lines.append(f"{room or '-':<12} {text:>7.1%} {branches:>9.1%} {both:>7.1%}{mark}")
    return lines, low


def main(path: str) -> int:
    lines, low = table(json.loads(Path(path).read_text()))
    print("\n".join(lines))
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
