"""Files of recipes: the good ones load; every bad line says itself what is wrong with it."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.recipe import shown
from tests.recipe.shop import load

RECIPES = Path(__file__).parents[1] / "recipes"
VALID = sorted((RECIPES / "valid").iterdir())
INVALID = sorted((RECIPES / "invalid").iterdir())
MARKED = re.compile(rb"# ?problem: ([a-z0-9-]+(?:, [a-z0-9-]+)*)")


def marked(path: Path) -> list[tuple[str, int, str]]:
    """Return (file, line, slug) of every problem that the files themselves announce."""
    return sorted(
        (str(file), number, slug)
        for file in (path.glob("*.yaml") if path.is_dir() else [path])
        for number, line in enumerate(file.read_bytes().split(b"\n"), 1)
        for found in MARKED.finditer(line)
        for slug in found[1].decode().split(", ")
    )


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_invalid(path: Path) -> None:
    _, problems = load(path)
    found = sorted((p.mark.file, p.mark.line, p.slug) for p in problems if p.mark is not None)
    assert found == marked(path), [str(problem) for problem in problems]
    assert found


def test_there_are_enough_bad_recipes() -> None:
    assert len(INVALID) >= 100
    assert len({slug for path in INVALID for _, _, slug in marked(path)}) >= 40


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_valid(path: Path) -> None:
    recipes, problems = load(path)
    assert problems == []
    assert [shown(recipe)["name"] for recipe in recipes]


def test_all_problems_of_all_files_at_once() -> None:
    _, problems = load(RECIPES / "invalid")
    assert {slug for path in INVALID for _, _, slug in marked(path)} <= {problem.slug for problem in problems}


TEXTS = [path.read_text() for path in VALID if path.is_file()]
WORDS = "- { } [ {{ }} {{item}} | > & *a ! % 0 null true -1 1e9 é runner/v1 where jsonl vars.month , ' # \""
PIECES = st.sampled_from(["", " ", "\n", "\t", ": ", "name: x", "needs: [all]", *WORDS.split()])


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_mutated_recipe_ends_in_an_error(tmp_path: Path, data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(TEXTS))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        text = text[:start] + data.draw(PIECES) + text[start + data.draw(st.integers(0, 12)) :]
    path = tmp_path / "r.yaml"
    path.write_text(text)
    recipes, problems = load(path)
    assert recipes or problems
