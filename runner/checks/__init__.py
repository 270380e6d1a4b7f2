"""What must hold before a sink is written. A *check* sees all records, also failed ones, and gives one *verdict*."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

KINDS: Final[Mapping[str, str]] = {
    "items_failed": "runner.checks.items_failed:ItemsFailed",
    "not_null": "runner.checks.not_null:NotNull",
}
