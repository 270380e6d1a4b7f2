"""The way in: what is said at once is what click would say."""

import subprocess
import sys

import click.testing
import pytest

from runner import __version__
from runner.cli import main, program


def test_the_help_at_hand_is_that_of_click():
    mend = "write it anew: python -m runner.cli.program > runner/cli/help.txt"
    assert main._at_once(["--help"]) == program.help_text(), mend
    shown = click.testing.CliRunner().invoke(program.runner, ["--help"], prog_name="runner", terminal_width=80)
    assert shown.output == program.help_text()


@pytest.mark.parametrize(
    ("columns", "is_at_hand"), [("79", False), ("80", True), ("200", True), ("0", True), ("x", True)]
)
def test_a_narrow_terminal_gets_its_own_help(monkeypatch, columns, is_at_hand):
    monkeypatch.setenv("COLUMNS", columns)
    assert (main._at_once(["-h"]) is not None) is is_at_hand


@pytest.mark.parametrize("arguments", [[], ["apply", "--help"], ["--help", "x"], ["--version", "-x"], ["validate"]])
def test_everything_else_is_said_by_click(arguments):
    assert main._at_once(arguments) is None


def test_completion_is_never_cut_short(monkeypatch):
    monkeypatch.setenv("_RUNNER_COMPLETE", "bash_source")
    assert main._at_once(["--help"]) is None


def test_help_and_version_import_no_click():
    probe = "import sys; from runner.cli.main import run; run([sys.argv[1]]); sys.exit('click' in sys.modules)"
    for option in ("--help", "--version"):
        done = subprocess.run([sys.executable, "-c", probe, option], capture_output=True, text=True, check=False)
        assert done.returncode == 0, option
        assert done.stdout.startswith(f"runner {__version__}" if option == "--version" else "Usage: runner")


def test_a_reader_that_goes_away_is_no_error():
    done = subprocess.run(
        f"{sys.executable} -m runner --help | head -c 5", shell=True, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("Usage", "")
