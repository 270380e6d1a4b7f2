"""What is kept and shown of the benchmarks."""

from dataclasses import replace

import pytest

from tests.benchmarks import machine, table
from tests.benchmarks.__main__ import BEGIN, END, README, between
from tests.benchmarks.measure import AtLeast, AtMost, Figure, Row

FAST = Row("fast", "items", "a script", "items/s", Figure([1234.5], [1.0], [40.0]), Figure([200.0]), AtLeast(5), "slow")
FLAT = Row("flat", "memory", "", "MiB", Figure([310.0]), None, AtMost(300))


def test_rows_survive_being_kept(tmp_path):
    kept = {row.name: (row, "today") for row in (FAST, FLAT)}
    table.save(tmp_path / "rows.json", kept)
    assert table.load(tmp_path / "rows.json") == kept


def test_what_is_measured_again_replaces_its_group_and_the_groups_keep_their_order():
    old = {name: (replace(FAST, name=name), "long ago") for name in ("b-1", "b-2", "a-1")}
    kept = table.merged(old, "b", [replace(FAST, name="b-3")], "today", ["a", "b"])
    assert [(name, measured) for name, (_, measured) in kept.items()] == [("a-1", "long ago"), ("b-3", "today")]


def test_nothing_was_kept_at_first(tmp_path):
    assert table.load(tmp_path / "rows.json") == {}


def test_the_table_says_what_was_reached_and_what_not():
    lines = table.markdown([FAST, FLAT]).splitlines()
    assert lines[2] == "| items [1] | a script | 1,234 items/s | 200 items/s | 6.17 x | at least 5 x | yes |"
    assert lines[3] == "| memory |  | 310 MiB |  |  | at most 300 MiB | **no** |"
    assert lines[-1] == "1. slow"


@pytest.mark.parametrize(("value", "text"), [(12345.6, "12,346"), (0.1234, "0.123"), (99.94, "99.9")])
def test_figures_have_three_digits(value, text):
    assert table.number(value) == text


def test_the_machine_is_described_without_its_name():
    text = machine.description()
    assert "cores" in text
    assert machine.platform.node() not in text.split()


def test_the_tables_stand_between_their_marks():
    text = f"# Title\n\n{BEGIN}\nold\n{END}\n\nrest\n"
    once = between(text, "| new |\n")
    assert once == f"# Title\n\n{BEGIN}\n\n| new |\n\n{END}\n\nrest\n"
    assert between(once, "| new |\n") == once


def test_readme_has_a_place_for_the_tables():
    assert between(README.read_text(), "here") != README.read_text()
