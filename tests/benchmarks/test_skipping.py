"""Skipped time, and what is measured in it."""

import asyncio
import time

from tests.benchmarks.paced import apply, ideal_s
from tests.benchmarks.skipping import LoopClock, Watched, run


async def hour(loop):
    before = loop.time()
    await LoopClock(loop).sleep(3600)
    return loop.time() - before


def test_an_hour_of_sleep_takes_no_time():
    began = time.monotonic()
    assert run(hour) >= 3600
    assert time.monotonic() - began < 60


class Threaded:
    async def work(self):
        return await asyncio.to_thread(time.process_time)


async def raced(loop):
    """Let a thread work beside a sleeper; return how much was skipped before the thread was done."""
    sleeper = asyncio.ensure_future(asyncio.sleep(3600))
    await Watched(Threaded(), loop.skipping).work()
    skipped = loop.skipping.skipped_s
    sleeper.cancel()
    return skipped


def test_work_in_a_thread_is_waited_for():
    assert run(raced) == 0


def test_the_ideal_fills_every_place_at_once():
    assert round(ideal_s(100, 10), 6) == 300.02
    assert round(ideal_s(128, 1000), 6) == 30.04


def test_jobs_of_half_a_minute_are_all_done(tmp_path):
    facts = run(lambda loop: apply(loop, 20, 4, tmp_path))
    assert facts["took_s"] >= facts["ideal_s"] == ideal_s(20, 4)
    assert facts["most_polls"] >= facts["polls"] >= 1
