"""The line of an apply at work: what gives way when the terminal is narrow."""

from collections import Counter

import pytest

from runner.cli.progress_line import line
from runner.engine.progress import Progress

BUSY = Progress(expected=1000, items=Counter(succeeded=400, failed=12), in_flight=4)
FACTS = "412/1,000 items  12 failed  4 jobs in flight  41.2/s  0:14 left"


def test_a_wide_line_has_the_whole_bar():
    assert line("invoices", BUSY, 10.0) == f"invoices  [{'█' * 9}{'·' * 15}] {FACTS}"
    assert line("invoices", BUSY, 10.0, 200) == line("invoices", BUSY, 10.0)


@pytest.mark.parametrize(
    ("width", "start"),
    [
        (100, f"invoices  [{'█' * 9}{'·' * 15}]"),
        (90, f"invoices  [{'█' * 5}{'·' * 9}]"),
        (84, "invoices  [███·····]"),
        (80, "inv…  [███·····]"),
    ],
)
def test_the_bar_gives_way_and_then_the_name(width: int, start: str):
    found = line("invoices", BUSY, 10.0, width)
    assert (found, len(found) <= width) == (f"{start} {FACTS}", True)


def test_in_eighty_columns_the_time_left_is_seen():
    progress = Progress(expected=200, items=Counter(succeeded=100), in_flight=4)
    found = line("street-scenes-of-the-north", progress, 2.0, 79)
    assert (found[-9:], found[:5], len(found)) == ("0:02 left", "stree", 79)


def test_without_a_known_end_there_is_no_bar():
    progress = Progress(items=Counter(succeeded=3))
    assert line("a-rather-long-name", progress, 1.0) == "a-rather-long-name  3 items  3.0/s"
    assert line("a-rather-long-name", progress, 1.0, 24) == "a-rathe…  3 items  3.0/s"


def test_one_is_one():
    progress = Progress(expected=1, in_flight=1, waiting_human=1)
    assert line("r", progress, 1.0).endswith("0/1 item  1 job in flight  1 job waiting for a person  0.0/s")
