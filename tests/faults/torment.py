"""Kill the command again and again, at random times and at random moments, until it has had enough."""

from __future__ import annotations

import signal
import subprocess
from contextlib import suppress
from random import Random

from tests.faults.world import Ends, Life, World, stopped

LONGEST_LIFE_S = 3.0
MOST_MOMENTS = 400
OVER = (0, 11, 15)
PAUSED = (4, 14)


def torment(world: World, kills: int, chance: Random, stops: float = 0.0) -> int:
    """Kill the apply of a world up to `kills` times; return how often. It may come to its end before.

    Args:
        world: to be tormented.
        kills: at most.
        chance: of this world.
        stops: share of the kills that stop the holder past its lease instead, while another apply takes over.
    """
    killed = 0
    while killed < kills:
        if chance.random() < stops:
            life = _frozen(world, chance)
            killed += 1
            if life.code in OVER:
                break
            continue
        if chance.random() < 0.5:
            life = world.live(kill_after_s=chance.uniform(0.05, LONGEST_LIFE_S))
        else:
            at = int(MOST_MOMENTS ** chance.random())  # early moments as often as late ones
            life = world.live(FAULTS_DIE_AT=str(at), kill_after_s=LONGEST_LIFE_S)
        killed += life.was_killed
        assert life.was_killed or life.code in (*OVER, *PAUSED), (life.code, life.out, life.err)
        if life.code in OVER:
            break
    return killed


def _frozen(world: World, chance: Random) -> Life:
    """Stop the holder at a random moment or time, let another apply take over, and let the holder go on."""
    kill_after_s = chance.uniform(0.3, LONGEST_LIFE_S) if chance.random() < 0.7 else None
    if chance.random() < 0.7:
        at = int(MOST_MOMENTS ** chance.random())
        freeze = world.stop(stopped, kill_after_s=kill_after_s, FAULTS_STOP_AT=str(at))
    else:
        wait_s = chance.uniform(0.05, LONGEST_LIFE_S)

        def soon(process: subprocess.Popen) -> None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(wait_s)
            if process.poll() is None:
                process.send_signal(signal.SIGSTOP)
                stopped(process)

        freeze = world.stop(soon, kill_after_s=kill_after_s)
    return freeze.first if freeze.second is None or freeze.first.code in OVER else freeze.second


def sound(ends: Ends, *, may_hold: bool = False) -> list[str]:
    """Return what is not as it must be after the last life; `may_hold` where the platform cannot be searched."""
    wrong = list(ends.complaints)
    if ends.lost:
        wrong.append(f"{ends.lost} items lost")
    if ends.twice:
        wrong.append(f"{ends.twice} items accepted twice")
    if ends.wrong_rows or ends.rows != ends.succeeded:
        wrong.append(f"{ends.rows} rows for {ends.succeeded} items, {ends.wrong_rows} of them wrong")
    if ends.held and not may_hold:
        wrong.append(f"{ends.held} items held")
    if ends.succeeded + ends.failed + ends.held != ends.items:
        wrong.append("items are in no end state, or in two")
    return wrong
