"""What becomes of an apply whose output nobody can read: it ends in order, and nothing is in doubt."""

import subprocess
import sys

import pytest

from tests.cli.shell import Shell

RECIPE = """\
apiVersion: runner/v1
kind: Recipe
name: loud
source: {jsonl: {path: in.jsonl, key: id}}
target: {command: {argv: [cat]}}
run: {items_per_job: 1}
"""


@pytest.fixture
def project(tmp_path, capsys):
    shell = Shell(tmp_path, capsys)
    shell.write("loud.yaml", RECIPE)
    shell.write("in.jsonl", "".join(f'{{"id": "k{number}"}}\n' for number in range(40)))
    return tmp_path


def apply(folder, line):
    script = line.replace("RUNNER", f"{sys.executable} -m runner")
    return subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("line", ["RUNNER apply -o jsonl > /dev/full", "RUNNER apply -o jsonl | head -1 >&2"])
def test_an_unwritable_output_ends_the_apply_in_order(project, line):
    said = apply(project, f"set -o pipefail; {line}")
    assert "standard output cannot be written" in said.stderr
    assert "fault of runner" not in said.stderr
    assert said.returncode != 0
    assert apply(project, "RUNNER status").stdout.count(" sent") == 0
    assert "40 succeeded" in apply(project, "RUNNER apply && RUNNER status").stdout


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_a_closed_stream_harms_nobody(project, closed):
    assert apply(project, f"RUNNER apply {closed}").returncode == 0
    assert "40 succeeded" in apply(project, "RUNNER status").stdout
