"""Every recipe of the repository runs without an account, and the second time there is nothing to do."""

import pytest

from runner.documents import read
from tests.cli.shell import EXAMPLES, Shell

FAILING = {"support-intent-v6.yaml": 12}
"""Recipes that show a gate which stays shut, with their exit code."""

RECIPES = [
    path.name
    for path in sorted(EXAMPLES.glob("*.yaml"))
    if isinstance(value := read(path).value, dict) and value.get("kind") == "Recipe" and not value.get("triggers")
]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_runs_and_again_does_nothing(examples: Shell, name: str):
    expected = FAILING.get(name, 0)
    first = examples("apply", "-f", name, "--emulate")
    assert first.code == expected, first.out + first.err
    again = examples("apply", "-f", name, "--emulate")
    assert again.code == expected, again.out + again.err
    assert expected or "nothing to do" in again.out


def test_all_of_them_are_valid_together(examples: Shell):
    said = examples("validate", "-f", ".")
    assert said.code == 0, said.err
