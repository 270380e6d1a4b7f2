"""The long proof: `python -m tests.faults --kills 1000 --items 2000 --faults 0.3 --seed 1`.

For each form of job: an apply of so many items under so many faults is killed (SIGKILL) again and again, at random
times and at random moments, then left alone until it exits by itself; audit, ledger and sinks are compared. Ends with 1
when anything is lost, paid twice, wrong or left in doubt without being held. `--forms blind,array_blind` is the variant
of platforms that cannot be searched; `--ledger postgresql://...` keeps the ledger there, `--ledger postgres` in a
server that is started for it. `--mix lost` lets only replies get lost, `refused` and `torn` likewise. `--stops 0.2`
stops the holder (SIGSTOP) past its lease in so many of the kills, while another apply takes over.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.faults.mischief import MIXES
from tests.faults.torment import sound, torment
from tests.faults.world import Ends, World
from tests.ledger.server import postgres

SEARCHED = ("item", "found", "array", "container", "lines")
BLIND = ("likely", "blind", "array_blind")
FIND = {"item": "key", "likely": "probable", "blind": "none", "array_blind": "none"}
HEAD = (
    "mix",
    "form",
    "find",
    "items",
    "kills",
    "jobs",
    "submits",
    "lost",
    "twice",
    "held",
    "failed",
    "rows",
    "wrong",
    "min",
)


@dataclass
class Line:
    """One world from its first life to its end."""

    form: str
    kills: int
    ends: Ends
    wrong: list[str]
    seconds: float
    mix: str

    def cells(self) -> list[str]:
        ends = self.ends
        numbers = (ends.items, self.kills, ends.jobs, ends.submits, ends.lost, ends.twice, ends.held, ends.failed)
        last = (ends.rows, ends.wrong_rows + len(self.wrong), f"{self.seconds / 60:.1f}")
        return [self.mix, self.form, FIND.get(self.form, "exact"), *map(str, (*numbers, *last))]


def one_world(form: str, kills: int, seed: int, given: argparse.Namespace) -> Line:
    """Torment one world, let it come to its end, apply it once more, and compare."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        wishes = {"items": given.items, "faults": given.faults, "seed": seed, "ledger": given.ledger, "in_flight": 32}
        with World(place, form=form, **wishes) as world:
            world.server.turn(only=MIXES[given.mix])
            killed = torment(world, kills, Random(f"{seed} {form}"), given.stops)
            world.end(lives=500)
            before, submits = world.sinks(), world.ends().submits
            world.end()
            ends = world.ends()
            wrong = sound(ends, may_hold=form in BLIND)
            if world.sinks() != before or ends.submits != submits:
                wrong.append("the finished apply did something when it was applied again")
    return Line(form, killed, ends, wrong, time.monotonic() - began, given.mix)


def row(cells: list[str] | tuple[str, ...]) -> str:
    return "| " + " | ".join(f"{cell:>8}" for cell in cells) + " |"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--faults", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ledger", default=".runner/ledger.db")
    parser.add_argument("--forms", default=",".join(SEARCHED))
    parser.add_argument("--mix", choices=list(MIXES), default="all")
    parser.add_argument("--stops", type=float, default=0.0)
    given = parser.parse_args()
    if given.ledger != "postgres":
        return proof(given)
    with postgres() as url:
        given.ledger = url.format("postgres")
        return proof(given)


def proof(given: argparse.Namespace) -> int:
    """Torment worlds until there were enough kills; print a line for each."""
    forms = given.forms.split(",")
    print(row(HEAD), row(["---:"] * len(HEAD)), sep="\n", flush=True)
    total, lines, seed = 0, [], given.seed
    while total < given.kills:
        for form in forms:
            share = -(-given.kills // len(forms))
            line = one_world(form, min(share, given.kills - total), seed, given)
            total += line.kills
            lines.append(line)
            print(row(line.cells()), *(f"    {what}" for what in line.wrong), sep="\n", flush=True)
            if total >= given.kills:
                break
        seed += 1
    good = sum(not line.wrong for line in lines)
    print(f"{total} kills, {len(lines)} applies, {good} of them without a fault; seed {given.seed}")
    return 0 if good == len(lines) else 1


if __name__ == "__main__":
    sys.exit(main())
