"""What must be true of every record, or of a part of them.

    checks:
      - record: {expression: "{{ record.total == record.lines | sum(attribute='amount') }}"}
      - record: {expression: "{{ result.confidence > 0.8 }}", min_ratio: 0.9, severity: warning}

Judged over all selected items: one that failed, is held, or whose expression gives neither true nor false counts as not
true.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from runner.model.contracts import Expression, Place, Verdict
from runner.model.errors import ConfigError, RecipeError
from runner.model.item import Record

NAMED: Final = 20
"""Keys of records for which it is not true, in the details."""


class RecordCheck:
    """Counts the records for which an expression is true."""

    @dataclass(frozen=True, slots=True)
    class Config:
        """What the recipe says; schemas/checks/record.json has the words."""

        expression: Expression | str
        min_ratio: float = 1.0
        severity: str = "error"

    def __init__(self, config: Config, place: Place) -> None:
        if isinstance(config.expression, str):
            mend = 'write "{{ record.total > 0 }}"'
            raise ConfigError("the expression of the check record reads nothing of a record", mend=mend)
        if not 0 <= config.min_ratio <= 1:
            raise ConfigError("record is out of bounds", mend="min_ratio from 0 to 1")
        self._config = config
        self._expression = config.expression
        self._all = self._true = 0
        self._named: list[str] = []
        self._why = ""

    def add(self, batch: Sequence[Record]) -> None:
        """See some records; see `Check.add`."""
        for record in batch:
            is_true = record.outcome == "succeeded" and self._is_true(record)
            self._all += 1
            self._true += is_true
            if not is_true and len(self._named) < NAMED:
                self._named.append(record.key)

    def verdict(self) -> Verdict:
        """Judge; see `Check.verdict`."""
        ratio = self._true / self._all if self._all else 1.0
        what = f"{self._expression.text} is true for {self._true:,} of {self._all:,} records ({ratio:.4g})"
        what += f", wanted: at least {self._config.min_ratio:.4g}"
        if self._named:
            what += f"; not for {', '.join(self._named[:3])}{' ...' if self._all - self._true > 3 else ''}"
        what += f"; {self._why}" if self._why else ""
        details = {"records": self._all, "true": self._true, "ratio": ratio, "not_true": self._named}
        return Verdict(ratio >= self._config.min_ratio, " ".join(what.split()), details, self._config.severity)

    def _is_true(self, record: Record) -> bool:
        try:
            answer = self._expression({"item": record.item, "record": record.row, "result": record.result})
        except RecipeError as error:
            self._why = self._why or error.problems[0].what
            return False
        if not isinstance(answer, bool):
            self._why = self._why or f"it gives {answer!r:.80}, not true or false"
        return answer is True
