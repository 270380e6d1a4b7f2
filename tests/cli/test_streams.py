"""What becomes of an apply whose output nobody can read: it ends in order, and nothing is in doubt."""

import os
import pty
import signal
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


@pytest.mark.parametrize("line", ["RUNNER apply -o jsonl > /dev/full 2>&1", "RUNNER apply -o jsonl 2>&1 | head -1"])
def test_when_the_errors_cannot_be_written_either_it_ends_all_the_same(project, line):
    assert apply(project, f"set -o pipefail; {line}").returncode != 0
    assert apply(project, "RUNNER status").stdout.count(" sent") == 0


@pytest.fixture
def hangs_up():
    """Let processes end with their terminal, also where these tests run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hangs_up")
def test_the_end_of_the_terminal_ends_the_apply(project):
    Shell(project, None).write("loud.yaml", RECIPE.replace("[cat]", "[sleep, '30']"))
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "runner", "apply"]
    with subprocess.Popen(
        command, cwd=project, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    ) as child:
        while not (project / ".runner/jobs").exists():
            assert child.poll() is None
            os.read(master, 4096)
        os.close(slave)
        os.close(master)
        child.send_signal(signal.SIGHUP)
        assert child.wait(20) != 0
    assert "last apply interrupted" in apply(project, "RUNNER status").stdout
