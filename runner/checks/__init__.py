"""What must hold before a sink is written. A *check* sees all records, also failed ones, and gives one *verdict*."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

KINDS: Final[Mapping[str, str]] = {
    "accuracy": "runner.checks.accuracy:Accuracy",
    "items_failed": "runner.checks.items_failed:ItemsFailed",
    "no_worse_than": "runner.checks.no_worse_than:NoWorseThan",
    "not_null": "runner.checks.not_null:NotNull",
    "record": "runner.checks.record:RecordCheck",
    "row_count": "runner.checks.row_count:RowCount",
}
