"""When a request that is safe to repeat is sent again: pure rules, and the budget that all callers share."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from runner.model.errors import RunnerError, StopRun, Unavailable


@dataclass(frozen=True, slots=True)
class Retries:
    """How patiently a safe request is repeated.

    Attributes:
        attempts: how often it is sent at most, the first time included.
        first_s: pause after the first failure; each further pause is twice as long, up to `max_s`.
    """

    attempts: int = 5
    first_s: float = 0.5
    max_s: float = 30.0


class Budget:
    """A store of tokens: a repetition takes one, a success gives one back.

    So a platform that fails now and then is asked again as often as needed, and a dead one a few hundred times only.

    Source: AWS SDKs, "Retry behavior", standard mode (500 tokens), read 2026-11.
    """

    __slots__ = ("_most", "left")

    def __init__(self, tokens: int = 500) -> None:
        self._most = self.left = tokens

    def take(self) -> bool:
        """Take one token; False when none is left."""
        if self.left <= 0:
            return False
        self.left -= 1
        return True

    def give(self) -> None:
        """Put one back after a success."""
        if self.left < self._most:
            self.left += 1


def is_passing(error: RunnerError) -> bool:
    """Whether the same safe request may succeed a moment later."""
    return isinstance(error, Unavailable) and not isinstance(error, StopRun)


def pause_s(rules: Retries, failures: int, asked_s: float | None, rng: Random) -> float:
    """Return how long to wait after the `failures`-th failure in a row, never shorter than the platform asked for."""
    grown = min(rules.max_s, rules.first_s * 2.0 ** min(failures - 1, 30))
    return max(asked_s or 0.0, grown * rng.uniform(0.5, 1.0))
