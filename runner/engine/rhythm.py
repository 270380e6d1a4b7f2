"""When to ask a job how it stands: a pure rule, from the recipe's rhythm and from how long jobs took so far."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import exp
from typing import Final

from runner.model.recipe import PollRhythm

LEARNED_FROM: Final = 5
REMEMBERED: Final = 64
NOTICED_WITHIN: Final = 0.08
"""Once a job should be done it is asked again after this part of its usual time."""
LEAST_S: Final = 0.01
"""A job that still ran is not asked again sooner."""
SPREAD: Final = 400
"""So many jobs, spread over ages that differ by the factor e, give 8 questions within 2 % of an age."""
MOST_SPARSE: Final = 3.0
ASKED_WHILE_RUNNING: Final = 4
"""A job that should run for long is asked so often meanwhile, beyond `max_s` too: it may fail early."""
CHANGED_BY: Final = 1.25
"""When the usual time has changed by this factor, jobs that sleep already are given another time."""


class Rhythm:
    """Gives the delay before each question, and learns from every answer.

    Without knowledge the delays grow from `first_s` by `factor` to `max_s`. With many jobs in flight they grow faster
    and are spread: every job is asked less often, and yet some are asked at any age. As soon as some have finished, the
    first question comes when a job of this target is usually done, and the next ones soon afterwards: a job of a minute
    is asked two or three times and noticed within seconds.

    What is known of a finished job is an interval: it was still running at one age and done at another one.
    """

    def __init__(self, poll: PollRhythm, chance: Callable[[], float] = lambda: 0.0) -> None:
        """Begin without knowledge; `chance` gives numbers from 0.0 to 1.0, for the spreading."""
        self._poll = poll
        self._chance = chance
        self._took: deque[float] = deque(maxlen=REMEMBERED)
        self._running: deque[float] = deque(maxlen=2 * REMEMBERED)
        self._usual: float | None = None
        self._told: float | None = None
        self._fresh = 0

    def runs(self, age_s: float) -> None:
        """Take that a job of this age is not done yet."""
        self._running.append(age_s)

    def learn(self, running_s: float, done_s: float) -> bool:
        """Take that a job was done when it was asked at the age `done_s`.

        Args:
            running_s: the age at which it was last seen running; 0 when it was found done at once.
            done_s: when the question was sent.

        Returns:
            Whether so much was learned that jobs which sleep should be given another time.
        """
        self._took.append(self._guess(running_s, max(0.0, done_s)))
        self._fresh += 1
        if len(self._took) < LEARNED_FROM or self._fresh < min(LEARNED_FROM, len(self._took) // 4):
            return False
        self._fresh = 0
        # The lower quartile: to ask a little early costs one question.
        usual = self._usual = sorted(self._took)[len(self._took) // 4]
        is_news = self._told is None or not self._told / CHANGED_BY <= usual <= self._told * CHANGED_BY
        if is_news:
            self._told = usual
        return is_news

    def delay(self, polls: int, age_s: float, running_s: float = 0.0, siblings: int = 1) -> float:
        """Return the seconds until the next question.

        Args:
            polls: how many questions were asked already.
            age_s: seconds since the job was accepted.
            running_s: its age when it was last seen running; 0 when it was not asked yet.
            siblings: how many jobs are in flight.
        """
        rules, usual = self._poll, self._usual
        if usual is None:
            factor = max(rules.factor, min(MOST_SPARSE, exp(min(siblings, 1000) / SPREAD)))
            spread = float(factor ** -self._chance())
            return min(rules.max_s, (rules.first_s + (factor - 1) * age_s) * spread)
        longest_s = max(rules.max_s, usual / ASKED_WHILE_RUNNING)
        if running_s < usual or not polls:
            return min(longest_s, max(0.0, usual - age_s))
        return min(longest_s, max(LEAST_S, NOTICED_WITHIN * age_s, (rules.factor - 1) * (age_s - usual)))

    def _guess(self, running_s: float, done_s: float) -> float:
        """Return how long a job took, from the interval in which it ended.

        One that was found done by its first question may have been done for long: it took at least as long as another
        one was seen running, as far as anybody knows; where nobody was, half of the time is tried next.
        """
        if running_s >= done_s / 2:
            return (running_s + done_s) / 2
        running_s = max((age for age in self._running if age < done_s), default=running_s)
        return max(done_s / 2, min(running_s, 0.95 * done_s))
