"""What to do next and when: one wheel of timers for all jobs, no task for a sleeping one."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from runner.model.contracts import Clock
from runner.model.job import Job, JobState, Submitted

SUBMITS_IN_A_ROW = 7
"""While submits wait, so many go before one other step that is due: the platform works while it is asked."""

GRAIN_S = 0.01
"""Timers that fall into one grain go off together; a hundred wake-ups a second serve any number of jobs."""


class Action(StrEnum):
    """The steps of a job."""

    LOOK = "look"
    SUBMIT = "submit"
    POLL = "poll"
    JUDGE = "judge"
    COLLECT = "collect"
    RECONCILE = "reconcile"
    REASK = "reask"
    CANCEL = "cancel"


@dataclass(slots=True)
class Split:
    """State shared by the parts of one refused job.

    Attributes:
        left: how many refused parts may still be split.
        any_accepted: whether the platform accepted some part.
    """

    left: int
    any_accepted: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do for one job.

    Attributes:
        ids: ledger ids of the job's items, needed to intend it.
        polls: how often it was asked so far. tries: how often this very step failed in a row.
        state: what the platform said, to be judged, or the terminal state whose results are to be collected.
        doubtful: the job is sent again under its own key because an earlier reply was lost: no failure of this
            request proves that the job does not exist.
        prepared: whether the job's unpaid preparation is done, so that another try need not repeat it.
        doubted_at: monotonic seconds when this process began to doubt whether the job exists.
        ends_at: monotonic seconds until when the end of a cancelled job is waited for; None when it was not cancelled.
        why: why it was cancelled, or why nobody knows whether it exists.
        running_s: age of the job when it was last seen running; 0.0 when it was not asked yet.
        is_put_off: whether the platform said when to ask again.
        looks: how often the results of an ended job were found incomplete.
        ended: the terminal state of such a job when it was last looked at.
        is_human: whether it was last seen waiting for a human.
        losses: how many replies to this job's paying request were lost, over all applies.
        split: of the refused job of which this one is a part; None for a whole job.
        is_accepted: whether a 2xx says that the job exists, although its reply was lost: no listing can disprove it.
        found: remote jobs that may be this one, or one of `waits_for`, whose replies are still to come.
    """

    action: Action
    job: Job
    ids: tuple[int, ...] = ()
    polls: int = 0
    tries: int = 0
    state: JobState | None = None
    doubtful: bool = False
    prepared: bool = False
    doubted_at: float = 0.0
    losses: int = 0
    is_accepted: bool = False
    split: Split | None = None
    ends_at: float | None = None
    why: str = ""
    running_s: float = 0.0
    is_put_off: bool = False
    is_human: bool = False
    found: tuple[Submitted, ...] = ()
    waits_for: frozenset[str] = frozenset()
    looks: int = 0
    ended: JobState | None = None


class Agenda:
    """Steps that are due, in order, and steps that sleep; a fixed crew of workers asks for the next one.

    Submits go before other steps that are due at the same time, most of the time: a job that was not sent costs
    time, a job that is asked a little later costs less, as its end was some time ago or is some time off.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: deque[Step] = deque()
        self._submits: deque[Step] = deque()
        self._submits_in_a_row = 0
        self._asleep: list[tuple[float, int, Step]] = []
        self._waiters: deque[asyncio.Future[Step | None]] = deque()
        self._order = 0
        self._earlier = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._submits) + len(self._due) + len(self._asleep)

    def now(self, step: Step) -> None:
        """Put a step in the queue of due ones."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(step)
                return
        (self._submits if step.action is Action.SUBMIT else self._due).append(step)

    def later(self, step: Step, delay_s: float) -> None:
        """Let a step sleep; a delay that no timer can tell from none is none."""
        if delay_s < GRAIN_S / 2:
            self.now(step)
            return
        at = self._clock.monotonic() + delay_s
        self._order += 1
        if not self._asleep or at < self._asleep[0][0]:
            self._earlier.set()
        heapq.heappush(self._asleep, (at, self._order, step))

    def sooner(self, action: Action, delay_s: Callable[[Step], float]) -> None:
        """Give steps of an action that sleep another time, where it is an earlier one.

        Steps that failed before, and those that the platform has put off, sleep on.
        """
        now = self._clock.monotonic()
        for place, (at, order, step) in enumerate(self._asleep):
            if step.action is action and not step.tries and not step.is_put_off:
                self._asleep[place] = (min(at, now + delay_s(step)), order, step)
        heapq.heapify(self._asleep)
        self._earlier.set()

    async def next(self) -> Step | None:
        """Wait for a due step; None when the agenda is closed."""
        if self._closed:
            return None
        if self._submits and (not self._due or self._submits_in_a_row < SUBMITS_IN_A_ROW):
            self._submits_in_a_row += 1
            return self._submits.popleft()
        if self._due:
            self._submits_in_a_row = 0
            return self._due.popleft()
        waiter: asyncio.Future[Step | None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        return await waiter

    def take_due(self, action: Action, most: int) -> list[Step]:
        """Take further due steps of the same action from the head of the queue, for one request over many jobs."""
        taken: list[Step] = []
        while self._due and len(taken) < most and self._due[0].action is action:
            taken.append(self._due.popleft())
        return taken

    def close(self) -> None:
        """Send all workers home; sleeping steps stay in the ledger."""
        self._closed = True
        self._earlier.set()
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)

    async def run(self) -> None:
        """Wake sleeping steps when their time has come; ends when the agenda is closed."""
        while not self._closed:
            self._earlier.clear()
            self._wake()
            if not self._asleep:
                await self._earlier.wait()
                continue
            delay_s = max(GRAIN_S, self._asleep[0][0] - self._clock.monotonic())
            await self._sleep_unless_earlier(delay_s)

    def _wake(self) -> None:
        until = self._clock.monotonic() + GRAIN_S / 2
        while self._asleep and self._asleep[0][0] <= until:
            self.now(heapq.heappop(self._asleep)[2])

    async def _sleep_unless_earlier(self, delay_s: float) -> None:
        sleeper = asyncio.ensure_future(self._clock.sleep(delay_s))
        earlier = asyncio.ensure_future(self._earlier.wait())
        try:
            await asyncio.wait({sleeper, earlier}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sleeper, earlier):
                task.cancel()
            await asyncio.gather(sleeper, earlier, return_exceptions=True)
