"""Check how many rows there are.

    checks:
      - row_count: {min: 1, max: 50_000, min_ratio_of_last: 0.9}

Counts the rows that would be written: the succeeded records. `min_ratio_of_last` compares them with the rows of the
last apply whose checks passed; the first one has nothing to compare with. Exactly at a bound still passes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.model.contracts import Place, Verdict
from runner.model.errors import ConfigError
from runner.model.item import Json, Record


class RowCount:
    """Counts rows against fixed bounds and against the rows that were published last; implements `SupportsRemember`."""

    @dataclass(frozen=True, slots=True)
    class Config:
        """Options of the check; schemas/checks/row_count.json describes them."""

        min: int | None = None
        max: int | None = None
        min_ratio_of_last: float | None = None
        severity: str = "error"

    def __init__(self, config: Config, place: Place) -> None:
        if config.min is None and config.max is None and config.min_ratio_of_last is None:
            raise ConfigError("row_count has no bound", mend="give min, max or min_ratio_of_last")
        least, most, ratio = config.min or 0, config.max, config.min_ratio_of_last or 0
        if least < 0 or (most is not None and most < least) or not 0 <= ratio <= 1:
            mend = "min from 0, max not below min, min_ratio_of_last from 0 to 1"
            raise ConfigError("row_count is out of bounds", mend=mend)
        self._config = config
        self._rows = 0
        self._last: int | None = None

    def remember(self, last: Sequence[Mapping[str, Json]]) -> None:
        """Take the number of rows of the last published apply; see `SupportsRemember`."""
        for details in last:
            self._last = details.get("published_rows", self._last)

    def add(self, batch: Sequence[Record]) -> None:
        """See some records; see `Check.add`."""
        self._rows += sum(record.outcome == "succeeded" for record in batch)

    def verdict(self) -> Verdict:
        """Judge; see `Check.verdict`."""
        least, most, ratio = self._config.min, self._config.max, self._config.min_ratio_of_last
        bounds = [f"at least {least:,}"] if least is not None else []
        bounds += [f"at most {most:,}"] if most is not None else []
        passed = (least is None or self._rows >= least) and (most is None or self._rows <= most)
        if ratio is not None and self._last is not None:
            bounds.append(f"at least {ratio:.4g} of the {self._last:,} before")
            passed = passed and self._rows >= ratio * self._last
        elif ratio is not None:
            bounds.append(f"at least {ratio:.4g} of the rows before, of which there are none yet")
        what = f"{self._rows:,} {'row' if self._rows == 1 else 'rows'}, allowed: {' and '.join(bounds)}"
        return Verdict(passed, what, {"rows": self._rows, "before": self._last}, self._config.severity)
