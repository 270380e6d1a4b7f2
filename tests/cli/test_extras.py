"""A library of an extra is missing: the command says which, and a way to get it that works."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.shell import copy_examples

ROOT = Path(__file__).parents[2]
GONE = "raise ModuleNotFoundError(name={0!r})\n"


def run_without(library: str, folder: Path, arguments: list[str]) -> str:
    """Run a command in a folder as if a library were not installed; return all that it says."""
    hidden = folder / "hidden"
    hidden.mkdir()
    (hidden / f"{library}.py").write_text(GONE.format(library), encoding="utf-8")
    environ = {**os.environ, "PYTHONPATH": f"{hidden}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "runner", *arguments]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("library", "extra", "arguments"),
    [
        ("uvicorn", "emulate", ["emulate", "jobs"]),
        ("starlette", "emulate", ["emulate", "jobs"]),
        ("uvicorn", "emulate", ["apply", "-f", "reviews.yaml", "--emulate"]),
        ("uvicorn", "emulate", ["test", "-f", "platforms/jobs.yaml"]),
        ("starlette", "serve", ["serve", "-f", "reviews.yaml"]),
        ("cronsim", "serve", ["serve", "-f", "reviews.yaml"]),
    ],
)
def test_what_is_missing_is_told_with_its_extra(library, extra, arguments, tmp_path):
    copy_examples(tmp_path)
    said = run_without(library, tmp_path, arguments)
    assert f"need{'s' * (extra == 'serve')} a library that is not installed: {library}" in said
    assert f"pip install -e '.[{extra}]' in a checkout of runner" in said


def test_the_driver_of_postgres_is_told_with_its_extra(tmp_path):
    copy_examples(tmp_path)
    with (tmp_path / "runner.yaml").open("a", encoding="utf-8") as project:
        project.write("ledger: postgresql://127.0.0.1/none\n")
    said = run_without("psycopg", tmp_path, ["state", "list", "-f", "reviews.yaml"])
    assert "needs the driver psycopg" in said
    assert "pip install -e '.[postgres]' in a checkout of runner" in said
