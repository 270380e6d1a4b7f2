"""Durations as people write them: `2h`, `5s`, `500ms`, `1h30m`."""

from __future__ import annotations

import re
from typing import Final

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_WHOLE: Final = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d))+")


def seconds(text: str) -> float:
    """Return a duration in seconds.

    Raises:
        ValueError: the text is no duration.
    """
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{text!r} is no duration; write for example 500ms, 5s, 10m, 2h or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
