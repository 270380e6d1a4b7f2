import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runner.local import children
from runner.local.children import Sight

PLAIN = {"PATH": os.environ["PATH"]}
SLEEP = ("sh", "-c", "touch ready; sleep 1000")
ROOT = str(Path(__file__).resolve().parents[2])


def started(folder, *argv, pids=None):
    folder.mkdir(exist_ok=True)
    (folder / "stdin").touch()
    pid = children.start(folder, argv, folder, PLAIN)
    return pid if pids is None else pids.add(pid)


def ended(folder, patience_s=20):
    until = time.monotonic() + patience_s
    while (sight := children.look(folder)).is_alive:
        assert time.monotonic() < until
        os.sched_yield()
    return sight


def has_begun(folder, patience_s=20):
    until = time.monotonic() + patience_s
    while not (folder / "ready").exists():
        assert time.monotonic() < until
        os.sched_yield()


@pytest.mark.parametrize("code", [0, 3, 125, 255])
def test_the_exit_status_is_told(tmp_path, code):
    started(tmp_path, "sh", "-c", f"exit {code}")
    assert ended(tmp_path) == Sight(has_begun=True, is_alive=False, code=code)


@pytest.mark.parametrize("argument", ["a b", "$(id)", "`id`", "; exit 9", "'", '"', "-n", "", "*", "\n", "größe"])
def test_arguments_come_as_they_are(tmp_path, argument):
    started(tmp_path, sys.executable, "-c", "import sys, os; os.write(1, os.fsencode(sys.argv[1]))", argument)
    assert ended(tmp_path).code == 0
    assert (tmp_path / "stdout").read_bytes() == argument.encode()


def test_nothing_has_begun_in_an_empty_or_missing_folder(tmp_path):
    nothing = Sight(has_begun=False, is_alive=False)
    assert (children.look(tmp_path), children.look(tmp_path / "none")) == (nothing, nothing)


def test_a_child_that_was_killed_without_a_word_is_no_longer_alive(tmp_path):
    pid = started(tmp_path, *SLEEP)
    has_begun(tmp_path)
    os.killpg(pid, signal.SIGKILL)
    assert ended(tmp_path) == Sight(has_begun=True, is_alive=False)


def test_a_signal_reaches_the_whole_group(tmp_path):
    started(tmp_path, "sh", "-c", "trap '' TERM; sleep 1000 & touch ready; wait; wait")
    has_begun(tmp_path)
    assert children.send(tmp_path, signal.SIGTERM)
    assert children.look(tmp_path).is_alive
    children.send(tmp_path, signal.SIGKILL)
    assert not ended(tmp_path).is_alive


def test_a_number_that_belongs_to_another_gets_no_signal(tmp_path):
    other = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    (tmp_path / "pid").write_text(f"{other.pid}\n{other.pid} (sh) S {' '.join(['1'] * 40)}\n")
    assert not children.send(tmp_path, signal.SIGKILL)
    other.kill()
    assert other.wait() == -signal.SIGKILL


def test_the_child_of_a_folder_is_started_once(tmp_path):
    started(tmp_path, *SLEEP)
    with pytest.raises(BlockingIOError):
        started(tmp_path, "true")
    has_begun(tmp_path)
    children.send(tmp_path, signal.SIGKILL)
    ended(tmp_path)


def test_a_child_outlives_its_runner_and_is_found(tmp_path):
    script = f"import sys; sys.path.insert(0, {ROOT!r}); from tests.local.test_children import started, Path\n"
    script += f"started(Path({str(tmp_path)!r}), 'sh', '-c', 'while [ ! -e go ]; do :; done; exit 7')"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
    assert children.look(tmp_path) == Sight(has_begun=True, is_alive=True)
    (tmp_path / "go").touch()
    assert ended(tmp_path).code == 7


def test_ended_children_are_let_go(tmp_path):
    pids = set()
    started(tmp_path, "true", pids=pids)
    until = time.monotonic() + 20
    while pids and time.monotonic() < until:
        children.reap(pids)
    assert pids == set()


def test_a_missing_working_folder_is_an_exit_status(tmp_path):
    (tmp_path / "stdin").touch()
    children.start(tmp_path, ["true"], tmp_path / "none", PLAIN)
    assert ended(tmp_path).code == 126
