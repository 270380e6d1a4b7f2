"""How long to wait before the same step is tried again: a pure rule."""

from __future__ import annotations

MAX_TRIES = 8
FIRST_S = 0.5
MAX_S = 60.0


def backoff_s(tries: int, chance: float, asked_s: float | None) -> float | None:
    """Return the delay before try number `tries + 1`, or None when it is time to give up.

    Args:
        tries: failed tries so far, at least 1.
        chance: 0.0 to 1.0, handed in; spreads the delay over its upper half so that callers do not march in step.
        asked_s: `Retry-After` of the platform; it is never undercut.
    """
    if tries >= MAX_TRIES:
        return None
    top = min(MAX_S, FIRST_S * 2.0 ** (tries - 1))
    return float(max(top * (0.5 + chance / 2), asked_s or 0.0))
