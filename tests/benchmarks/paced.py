"""One apply of jobs that take their time, in skipped time: `python -m tests.benchmarks.paced ITEMS IN_FLIGHT OUT`.

The engine, its poll wheel, its learned rhythm and the durable ledger are the real ones, with the defaults of a recipe;
the platform is a target in memory whose jobs take 30 s, whose replies take 20 ms, and which is asked 64 things at one
time at most. Writes what came of it as JSON:
seconds until the end and of a perfect schedule, polls of the jobs, how late each end was noticed.
"""

from __future__ import annotations

import asyncio
import json
import math
import statistics
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from runner.engine.lease import HeldLease
from runner.engine.progress import Progress
from runner.engine.run import ApplyOptions, apply_stage
from runner.engine.stop import Stop
from runner.ledger import open_ledger
from runner.model.contracts import Clock
from runner.model.item import Result
from runner.model.job import Capabilities, Job, JobState, JobStatus, Submitted
from runner.model.recipe import RunOptions
from tests.benchmarks.skipping import LoopClock, SkippingLoop, Watched, run
from tests.engine.world import item, work_on

DURATION_S, REPLY_S, REQUESTS = 30.0, 0.02, 64
LEASE_S = 1e9


class Slow:
    """A target whose jobs take 30 s from their arrival."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.ends: dict[str, float] = {}
        self.polls: Counter[str] = Counter()
        self.late_s: dict[str, float] = {}
        self._places = asyncio.Semaphore(REQUESTS)
        self.capabilities = Capabilities(max_items_per_job=1)

    async def submit(self, job: Job) -> Submitted:
        async with self._places:
            await self._clock.sleep(REPLY_S / 2)
            self.ends[job.key] = self._clock.monotonic() + DURATION_S
            await self._clock.sleep(REPLY_S / 2)
        return Submitted(job.key)

    async def poll(self, job: Job) -> JobState:
        self.polls[job.key] += 1
        async with self._places:
            await self._clock.sleep(REPLY_S / 2)
            is_over = self._clock.monotonic() >= self.ends[job.key]
            await self._clock.sleep(REPLY_S / 2)
        if not is_over:
            return JobState(JobStatus.RUNNING, "RUNNING")
        self.late_s[job.key] = self._clock.monotonic() - self.ends[job.key]
        return JobState(JobStatus.SUCCEEDED, "DONE")

    async def results(self, job: Job, state: JobState) -> AsyncIterator[Sequence[Result]]:
        yield [Result(each.key, {"done": True}) for each in job.items]


def ideal_s(items: int, in_flight: int) -> float:
    """Return how long it takes when every place is filled again at once.

    Only so many requests can be under way at one time: the last job is sent when the others were.
    """
    places = min(in_flight, items)
    sending_s = math.ceil(places / REQUESTS) * REPLY_S
    return math.ceil(items / places) * DURATION_S + sending_s


async def apply(loop: SkippingLoop, items: int, in_flight: int, folder: Path) -> Mapping[str, float]:
    clock: Any = LoopClock(loop)
    ledger = Watched(open_ledger(str(folder / "ledger.db"), clock=clock), loop.skipping)
    target: Any = Slow(clock)
    options = RunOptions(items_per_job=1, max_in_flight=in_flight)
    work = work_on(ledger, [item(f"i{number:05}") for number in range(items)], target, clock=clock, run=options)
    began = clock.monotonic()
    lease = await ledger.acquire("numbers", {"pid": 1}, clock.now(), LEASE_S)
    report = await apply_stage(work, HeldLease(ledger, lease, clock, LEASE_S), ApplyOptions(), Progress(), Stop())
    await ledger.release(lease)
    took_s = clock.monotonic() - began
    await ledger.close()
    if report.outcome != "done" or len(target.late_s) != items:
        raise RuntimeError(f"{report.outcome}: {report.error}")
    return _facts(target, took_s, ideal_s(items, in_flight))


def _facts(target: Slow, took_s: float, ideal: float) -> Mapping[str, float]:
    return {
        "took_s": took_s,
        "ideal_s": ideal,
        "polls": statistics.mean(target.polls.values()),
        "most_polls": max(target.polls.values()),
        "late_s": statistics.median(target.late_s.values()),
    }


def main(items: int, in_flight: int, out: Path) -> None:
    out.write_text(json.dumps(run(lambda loop: apply(loop, items, in_flight, out.parent))))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
