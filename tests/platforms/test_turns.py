"""Paying requests go with the place that their job took before it was written down as sent."""

import asyncio
from random import Random

from runner.model.job import Job
from runner.platforms.turns import Turns
from runner.transport.limits import Limits, Rules
from tests.transport.doubles import Ticks

ONE, OTHER = Job("one", 1, ()), Job("other", 1, ())


def turns(**rules):
    return Turns(Limits(Rules(**rules), Ticks(), Random(1)))


def test_a_turn_is_a_place_of_the_connection():
    limited = turns(concurrency=1)
    assert (limited.entered(ONE), ONE in limited, limited.entered(OTHER)) == (True, True, False)
    limited.leave(ONE)
    assert (ONE in limited, limited.entered(OTHER)) == (False, True)


def test_who_waits_for_a_turn_has_none_yet():
    async def wait():
        limited = turns(concurrency=1)
        limited.entered(ONE)
        waiting = asyncio.create_task(limited.enter(OTHER))
        await asyncio.sleep(0)
        before = OTHER in limited
        limited.leave(ONE)
        await waiting
        return before, OTHER in limited

    assert asyncio.run(wait()) == (False, True)


def test_a_turn_is_given_back_once():
    limited = turns(concurrency=1)
    limited.leave(ONE)
    limited.entered(ONE)
    limited.leave(ONE)
    limited.leave(ONE)
    assert (limited.entered(ONE), limited.entered(OTHER)) == (True, False)
