"""What a platform says about its limits in headers: how long to wait before the next request.

Source: RFC 9110 section 10.2.3 (Retry-After); IETF draft-ietf-httpapi-ratelimit-headers-07 and -09 (RateLimit-*);
platform.openai.com "Rate limits" (x-ratelimit-reset-requests, retry-after-ms), read 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

from runner.model.duration import parse_duration

ALL: Final = frozenset({"retry-after", "ratelimit", "x-ratelimit"})

_FAMILIES: Final = ("retry-after", "ratelimit", "x-ratelimit")
_EPOCH: Final = 1e8  # a "reset" above three years is a time of day, not a delay
_DRAFT: Final = re.compile(r"(?:^|[;,])\s*(remaining|reset|r|t)=(\d+)", re.IGNORECASE)


def wait_s(headers: Mapping[str, str], now: float, honour: frozenset[str] = ALL) -> float | None:
    """Return how many seconds nobody should ask, None when the headers do not say.

    Args:
        headers: names in lower case.
        now: epoch seconds.
        honour: which families to believe, a subset of `ALL`.
    """
    for name in headers:
        if name.startswith(_FAMILIES):
            break
    else:
        return None  # the usual reply, and this is asked of every one
    waits = []
    if "retry-after" in honour:
        waits.append(retry_after_s(headers, now))
    if "ratelimit" in honour:
        waits.append(_combined(headers))
        waits.append(_used_up(headers, "ratelimit-", now))
    if "x-ratelimit" in honour:
        waits.append(_used_up(headers, "x-ratelimit-", now))
    known = [wait for wait in waits if wait is not None]
    return max(known) if known else None


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """Read retry-after-ms, or Retry-After in seconds or as a date (measured against the server's own Date)."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after")
    if text is None:
        return None
    seconds = _number(text)
    if seconds is not None:
        return seconds
    at, there = date_s(text), date_s(headers.get("date", ""))
    return None if at is None else max(0.0, at - (there if there is not None else now))


def _used_up(headers: Mapping[str, str], prefix: str, now: float) -> float | None:
    """Return when a quota begins anew, if nothing of it remains."""
    found = []
    for suffix in ("", "-requests", "-tokens"):
        remaining = _number(headers.get(f"{prefix}remaining{suffix}"))
        if remaining is not None and remaining <= 0:
            found.append(_delay(headers.get(f"{prefix}reset{suffix}"), now))
    known = [wait for wait in found if wait is not None]
    return max(known) if known else None


def _combined(headers: Mapping[str, str]) -> float | None:
    values = {name.lower(): int(value) for name, value in _DRAFT.findall(headers.get("ratelimit", ""))}
    remaining, reset = values.get("remaining", values.get("r")), values.get("reset", values.get("t"))
    return float(reset) if remaining == 0 and reset is not None else None


def _delay(text: str | None, now: float) -> float | None:
    number = _number(text)
    if number is not None:
        return max(0.0, number - now) if number > _EPOCH else number
    if not text:
        return None
    try:
        return parse_duration(text)
    except ValueError:
        return None


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < 1e12 else None


def date_s(text: str) -> float | None:
    """Return the epoch seconds of an HTTP date; None when it is none."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
