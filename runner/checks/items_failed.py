"""How many items may fail.

    checks:
      - items_failed: {max_ratio: 0.02}

Without `max` and `max_ratio` none may. Rows of the source that hold no usable item have failed, too. A ratio is of all
items and these rows; exactly at the bound still passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runner.model.contracts import Place, Verdict
from runner.model.errors import ConfigError
from runner.model.item import Record


class ItemsFailed:
    """Counts failed records and rejected rows against a number, a ratio, or both; implements `SupportsRejected`."""

    @dataclass(frozen=True, slots=True)
    class Config:
        """What the recipe says; schemas/checks/items_failed.json has the words."""

        max: int | None = None
        max_ratio: float | None = None
        severity: str = "error"

    def __init__(self, config: Config, place: Place) -> None:
        if (config.max or 0) < 0 or not 0 <= (config.max_ratio or 0) <= 1:
            raise ConfigError("items_failed is out of bounds", mend="max from 0, max_ratio from 0 to 1")
        nothing_said = config.max is None and config.max_ratio is None
        self._max = 0 if nothing_said else config.max
        self._max_ratio = config.max_ratio
        self._severity = config.severity
        self._all = self._failed = self._held = self._rejected = 0

    def add(self, batch: Sequence[Record]) -> None:
        """See some records; see `Check.add`."""
        self._all += len(batch)
        self._failed += sum(record.outcome == "failed" for record in batch)
        self._held += sum(record.outcome == "held" for record in batch)

    def reject(self, count: int) -> None:
        """Count rejected rows as failed; see `SupportsRejected`."""
        self._all += count
        self._failed += count
        self._rejected = count

    def verdict(self) -> Verdict:
        """Judge; see `Check.verdict`."""
        ratio = self._failed / self._all if self._all else 0.0
        passed = (self._max is None or self._failed <= self._max) and (
            self._max_ratio is None or ratio <= self._max_ratio
        )
        bounds = [f"at most {self._max:,}"] if self._max is not None else []
        bounds += [f"at most {self._max_ratio:.4g} of all"] if self._max_ratio is not None else []
        what = f"{self._failed:,} of {self._all:,} items failed ({ratio:.4g}), allowed: {' and '.join(bounds)}"
        if self._rejected:
            what += (
                f"; {self._rejected:,} of them {'is a rejected row' if self._rejected == 1 else 'are rejected rows'}"
            )
        details = {
            "failed": self._failed,
            "rejected": self._rejected,
            "held": self._held,
            "items": self._all,
            "ratio": ratio,
        }
        return Verdict(passed, what, details, self._severity)
