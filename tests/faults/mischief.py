"""Seeded faults: which request they strike, and what they do to it."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

BEFORE = {
    "reset before": 5,
    "hang before": 1,
    "429": 3,
    "429 retry-after": 2,
    "429 retry-after date": 1,
    "429 retry-after-ms": 1,
    "500 before": 3,
    "503 before": 3,
}
"""The platform never saw the request."""

AFTER = {
    "reset after": 6,
    "hang after": 1,
    "500 after": 3,
    "malformed": 3,
    "truncated": 3,
    "slow": 2,
    "late": 3,
}
"""It did the work (`late`: a moment later), and the reply is lost, broken or slow."""

ON_RESULTS = {"doubled": 3, "reordered": 3, "foreign": 2, "endless": 1}
"""The reply is whole, but not as it should be."""

MIXES = {
    "all": (*BEFORE, *AFTER, *ON_RESULTS),
    "refused": tuple(BEFORE),
    "lost": ("reset before", "reset after", "hang after", "500 after", "late"),
    "torn": ("malformed", "truncated", "slow", *ON_RESULTS),
}
"""What a platform may be down with for a whole run."""


@dataclass
class Mischief:
    """Strikes a share of all requests."""

    share: float = 0.0
    seed: int = 1
    only: tuple[str, ...] = ()
    spare: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._random = Random(self.seed)
        self.struck: dict[str, int] = {}

    def strike(self, route: str) -> str | None:
        """Return the fault for one request, None for most."""
        if route.startswith("/_") or self._random.random() >= self.share:
            return None
        table = {**BEFORE, **AFTER, **(ON_RESULTS if "results" in route or "content" in route else {})}
        table = {name: weight for name, weight in table.items() if not self.only or name in self.only}
        table = {name: weight for name, weight in table.items() if name not in self.spare}
        if not table:
            return None
        fault = self._random.choices(list(table), list(table.values()))[0]
        self.struck[fault] = self.struck.get(fault, 0) + 1
        return fault

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)

    def shuffle(self, entries: list) -> None:
        self._random.shuffle(entries)
