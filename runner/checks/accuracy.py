"""How many records are right: the gate before the paid rest.

    checks:
      - accuracy: {min: 0.93, bound: wilson, confidence: 0.95}
      - accuracy: {min: 0.9, expected: "{{ item.label }}", actual: "{{ record.intent }}"}
      - accuracy: {min: 0.9, correct: "{{ result.total == item.total }}"}

A record is right when `correct` is true, or `expected` equals `actual`, or, with neither given, when the platform's own
`result.score` is 1. `counted` takes the number of right ones that the platform gives for each of its jobs. What failed,
is held or cannot be judged counts as wrong, and an empty selection does not pass: nothing was proved. `bound: wilson`
compares the lower end of the score interval, so that few records cannot pass by luck: 480 of 500 is 0.960, safe is
0.939.

Source: E. B. Wilson, "Probable inference", JASA 22 (1927); Brown, Cai, DasGupta, Statistical Science 16 (2001), 2.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Final

from runner.model.contracts import Expression, Place, Verdict
from runner.model.errors import ConfigError, RecipeError
from runner.model.item import Json, Record

CLASSES_KEPT: Final = 1000
COUNTED: Final = ("correct", "of", "by")


class Accuracy:
    """Counts right records, by class where classes are known, and compares their part with a minimum."""

    @dataclass(frozen=True, slots=True)
    class Config:
        """What the recipe says; schemas/checks/accuracy.json has the words."""

        min: float
        bound: str = "point"
        confidence: float = 0.95
        expected: Expression | None = None
        actual: Expression | None = None
        correct: Expression | None = None
        counted: Mapping[str, Expression] | None = None
        severity: str = "error"

    def __init__(self, config: Config, place: Place) -> None:
        if not 0 <= config.min <= 1 or not 0 < config.confidence < 1:
            raise ConfigError("accuracy is out of bounds", mend="min from 0 to 1, confidence between 0 and 1")
        if (config.expected is None) != (config.actual is None):
            raise ConfigError("accuracy has only one of expected and actual", mend="give both, or correct")
        if config.counted is not None and set(config.counted) != set(COUNTED):
            raise ConfigError("accuracy.counted is not whole", mend=f"give {', '.join(COUNTED)}")
        self._config = config
        self._all = self._right = self._unjudged = 0
        self._why = ""
        self._classes: dict[str, dict[str, int]] = {}
        self._counts = _Counts()

    def add(self, batch: Sequence[Record]) -> None:
        """See some records; see `Check.add`."""
        self._all += len(batch)
        for record in batch:
            scope = {"item": record.item, "record": record.row, "result": record.result}
            self._add(record, scope)

    def verdict(self) -> Verdict:
        """Judge; see `Check.verdict`."""
        counted = self._counts.total(self._all) if self._config.counted is not None else None
        right = self._right if counted is None else counted
        ratio = right / self._all if self._all else 0.0
        low = lower_bound(right, self._all, self._config.confidence)
        is_wilson = self._config.bound == "wilson"
        passed = self._all > 0 and (low if is_wilson else ratio) >= self._config.min
        what = f"{right:,} of {self._all:,} are right ({ratio:.4g})" if self._all else "no records: nothing was proved"
        if is_wilson and self._all:
            what += f", safe is {low:.4g} at {self._config.confidence:.4g}"
        what += f", wanted: at least {self._config.min:.4g}{self._doubts(counted)}"
        details = {
            "accuracy": ratio,
            "lower_bound": low,
            "right": right,
            "records": self._all,
            "not_evaluated": self._unjudged,
            "by": "records" if counted is None else "platform",
            "classes": self._classes,
        }
        return Verdict(passed, what, details, self._config.severity)

    def _doubts(self, counted: int | None) -> str:
        doubts = ""
        if counted is None and self._counts.jobs:
            doubts += "; the platform's count is not of these records, so they were compared one by one"
        if self._unjudged:
            doubts += f"; {self._unjudged:,} could not be judged and count as wrong"
        return doubts + (f", the first because: {self._why}" if self._why else "")

    def _add(self, record: Record, scope: Mapping[str, Json]) -> None:
        if record.outcome != "succeeded":
            self._why = self._why or ("it failed" if record.outcome == "failed" else f"it is {record.outcome}")
        expected, actual = self._value(self._config.expected, scope), self._value(self._config.actual, scope)
        answer: Json = None
        if record.outcome == "succeeded":
            answer = self._answer(scope, expected, actual)
            if self._config.counted is not None:
                self._counts.add([self._value(self._config.counted[name], scope) for name in COUNTED])
        self._unjudged += not isinstance(answer, bool)
        self._right += answer is True
        self._classify(expected, actual, is_right=answer is True)

    def _answer(self, scope: Mapping[str, Json], expected: Json, actual: Json) -> Json:
        """Return true or false; anything else when it cannot be told."""
        if self._config.correct is not None:
            return self._value(self._config.correct, scope)
        if self._config.expected is not None:
            return None if expected is None else bool(expected == actual)
        result = scope["result"]
        score = result.get("score") if isinstance(result, dict) else None
        if isinstance(score, int | float):
            return score >= 1
        self._why = self._why or "its result has no score; give expected and actual, or correct"
        return None

    def _value(self, expression: Expression | None, scope: Mapping[str, Json]) -> Json:
        if not callable(expression):
            return expression
        try:
            return expression(scope)
        except RecipeError as error:
            self._why = self._why or error.problems[0].what
            return None

    def _classify(self, expected: Json, actual: Json, *, is_right: bool) -> None:
        for value, column in ((expected, "expected"), (actual, "actual"), (expected if is_right else None, "right")):
            name = value if isinstance(value, str) else str(value)
            if value is not None and (name in self._classes or len(self._classes) < CLASSES_KEPT):
                self._classes.setdefault(name, {"expected": 0, "actual": 0, "right": 0})[column] += 1


class _Counts:
    """The platform's own counts, one for each of its jobs."""

    def __init__(self) -> None:
        self.jobs: dict[str, tuple[Json, Json]] = {}

    def add(self, values: Sequence[Json]) -> None:
        correct, of, by = values
        self.jobs[str(by)] = (correct, of)

    def total(self, records: int) -> int | None:
        """Return how many are right; None when a count is missing, or they are not of these records."""
        counts = list(self.jobs.values())
        if not all(isinstance(correct, int) and isinstance(of, int) for correct, of in counts):
            return None
        return sum(correct for correct, _ in counts) if sum(of for _, of in counts) == records else None


def lower_bound(right: int, of: int, confidence: float) -> float:
    """Return the lower end of the two-sided Wilson score interval, 0.0 to 1.0."""
    if not right:
        return 0.0
    ratio, z = right / of, NormalDist().inv_cdf(0.5 + confidence / 2)
    spread = z * sqrt(ratio * (1 - ratio) / of + z * z / (4 * of * of))
    return max(0.0, (ratio + z * z / (2 * of) - spread) / (1 + z * z / of))
