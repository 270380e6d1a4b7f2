"""How a plan shows what it would change on the platform."""

from runner.cli.change_text import change_lines
from runner.model.job import Change


def told(change):
    return [f"{name}|{text}" for name, text in change_lines(change)]


def test_a_new_thing_shows_all_its_fields():
    assert told(Change("version 'b' of prompt 1", None, {"model": "gpt-4.1-mini"})) == [
        "changes|version 'b' of prompt 1: new",
        "|  model: gpt-4.1-mini",
    ]


def test_a_changed_text_shows_the_lines_that_differ():
    before, after = {"text": "Route it.\na: x\nb: y\nc: z"}, {"text": "Route it.\na: x\nb: y, q\nc: z"}
    assert told(Change("version 3", before, after)) == [
        "changes|version 3: changed",
        "|  text:",
        "|     a: x",
        "|    -b: y",
        "|    +b: y, q",
        "|     c: z",
    ]


def test_a_changed_value_stands_in_one_line():
    assert told(Change("version 3", {"few": 0, "model": "a"}, {"few": 3, "model": "b"}))[1:] == [
        "|  few: 0 -> 3",
        "|  model: a -> b",
    ]
