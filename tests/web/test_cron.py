from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from runner.web.cron import Cron

BERLIN = ZoneInfo("Europe/Berlin")


def at(*when: Any, zone: ZoneInfo = BERLIN) -> float:
    return datetime(*when).replace(tzinfo=zone).timestamp()


def times(expression: str, start: float, count: int) -> list[str]:
    """Return the next times in UTC."""
    cron, found = Cron(expression, BERLIN), []
    for _ in range(count):
        start = cron.next_after(start)
        found.append(datetime.fromtimestamp(start, UTC).strftime("%d %H:%M"))
    return found


def test_a_time_that_the_clock_skips_comes_right_after_it() -> None:
    assert times("30 2 * * *", at(2026, 3, 28, 12), 2) == ["29 01:00", "30 00:30"]


def test_a_time_that_comes_twice_counts_once() -> None:
    assert times("30 2 * * *", at(2026, 10, 24, 12), 2) == ["25 00:30", "26 01:30"]


def test_every_quarter_goes_by_the_time_that_passes() -> None:
    told = times("*/15 * * * *", at(2026, 10, 25, 2, 40), 3)
    assert told == ["25 00:45", "25 01:00", "25 01:15"]


@pytest.mark.parametrize("expression", ["0 3 * * *", "*/7 * * * *", "30 2 * * *", "0 12 * * MON-FRI", "0 0 29 2 *"])
def test_the_last_time_until_a_time_is_that_time(expression: str) -> None:
    cron, now = Cron(expression, BERLIN), at(2026, 10, 24, 12, 3)
    for _ in range(20):
        before, now = now, cron.next_after(now)
        assert cron.last_until(now) == now
        assert cron.last_until(now - 0.5) <= before or before == at(2026, 10, 24, 12, 3)


def test_a_time_is_told_with_its_offset() -> None:
    assert Cron("0 3 * * *", BERLIN).text(at(2026, 7, 1, 3)) == "2026-07-01T03:00:00+02:00"


@pytest.mark.parametrize("wrong", ["", "* * * *", "* * * * * *", "60 * * * *", "@daily", "a * * * *", "0 0 31 2 *"])
def test_anything_else_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError):
        Cron(wrong, BERLIN)
