"""Comments on pull requests: the summary first, never too long, and nothing in them is more than text."""

from pathlib import Path

import pytest

from runner.assembly.status import StageStatus
from runner.cli.forms.markdown import LIMIT, apply_markdown, fold, plan_markdown, status_markdown
from runner.model.item import Rejected
from runner.model.job import Change
from runner.model.ledger import Scope
from tests.cli.forms.stages import DONE, applied, many, planned

EVIL = "\x1b[31m</pre><img src=x>|@team `x`\n\n# big\u202e"


@pytest.mark.parametrize("number", [500, 5000])
def test_a_plan_of_very_many_recipes_stays_below_the_limit_with_its_summary(tmp_path: Path, number: int):
    one = planned(tmp_path, rejections=[Rejected(f"in.jsonl:{line}", "no JSON " * 100) for line in range(20)])
    text = plan_markdown(many(one, number))
    assert text.startswith("<!-- runner:plan -->\n")
    assert f"### runner plan: {2 * number:,} items to submit in {2 * number:,} jobs" in text
    assert f"{number:,} stages, {number} with work" in text
    assert f"… and {number - 60} more" in text and "more left out" in text
    assert LIMIT - 10_000 < len(text) < LIMIT


def test_what_could_steer_is_escaped_before_the_length_is_measured(tmp_path: Path):
    one = planned(tmp_path, source_text="\x1b" * 100_000)
    assert len(plan_markdown(many(one, 500))) < LIMIT


def test_every_block_that_is_begun_is_ended(tmp_path: Path):
    text = plan_markdown(many(planned(tmp_path), 1000))
    assert text.count("<details>") == text.count("</details>") == text.count("<pre>") == text.count("</pre>") > 20


def test_nothing_to_do_is_short(tmp_path: Path):
    lines = plan_markdown([planned(tmp_path, counts=DONE)]).splitlines()
    assert lines[:2] == ["<!-- runner:plan -->", "### runner plan: nothing to do"]
    assert lines[2:] == ["", "1 stage, 0 with work; 0 items held, 0 failed earlier."]


def test_texts_of_files_and_platforms_stay_texts(tmp_path: Path):
    one = planned(tmp_path, target_text=EVIL, changes=[Change("prompt", {"text": "a"}, {"text": EVIL})])
    text = plan_markdown([one], [f"frozen: {EVIL}"])
    assert not set(text) & set("\x1b\u202e")
    assert "<img" not in text and text.count("</pre>") == 1
    assert not [line for line in text.splitlines() if line.startswith("# ")]
    assert "@team" not in text.partition("<details>")[0]


def test_each_profile_has_a_comment_of_its_own(tmp_path: Path):
    assert plan_markdown([], profile="prod").startswith("<!-- runner:plan prod -->\n### runner plan: nothing to do\n")


def test_a_note_stands_behind_the_summary(tmp_path: Path):
    lines = plan_markdown([planned(tmp_path, counts=DONE)], ["orphaned: old"]).splitlines()
    assert lines[-1] == "> orphaned: old"


def test_an_apply_of_very_many_recipes(tmp_path: Path):
    text = apply_markdown([applied(one, failures=30) for one in many(planned(tmp_path), 500)])
    assert text.startswith("<!-- runner:apply -->\n### runner apply\n")
    assert "| … and 440 more | | | |" in text
    assert LIMIT - 10_000 < len(text) < LIMIT
    assert "failed 10 more" in text


def test_a_status_of_very_many_recipes():
    scope = Scope("p", "", "r" * 100, "s" * 100)
    one = StageStatus(scope, dict.fromkeys("abcd", 10**9), {}, None, {}, (), None)
    text = status_markdown([one] * 5000)
    assert len(text) < LIMIT and ("… and 4800 more" in text or "… cut" in text)
    assert text.startswith("<!-- runner:status -->\n")


def test_the_head_is_cut_only_at_the_end_of_a_line():
    text = fold(["<!-- x -->", *("| row |" * 10 for _ in range(2000))], ["details" * 100])
    assert len(text) < LIMIT and text.endswith("… cut: too long for a comment\n\n… details of 1 more left out\n")
    assert all(len(line) in (0, 70) for line in text.splitlines()[1:-4])
