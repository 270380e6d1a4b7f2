"""When to ask a job how it stands: a pure rule, from the recipe's rhythm and from how long jobs took so far."""

from __future__ import annotations

from runner.model.recipe import PollRhythm


class Rhythm:
    """Gives the delay before each question and learns from finished jobs.

    Without knowledge the delays grow from `first_s` by `factor` to `max_s`. Once some jobs have finished, the first
    question comes when a job of this target is usually done, and the later ones at a tenth of that, so that a job of a
    minute is asked a few times and noticed within seconds.
    """

    LEARNED_FROM = 5
    NOTICED_WITHIN = 0.08

    def __init__(self, poll: PollRhythm) -> None:
        self._poll = poll
        self._durations: list[float] = []

    def learn(self, duration_s: float) -> None:
        """Take the time from acceptance to the end of a job; the last hundred count."""
        self._durations.append(max(0.0, duration_s))
        if len(self._durations) > 100:
            del self._durations[:50]

    def delay(self, polls: int, age_s: float, hint_s: float | None = None) -> float:
        """Return the seconds until the next question.

        Args:
            polls: how many questions were asked already.
            age_s: seconds since the job was accepted.
            hint_s: what the platform asked for; never undercut.
        """
        usual = self._usual()
        if usual is None:
            wanted = min(self._poll.max_s, self._poll.first_s * self._poll.factor**polls)
        elif age_s < usual:
            wanted = max(usual - age_s, min(self._poll.first_s, usual * self.NOTICED_WITHIN))
        else:
            late = max(0, polls - 1)
            wanted = max(usual, 0.05) * self.NOTICED_WITHIN * self._poll.factor ** min(late, 20)
        wanted = min(self._poll.max_s, wanted)
        return max(wanted, hint_s or 0.0)

    def _usual(self) -> float | None:
        """Return the lower quartile of the last durations: asking a little early costs one question."""
        if len(self._durations) < self.LEARNED_FROM:
            return None
        ordered = sorted(self._durations)
        return ordered[len(ordered) // 4]
