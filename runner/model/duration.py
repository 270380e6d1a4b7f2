"""Durations as people and platforms write them: `2h`, `5s`, `500ms`, `1h30m`, `1h 30m`, `1 hour`."""

from __future__ import annotations

import re
from typing import Final, overload

from runner.model.item import Json

_UNITS: Final = {
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 0.001),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3_600.0),
    **dict.fromkeys(("d", "day", "days"), 86_400.0),
}
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]+)\s*")


def parse_duration(text: str) -> float:
    """Return a duration in seconds.

    Raises:
        ValueError: the text is not a duration.
    """
    seconds, end, rest = 0.0, 0, text.strip().lower()
    while end < len(rest):
        part = _PART.match(rest, end)
        if part is None or part[2] not in _UNITS:
            break
        seconds, end = seconds + float(part[1]) * _UNITS[part[2]], part.end()
    if not rest or end < len(rest):
        raise ValueError(f"{text!r} is not a duration; write for example 500ms, 5s, 10m, 2h or 1h30m")
    return seconds


@overload
def as_seconds(value: Json, default: float) -> float: ...
@overload
def as_seconds(value: Json, default: None = None) -> float | None: ...
def as_seconds(value: Json, default: float | None = None) -> float | None:
    """Return the seconds of a number of seconds or a duration; `default` for None.

    Raises:
        ValueError: the value is not a duration.
    """
    if value is None:
        return default
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return parse_duration(str(value))
