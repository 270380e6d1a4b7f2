"""Not worse than what was published before.

    checks:
      - no_worse_than: {value: "{{ result.score }}", by: 0.01}
      - no_worse_than: {value: "{{ record.intent == item.label }}"}

The mean of an expression over all selected items (true is 1; what failed or gives no number is 0) is compared with the
mean of the same expression at the last apply whose checks passed; the first one has nothing to compare with. Another
expression begins anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.model.contracts import Expression, Place, Verdict
from runner.model.errors import ConfigError, RecipeError
from runner.model.item import Json, Record


class NoWorseThan:
    """Compares the mean of an expression with that of the last published apply; implements `SupportsRemember`."""

    @dataclass(frozen=True, slots=True)
    class Config:
        """What the recipe says; schemas/checks/no_worse_than.json has the words."""

        value: Expression | str
        by: float = 0.0
        severity: str = "error"

    def __init__(self, config: Config, place: Place) -> None:
        if isinstance(config.value, str):
            raise ConfigError("no_worse_than needs an expression over a record", mend='value: "{{ result.score }}"')
        if config.by < 0:
            raise ConfigError("no_worse_than is out of bounds", mend="by is 0 or more")
        self._config = config
        self._expression = config.value
        self._all = self._unjudged = 0
        self._sum = 0.0
        self._last: float | None = None

    def remember(self, last: Sequence[Mapping[str, Json]]) -> None:
        """Take the details of the verdicts of the last published apply; see `SupportsRemember`."""
        for details in last:
            mean = details.get("mean")
            is_same = details.get("value") == self._expression.text and bool(details.get("records"))
            if is_same and isinstance(mean, int | float):
                self._last = float(mean)

    def add(self, batch: Sequence[Record]) -> None:
        """See some records; see `Check.add`."""
        for record in batch:
            value = self._value(record) if record.outcome == "succeeded" else None
            self._all += 1
            self._unjudged += value is None
            self._sum += value or 0.0

    def verdict(self) -> Verdict:
        """Judge; see `Check.verdict`."""
        mean = self._sum / self._all if self._all else 0.0
        text = " ".join(self._expression.text.split())
        if not self._all:
            passed, what = True, "no records to compare"
        elif self._last is None:
            passed, what = True, f"the mean of {text} is {mean:.4g}; there is no earlier one to compare with"
        else:
            # A hair of room: the same records in another order add up to another last digit.
            passed = mean >= self._last - self._config.by - 1e-9
            what = (
                f"the mean of {text} is {mean:.4g}, before it was {self._last:.4g}, allowed: {self._config.by:.4g} less"
            )
        if self._unjudged:
            what += f"; {self._unjudged:,} gave no number and count as 0"
        details = {
            "value": self._expression.text,
            "mean": mean,
            "before": self._last,
            "records": self._all,
            "not_evaluated": self._unjudged,
        }
        return Verdict(passed, what, details, self._config.severity)

    def _value(self, record: Record) -> float | None:
        try:
            value = self._expression({"item": record.item, "record": record.row, "result": record.result})
        except RecipeError:
            return None
        return float(value) if isinstance(value, int | float) else None
