"""What reaches a terminal."""

import json
import sys
from io import StringIO

import pytest

from runner.cli.console import draw, erase, err, one_line, out, out_json, paint, row, safe
from runner.model.problem import Mark, Problem

HOSTILE = "a\x1b[2J\x1b[31mred\x07\r\x9b1mb\u202ec"


def test_what_could_steer_a_terminal_is_shown_as_an_escape():
    assert safe(HOSTILE) == "a\\x1b[2J\\x1b[31mred\\x07\\x0d\\x9b1mb\\u202ec"


def test_texts_of_all_languages_stay():
    text = "Straße, 日本語, שלום, 👩\u200d👧, tab\tand\nline"
    assert safe(text) == text


def test_only_our_own_styles_are_styles(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("FORCE_COLOR", "1")
    out(paint("done", "good") + " \x1b[32mdone")
    err(paint("no", "bad"))
    assert capsys.readouterr() == ("\x1b[32mdone\x1b[0m \\x1b[32mdone\n", "\x1b[31mno\x1b[0m\n")


def test_no_colours_where_nobody_looks(monkeypatch: pytest.MonkeyPatch):
    assert paint("done", "good") == "done"
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    assert paint("done", "good") == "done"


def test_a_row_stays_one_row():
    assert row("failed", "t1: boom\nitems      9 succeeded") == "  failed     t1: boom\\nitems      9 succeeded"


def test_how_to_mend_stays_behind_what_is_wrong_in_one_row():
    problem = Problem("wrong-type", "no text", Mark("r.yaml", 4, 2), "write a text\nand save")
    said = "r.yaml:4:2: error[wrong-type]: no text; mend: write a text\\nand save"
    assert one_line(str(problem)) == said


def test_json_keeps_every_character_and_shows_none_that_steers(capsys: pytest.CaptureFixture[str]):
    document = {"text": HOSTILE, "half": "\ud800", "é": 1}
    out_json(document, indent=None)
    said = capsys.readouterr().out
    assert json.loads(said) == document
    assert not set(said) & set("\x1b\x07\x9b\u202e\ud800") and "é" in said


def test_json_has_no_nan(capsys: pytest.CaptureFixture[str]):
    out_json({"loss": float("nan"), "steps": [1.5, float("inf")]}, indent=None)
    assert capsys.readouterr().out == '{"loss": null, "steps": [1.5, null]}\n'


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def looked_at(monkeypatch: pytest.MonkeyPatch, made: StringIO) -> StringIO:
    """Take the place of standard error; not by a fixture: pytest sets it anew for the test itself."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stderr", made)
    return made


def test_a_line_is_drawn_and_erased(monkeypatch: pytest.MonkeyPatch):
    terminal = looked_at(monkeypatch, Terminal())
    draw("a\x07 now")
    erase()
    erase()
    assert terminal.getvalue() == "\r\x1b[Ka\\x07 now\r\x1b[K"


def test_a_note_does_not_stand_behind_the_line_that_is_drawn(monkeypatch: pytest.MonkeyPatch):
    terminal = looked_at(monkeypatch, Terminal())
    draw("r  [███·····] 3/10 items")
    err("SIGINT: no further job is submitted; run it again to go on")
    err("second")
    told = terminal.getvalue().split("\r\x1b[K")[-1]
    assert told == "SIGINT: no further job is submitted; run it again to go on\nsecond\n"


def test_nothing_is_drawn_where_nobody_looks(monkeypatch: pytest.MonkeyPatch):
    pipe = looked_at(monkeypatch, StringIO())
    draw("now")
    erase()
    assert pipe.getvalue() == ""
