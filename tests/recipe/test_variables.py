"""Variables: typed by their declaration, wherever their value comes from."""

from pathlib import Path

import pytest

from runner.recipe.variables import parsed
from tests.recipe.shop import load_text, one


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("0123", "string", "0123"),
        ("", "string", ""),
        ("-12", "integer", -12),
        ("12", "number", 12),
        ("1.5e3", "number", 1500.0),
        ("TRUE", "boolean", True),
        ("a, b,c", "list", ["a", "b", "c"]),
        ("", "list", []),
        ('["a,b", 1]', "list", ["a,b", 1]),
    ],
)
def test_parsed(text: str, kind: str, value: object) -> None:
    found = parsed(text, kind)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1.5", "integer"),
        ("1_0", "integer"),
        ("9" * 5000, "integer"),
        ("nan", "number"),
        ("yes", "boolean"),
        ("[1", "list"),
    ],
)
def test_not_parsed(text: str, kind: str) -> None:
    with pytest.raises(ValueError, match="is n"):
        parsed(text, kind)


DECLARED = "vars: {m: {type: string, pattern: '^[0-9]+$', default: '1'}, n: {type: integer, maximum: 9, default: 1}}\n"
USED = "labels: {m: '{{ vars.m }}-{{ vars.n }}'}\n"


def test_the_command_line_wins(tmp_path: Path) -> None:
    assert one(tmp_path, DECLARED + USED, vars={"m": "42", "n": "3"}).labels == {"m": "42-3"}


@pytest.mark.parametrize(
    ("given", "slug", "said"),
    [
        ({"m": "x"}, "bad-var", "--var m does not have the right form: 'x'"),
        ({"n": "x"}, "bad-var", "--var n: 'x' is not a whole number"),
        ({"n": "10"}, "bad-var", "--var n is 10, its maximum is 9"),
        ({"o": "1"}, "unknown-var", 'no recipe declares the variable "o"'),
    ],
)
def test_a_bad_value_is_told_once(given: dict[str, str], slug: str, said: str, tmp_path: Path) -> None:
    body = "source: {jsonl: {path: a}}\ntarget: {command: {argv: [cat]}}\n"
    _, problems = load_text(tmp_path, body + DECLARED + USED, vars=given)
    assert [(problem.slug, problem.what) for problem in problems] == [(slug, said)]
    assert problems[0].mend


def test_a_default_may_come_from_the_environment(tmp_path: Path) -> None:
    text = "vars: {m: {default: \"{{ env.MONTH | default('08') }}\"}}\nlabels: {m: '{{ vars.m }}'}\n"
    (tmp_path / "runner.yaml").write_text("apiVersion: runner/v1\nkind: Project\nname: t\nenvironment: [MONTH]\n")
    assert one(tmp_path, text, environ={"MONTH": "09"}).labels == {"m": "09"}
    assert one(tmp_path, text).labels == {"m": "08"}
