"""When nothing is applied, and until when."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from runner.model.project import Freeze
from runner.recipe import load_project
from runner.recipe.freeze import frozen

HEAD = "apiVersion: runner/v1\nkind: Project\n"
BERLIN = "Europe/Berlin"


def until(window: Freeze, at: str) -> str:
    """Return when the window ends that is on at a moment in UTC; empty when none is."""
    found = frozen([window], datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp())
    return "" if found is None else found.text


def test_dates_are_frozen_to_their_end_in_their_time_zone():
    window = Freeze("2026-12-24", "2027-01-01", "closed", timezone=BERLIN)
    assert until(window, "2026-12-23 22:59") == ""
    assert until(window, "2026-12-23 23:00") == "2027-01-02 00:00 Europe/Berlin"
    assert until(window, "2027-01-01 22:59") == "2027-01-02 00:00 Europe/Berlin"
    assert until(window, "2027-01-01 23:00") == ""


def test_a_date_with_a_time_ends_there():
    window = Freeze("2026-12-24T18:00", "2026-12-25 06:30", "closed")
    assert [until(window, f"2026-12-{at}") for at in ("24 17:59", "25 06:29", "25 06:30")] == [
        "",
        "2026-12-25 06:30 UTC",
        "",
    ]


def test_a_weekend():
    window = Freeze("fri 18:00", "mon 06:00", "nobody watches")
    for at, end in (("20 17:59", ""), ("20 18:00", "23"), ("22 12:00", "23"), ("23 05:59", "23"), ("23 06:00", "")):
        assert until(window, f"2026-11-{at}") == (f"2026-11-{end} 06:00 UTC" if end else "")


def test_weekdays_without_a_time_are_whole_days():
    window = Freeze("sat", "sun", "closed")
    assert until(window, "2026-11-20 23:59") == ""
    assert until(window, "2026-11-21 00:00") == until(window, "2026-11-22 23:59") == "2026-11-23 00:00 UTC"


def test_hours_of_working_days():
    window = Freeze("09:00", "17:00", "busy", days=["mon", "fri"])
    assert until(window, "2026-11-20 09:00") == "2026-11-20 17:00 UTC"
    assert until(window, "2026-11-20 17:00") == until(window, "2026-11-19 12:00") == ""


def test_a_night_belongs_to_the_day_on_which_it_begins():
    window = Freeze("22:00", "06:00", "backup", days=["fri"])
    assert until(window, "2026-11-21 05:59") == "2026-11-21 06:00 UTC"
    assert until(window, "2026-11-20 05:59") == until(window, "2026-11-21 22:30") == ""


def test_hours_stay_when_clocks_change():
    window = Freeze("sat 18:00", "sun 06:00", "closed", timezone=BERLIN)
    assert until(window, "2026-10-24 16:00") == "2026-10-25 06:00 Europe/Berlin"  # summer: 18:00 is 16:00 UTC
    assert until(window, "2026-10-25 04:59") == "2026-10-25 06:00 Europe/Berlin"  # winter: 06:00 is 05:00 UTC
    assert until(window, "2026-10-25 05:00") == ""


def test_of_several_windows_the_one_that_ends_last_counts():
    short, long = Freeze("sat", "sat", "short"), Freeze("2026-11-01", "2026-11-30", "long")
    found = frozen([long, short], datetime(2026, 11, 21, tzinfo=UTC).timestamp())
    assert found is not None and found.reason == "long"


@pytest.mark.parametrize(
    ("window", "slug", "what"),
    [
        ("{from: 2026-12-24, until: mon, reason: x}", "wrong-freeze", "same form"),
        ("{from: 2026-12-24, until: 2026-12-23, reason: x}", "wrong-freeze", "not after"),
        ("{from: 2026-02-30, until: 2026-03-01, reason: x}", "wrong-freeze", "no such date"),
        ("{from: mon, until: sun, reason: x}", "wrong-freeze", "nothing could ever"),
        ("{from: mon, until: tue, days: [mon], reason: x}", "wrong-freeze", "days go with"),
        ("{from: mon, until: tue, timezone: Mars/Base, reason: x}", "wrong-freeze", "no time zone 'Mars/Base'"),
        ("{from: monday, until: tue, reason: x}", "bad-pattern", "from"),
        ("{from: mon, until: tue}", "missing-field", "reason"),
    ],
)
def test_a_wrong_window_is_told_in_its_line(tmp_path: Path, window: str, slug: str, what: str):
    (tmp_path / "runner.yaml").write_text(f"{HEAD}freeze:\n  - {window}\n")
    loaded = load_project([tmp_path], profile=None, environ={})
    ((problem,), windows) = loaded.problems, loaded.project.freeze
    assert (problem.slug, problem.mark and problem.mark.line, windows) == (slug, 4, [])
    assert what in problem.what


def test_windows_of_a_profile_come_on_top(tmp_path: Path):
    text = "freeze: [{from: sat, until: sun, reason: a}]\n"
    night = "{from: '22:00', until: '06:00', days: [fri], timezone: Europe/Berlin, reason: b}"
    text += f"profiles: {{prod: {{freeze: [{night}]}}}}\n"
    (tmp_path / "runner.yaml").write_text(HEAD + text)
    plain, prod = (load_project([tmp_path], profile=name, environ={}) for name in (None, "prod"))
    assert [window.reason for window in plain.project.freeze] == ["a"]
    assert [window.reason for window in prod.project.freeze] == ["a", "b"]
    assert (prod.problems, prod.project.freeze[1].days, prod.project.freeze[1].timezone) == ([], ["fri"], BERLIN)
