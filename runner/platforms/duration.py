"""Durations as manifests write them."""

from __future__ import annotations

from typing import Final

from runner.model.item import Json

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(value: Json, default: float) -> float:
    """Return `10s`, `500ms`, `2h` or a plain number in seconds; `default` for None."""
    if value is None:
        return default
    if isinstance(value, int | float):
        return float(value)
    unit = value.lstrip("0123456789.")
    return float(value.removesuffix(unit)) * _UNITS[unit]
