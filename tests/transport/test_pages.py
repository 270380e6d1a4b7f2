import pytest

from runner.model.errors import Unavailable
from runner.transport.pages import Pages, Turn


def walk(pages, turns):
    """The pages that are asked for, one for each turn, until the list ends."""
    asked = []
    for turn in turns:
        asked.append((pages.offset, pages.number, pages.cursor, pages.url))
        if not pages.go_on(turn):
            return asked
    return asked


def test_an_offset_by_step_until_a_short_page():
    asked = walk(Pages("offset", step=10, until="short"), [Turn(10), Turn(10), Turn(3), Turn(0)])
    assert [offset for offset, *_ in asked] == [0, 10, 20]


def test_an_offset_by_count_while_there_is_more():
    asked = walk(Pages("offset"), [Turn(2, True), Turn(5, True), Turn(1, False)])
    assert [offset for offset, *_ in asked] == [0, 2, 7]


def test_an_offset_that_the_platform_gives():
    asked = walk(Pages("offset"), [Turn(1, True, 500), Turn(1, True, 900), Turn(1, False, 1000)])
    assert [offset for offset, *_ in asked] == [0, 500, 900]


def test_numbers_until_an_empty_page():
    asked = walk(Pages("number", first=0, until="empty"), [Turn(3), Turn(1), Turn(0)])
    assert [number for _, number, *_ in asked] == [0, 1, 2]


@pytest.mark.parametrize("end", [None, ""])
def test_cursors_end_with_nothing(end):
    asked = walk(Pages("cursor"), [Turn(1, None, "a"), Turn(0, None, "b"), Turn(1, None, end)])
    assert [cursor for _, _, cursor, _ in asked] == [None, "a", "b"]


def test_urls_are_followed():
    asked = walk(Pages("url"), [Turn(1, None, "https://h/2"), Turn(1, None, None)])
    assert [url for *_, url in asked] == [None, "https://h/2"]


@pytest.mark.parametrize(
    ("pages", "turns"),
    [
        (Pages("offset"), [Turn(0, True)]),
        (Pages("offset", step=10), [Turn(0, True)]),
        (Pages("offset"), [Turn(5, True, 0)]),
        (Pages("number"), [Turn(0, True)]),
        (Pages("cursor"), [Turn(1, True, "a"), Turn(1, True, "b"), Turn(1, True, "a")]),
        (Pages("url"), [Turn(1, None, "https://h/2")] * 2),
        (Pages("offset", step=1, most=3), [Turn(1, True)] * 3),
    ],
)
def test_lists_that_never_end_are_errors(pages, turns):
    with pytest.raises(Unavailable):
        walk(pages, turns)
