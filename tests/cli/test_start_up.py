"""What must start fast imports nothing heavy."""

import subprocess
import sys
from pathlib import Path

import pytest

from runner.cli.at_once import validated

RECIPE = Path(__file__).parents[2] / "recipes/invoices.yaml"
PROBE = """
import sys
before = set(sys.modules)  # a tracer of coverage has its own
from runner.cli.main import run
code = run(sys.argv[1:])
slow = {"httpx", "httptools", "httpcore", "starlette", "uvicorn", "sqlite3", "asyncio", "jsonschema"}
heavy = slow & (set(sys.modules) - before)
sys.exit(f"{code} {sorted(heavy)}" if code or heavy else 0)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments):
    done = subprocess.run([sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_validate_imports_neither_the_http_client_nor_the_web_parts():
    probe = PROBE.replace('"sqlite3", "asyncio", "jsonschema"', '"aiohttp"')
    done = subprocess.run(
        [sys.executable, "-c", probe, "validate", "-f", str(RECIPE)], capture_output=True, text=True, check=False
    )
    assert (done.stderr, "1 recipe is valid" in done.stdout) == ("", True)


@pytest.mark.parametrize("arguments", [["-f", str(RECIPE)], ["--file", str(RECIPE)], [str(RECIPE)]])
def test_one_right_recipe_is_said_to_be_right_without_click(arguments):
    probe = "import sys; from runner.cli.main import run; run(sys.argv[1:]); sys.exit('click' in sys.modules)"
    command = [sys.executable, "-c", probe, "validate", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "1 recipe is valid\n"


@pytest.mark.parametrize("arguments", [["-f", str(RECIPE.parent)], ["-f", "none.yaml"], ["-o", "json"], ["--help"], []])
def test_everything_else_is_left_to_the_command(arguments):
    assert validated(arguments) is None


def test_a_terminal_with_colours_and_a_problem_are_left_to_the_command(monkeypatch, tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(RECIPE.read_text().replace("kind: Recipe", "kind: Recipes"))
    assert validated([str(wrong)]) is None
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert validated([str(RECIPE)]) is None
