"""Freeze windows of a project: when nothing is applied, and until when.

A window is written in one of three forms, both ends in the same one:

    freeze:
      - {from: 2026-12-24, until: 2027-01-01, timezone: Europe/Berlin, reason: books are closed}
      - {from: fri 18:00, until: mon 06:00, reason: nobody watches}
      - {from: "09:00", until: "17:00", days: [mon, tue, wed, thu, fri], reason: the platform is busy}

A date or weekday without a time means the whole day, at both ends. A time of day that is not after the first one is
that of the next day. Every moment is one of the window's time zone, so a window keeps its hours when clocks change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from runner.model.project import Freeze

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MIDNIGHT: Final = time()
_A_DAY: Final = timedelta(days=1)
_A_WEEK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Frozen:
    """That a window is on.

    Attributes:
        until: epoch seconds when it ends.
        text: the same for people, in the window's time zone.
    """

    until: float
    text: str
    reason: str


def fault_of(freeze: Freeze) -> str:
    """Say what is wrong with a window whose form is right; empty when nothing is."""
    try:
        zone = ZoneInfo(freeze.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"there is no time zone {freeze.timezone!r}"
    forms = [_form(text) for text in (freeze.start, freeze.until)]
    if forms[0] != forms[1]:
        return f"from is {forms[0]}, until is {forms[1]}: write both in the same form"
    if freeze.days and forms[0] != "a time of day":
        return f"days go with times of day, but from is {forms[0]}"
    try:
        if forms[0] == "a date" and _date(freeze.until, zone, is_end=True) <= _date(freeze.start, zone):
            return "until is not after from"
    except ValueError as error:
        return f"there is no such date: {error}"
    if forms[0] == "a weekday" and not _length(freeze):
        return "until is where the week began: nothing could ever be applied"
    return ""


def frozen(windows: Sequence[Freeze], now: float) -> Frozen | None:
    """Return the window that is on at a time, the one that ends last; None when there is none."""
    found = [one for window in windows if (one := _on(window, now)) is not None]
    return max(found, key=lambda one: one.until, default=None)


def _form(text: str) -> str:
    if text[:3] in DAYS:
        return "a weekday"
    return "a time of day" if text[2:3] == ":" else "a date"


def _on(window: Freeze, now: float) -> Frozen | None:
    zone = ZoneInfo(window.timezone)
    today = datetime.fromtimestamp(now, zone).date()
    for begin, end in _occurrences(window, zone, today):
        if begin.timestamp() <= now < end.timestamp():
            return Frozen(end.timestamp(), f"{end:%Y-%m-%d %H:%M} {window.timezone}", window.reason)
    return None


def _occurrences(window: Freeze, zone: ZoneInfo, today: date) -> Sequence[tuple[datetime, datetime]]:
    """Return begin and end of each time the window may be on today."""
    form = _form(window.start)
    if form == "a date":
        return [(_date(window.start, zone), _date(window.until, zone, is_end=True))]
    if form == "a weekday":
        days = [DAYS[DAYS.index(window.start[:3])]]
        first, length, back = _clock(window.start[4:]), _length(window), 8
    else:
        days = list(window.days or DAYS)
        first, back = _clock(window.start), 2
        length = (_since_midnight(_clock(window.until)) - _since_midnight(first)) % _A_DAY or _A_DAY
    begins = [today - timedelta(days=ago) for ago in range(back)]
    return [_span(day, first, length, zone) for day in begins if DAYS[day.weekday()] in days]


def _span(day: date, first: time, length: timedelta, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return a window of local time; its length is that of the clock on the wall."""
    begin = datetime.combine(day, first)
    return begin.replace(tzinfo=zone), (begin + length).replace(tzinfo=zone)


def _length(window: Freeze) -> timedelta:
    """Return how long a window of weekdays is; 0 for a whole week."""
    begin, end = (
        timedelta(days=DAYS.index(text[:3])) + _since_midnight(_clock(text[4:]))
        for text in (window.start, window.until)
    )
    return (end - begin + (timedelta() if window.until[4:] else _A_DAY)) % _A_WEEK


def _date(text: str, zone: ZoneInfo, *, is_end: bool = False) -> datetime:
    found = datetime.fromisoformat(text).replace(tzinfo=zone)
    return found + _A_DAY if is_end and len(text) == len("2026-12-24") else found


def _clock(text: str) -> time:
    return time.fromisoformat(text) if text else _MIDNIGHT


def _since_midnight(moment: time) -> timedelta:
    return timedelta(hours=moment.hour, minutes=moment.minute)
