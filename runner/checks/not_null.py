"""Which fields must have a value.

    checks:
      - not_null: {fields: [number, total], min_ratio: 0.98}

Judged over the succeeded records, each field by itself. Null and a field that a row does not have count as no value; an
empty text, zero and false are values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runner.model.contracts import Place, Verdict
from runner.model.errors import ConfigError
from runner.model.item import Record


class NotNull:
    """Measures how many succeeded records have a value in each of some fields."""

    @dataclass(frozen=True, slots=True)
    class Config:
        """What the recipe says; schemas/checks/not_null.json has the words."""

        fields: Sequence[str]
        min_ratio: float = 1.0
        severity: str = "error"

    def __init__(self, config: Config, place: Place) -> None:
        if not config.fields or not 0 <= config.min_ratio <= 1:
            raise ConfigError("not_null is out of bounds", mend="at least one field, min_ratio from 0 to 1")
        self._config = config
        self._rows = 0
        self._filled = dict.fromkeys(config.fields, 0)
        self._known: set[str] = set()

    def add(self, batch: Sequence[Record]) -> None:
        """See some records; see `Check.add`."""
        for record in batch:
            if record.outcome == "succeeded":
                self._rows += 1
                self._known.update(record.row)
                for field in self._filled:
                    self._filled[field] += record.row.get(field) is not None

    def verdict(self) -> Verdict:
        """Judge; see `Check.verdict`."""
        if not self._rows:
            return Verdict(True, "no rows to look at", {"rows": 0}, self._config.severity)  # noqa: FBT003
        ratios = {field: filled / self._rows for field, filled in self._filled.items()}
        worst = min(ratios, key=lambda field: ratios[field])
        passed = ratios[worst] >= self._config.min_ratio
        what = f"{worst} has a value in {self._filled[worst]:,} of {self._rows:,} rows ({ratios[worst]:.4g})"
        what += f", wanted: at least {self._config.min_ratio:.4g}"
        if worst not in self._known:
            what += f"; no row has this field, only {', '.join(sorted(self._known)[:20]) or 'none at all'}"
        return Verdict(passed, what, {"rows": self._rows, "ratios": ratios}, self._config.severity)
