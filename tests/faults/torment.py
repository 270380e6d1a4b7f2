"""Kill the command again and again, at random times and at random moments, until it has had enough."""

from __future__ import annotations

from random import Random

from tests.faults.world import Ends, World

LONGEST_LIFE_S = 3.0
MOST_MOMENTS = 400
OVER = (0, 11, 15)
PAUSED = (4, 14)


def torment(world: World, kills: int, chance: Random) -> int:
    """Kill the apply of a world up to `kills` times; return how often. It may come to its end before."""
    killed = 0
    while killed < kills:
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
