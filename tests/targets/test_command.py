import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from runner.conformance.place import GivenExpression, given_place
from runner.conformance.target import TargetContract, done, finished, job, results
from runner.model.errors import ConfigError, ItemUnreadable, JobLost, Refused, StopRun
from runner.model.item import Item
from runner.model.job import Find, Job, JobState, JobStatus
from runner.targets.command import LOG_LINES, Command

ROOT = str(Path(__file__).resolve().parents[2])
ECHO = "import json, sys; item = json.load(sys.stdin); print(json.dumps({'got': item}))"


def python(script, *arguments):
    return [sys.executable, "-c", script, *arguments]


def command(root, argv, **options):
    return Command(Command.Config(argv, **options), given_place(root))


def template(function, names=("item",)):
    return GivenExpression(function, names=frozenset(names))


class Bytes:
    """A body that lies in memory, and breaks when asked to."""

    def __init__(self, *pieces, error=None):
        self.pieces, self.error, self.size = pieces, error, sum(map(len, pieces))

    async def chunks(self):
        for piece in self.pieces:
            yield piece
        if self.error:
            raise self.error


def file_job(body, name="a b.PDF"):
    return Job("b" * 32, 1, [Item("sub/a b.PDF", bytes(16), {"name": name}, body)])


class TestContract(TargetContract):
    value: Any = MappingProxyType({"text": "größe", "n": 2**70})

    def make(self, root):
        return command(root, python(ECHO))

    def make_failing(self, root):
        return command(root, python("raise SystemExit('no such model')"))


def test_the_item_comes_on_stdin_with_its_key(tmp_path):
    _, found = asyncio.run(done(command(tmp_path, python(ECHO)), job({"text": "größe"})))
    assert found["k0"].value == {"got": {"_key": "k0", "text": "größe"}}


def test_several_items_come_one_per_line_and_go_by_key(tmp_path):
    script = "import json, sys\nfor line in reversed(list(sys.stdin)):\n"
    script += "    item = json.loads(line); item['n'] *= 2; print(json.dumps(item))"
    _, found = asyncio.run(done(command(tmp_path, python(script), format="jsonl"), job({"n": 1}, {"n": 2}, {"n": 3})))
    assert {key: one.value for key, one in found.items()} == {"k0": {"n": 2}, "k1": {"n": 4}, "k2": {"n": 6}}


def test_an_item_without_a_row_has_failed(tmp_path):
    target = command(tmp_path, python('print(\'{"_key": "k1"}\')'), format="jsonl")
    _, found = asyncio.run(done(target, job({}, {})))
    assert (found["k0"].error, found["k1"].error) == ("no result for this item in the output", "")


def test_a_file_is_given_as_a_copy(tmp_path):
    argv = python("import sys; print(open(sys.argv[1]).read())", template(lambda scope: scope["item"]["file"]))
    _, found = asyncio.run(done(command(tmp_path, argv, format="text"), file_job(Bytes(b"one ", b"two"))))
    assert found["sub/a b.PDF"].value == {"text": "one two"}


@pytest.mark.parametrize("name", ["../../x.sh", "a\0b", "x." + "y" * 300, "/etc/passwd", ".."])
def test_no_name_chooses_the_path_of_the_copy(tmp_path, name):
    argv = python("import sys; print(sys.argv[1])", template(lambda scope: scope["item"]["file"]))
    _, found = asyncio.run(done(command(tmp_path, argv, format="text"), file_job(Bytes(b"1"), name)))
    path = Path(found["sub/a b.PDF"].value["text"])
    assert path.parent == tmp_path / ".runner/jobs" / ("b" * 32) / "items"


def test_the_result_can_come_from_a_file(tmp_path):
    script = "import sys, json; json.dump({'rows': len(list(open(sys.argv[1])))}, open(sys.argv[2], 'w'))"
    argv = python(script, template(lambda scope: scope["job"]["input"]), template(lambda scope: scope["job"]["result"]))
    _, found = asyncio.run(done(command(tmp_path, argv, result="file"), job({})))
    assert found["k0"].value == {"rows": 1}


def test_stdin_env_and_cwd_are_what_the_recipe_says(tmp_path, monkeypatch):
    monkeypatch.setenv("A_SECRET", "s3cret")
    (tmp_path / "in here").mkdir()
    script = "import os, sys, json; seen = os.environ; said = sys.stdin.read()\n"
    script += "print(json.dumps([said, os.getcwd(), seen['N'], 'A_SECRET' in seen]))"
    options = {"stdin": template(lambda scope: scope["item"]["n"]), "env": {"N": template(lambda scope: None)}}
    _, found = asyncio.run(done(command(tmp_path, python(script), cwd="in here", **options), job({"n": [1]})))
    assert found["k0"].value == ["[1]", str(tmp_path / "in here"), "", False]


def test_a_failure_tells_the_end_of_stderr_and_keeps_the_folder(tmp_path):
    script = "import sys; print('x' * 1000, 'the end', file=sys.stderr); sys.exit(3)"
    state, _ = asyncio.run(done(command(tmp_path, python(script)), job({})))
    assert state.error.startswith("exit 3: xxx")
    assert state.error.endswith(f"x the end (kept in .runner/jobs/{'a' * 32})")
    assert len(state.error) < 500


def test_the_folder_goes_when_the_results_were_fetched(tmp_path):
    asyncio.run(done(command(tmp_path, python(ECHO)), job({})))
    assert list((tmp_path / ".runner/jobs").iterdir()) == []


def test_results_with_a_failed_item_keep_the_folder(tmp_path):
    asyncio.run(done(command(tmp_path, python("print('no json')")), job({})))
    assert len(list((tmp_path / ".runner/jobs").iterdir())) == 1


@pytest.mark.parametrize("trap", ["", "trap '' TERM;"])
def test_a_timeout_ends_the_process_and_its_children(tmp_path, trap):
    argv = ["sh", "-c", f"{trap} sleep 1000 & touch ready; wait; wait"]
    target = command(tmp_path, argv, timeout="1h30m")

    async def timed_out():
        one = job({}, sent_at=target._place.clock.now())
        await target.submit(one)
        while not (tmp_path / "ready").exists():
            assert (await target.poll(one)).status is JobStatus.RUNNING
        target._place.clock.pass_s(5400)
        assert (await target.poll(one)).word == "stopping"
        target._place.clock.pass_s(5)
        return await finished(target, one)

    state = asyncio.run(timed_out())
    assert state.status is JobStatus.FAILED
    assert state.error.startswith("stopped after its timeout of 5400 s")


def test_a_cancelled_job_says_so(tmp_path):
    async def cancelled():
        target, one = command(tmp_path, ["sh", "-c", "touch ready; sleep 1000"]), job({})
        await target.submit(one)
        while not (tmp_path / "ready").exists():
            assert (await target.poll(one)).status is JobStatus.RUNNING
        await target.cancel(one)
        await target.cancel(one)
        return await finished(target, one)

    assert asyncio.run(cancelled()).status is JobStatus.CANCELLED


def test_a_job_goes_on_when_the_runner_is_killed(tmp_path):
    script = f"""import asyncio, os, signal, sys; sys.path.insert(0, {ROOT!r})
from tests.targets.test_command import *
target = command(Path({str(tmp_path)!r}), ["sh", "-c", 'while [ ! -e go ]; do :; done; echo 7'])
asyncio.run(target.submit(job({{}})))
os.kill(os.getpid(), signal.SIGKILL)"""
    assert subprocess.run([sys.executable, "-c", script], timeout=60, check=False).returncode == -signal.SIGKILL
    target = command(tmp_path, ["none"])

    async def adopted():
        found, state = await target.find(job({})), await target.poll(job({}))
        (tmp_path / "go").touch()
        return found.id, state.status, (await finished(target, job({}))).status

    assert asyncio.run(adopted()) == ("a" * 32, JobStatus.RUNNING, JobStatus.SUCCEEDED)


def test_a_job_that_began_is_not_started_again(tmp_path):
    async def twice():
        target, one = command(tmp_path, ["sh", "-c", "echo x >> count; echo 1"]), job({})
        await target.submit(one)
        await finished(target, one)
        await target.submit(one)
        return await finished(target, one)

    assert asyncio.run(twice()).status is JobStatus.SUCCEEDED
    assert (tmp_path / "count").read_text() == "x\n"


def test_what_a_crash_left_before_the_start_is_no_job(tmp_path):
    folder = tmp_path / ".runner/jobs" / ("a" * 32)
    (folder / "items").mkdir(parents=True)
    (folder / "lock").touch()
    target = command(tmp_path, python(ECHO))
    assert asyncio.run(target.find(job({}))) is None
    assert asyncio.run(done(target, job({})))[0].status is JobStatus.SUCCEEDED


async def logged(target, one):
    """Run a job to its end and return all that it logged."""
    await target.submit(one)
    lines = []
    while True:
        state = await target.poll(one)
        assert len(state.log) <= LOG_LINES
        lines += state.log
        if state.is_terminal:
            return lines, state


def test_the_log_has_every_line_once_but_no_result_and_no_progress(tmp_path):
    script = """import sys, time
for number in range(5):
    print(f'line {number}', file=sys.stderr, flush=True); time.sleep(0.02)
print('{"progress": 1, "metadata": {"accuracy": 0.9}}\\nno end', end='', file=sys.stderr)
print('{}')"""
    lines, state = asyncio.run(logged(command(tmp_path, python(script), progress="stderr"), job({})))
    assert lines == [*(f"line {number}" for number in range(5)), "no end"]
    assert (state.progress, state.counters) == (1.0, {"accuracy": 0.9})


def test_of_a_long_log_the_end_is_told(tmp_path):
    script = "import sys; [print('x' * 80, number, file=sys.stderr) for number in range(5000)]"
    lines, _ = asyncio.run(logged(command(tmp_path, python(script)), job({})))
    assert lines[-1].endswith(" 4999")


def test_progress_is_the_last_line_that_tells_it(tmp_path):
    script = """import sys, time
for line in ('{"progress": 0.1}', 'noise', '{"progress": 0.4, "metadata": {"epoch": 2}}', '{"progress": "x"}'):
    print(line, file=sys.stderr, flush=True)
while True: time.sleep(1000)"""

    async def told():
        target, one = command(tmp_path, python(script), progress="stderr"), job({})
        await target.submit(one)
        while not (state := await target.poll(one)).counters:
            assert state.status is JobStatus.RUNNING
        await target.cancel(one)
        await finished(target, one)
        return state.progress, state.counters

    assert asyncio.run(told()) == (0.4, {"epoch": 2})


@pytest.mark.parametrize(
    ("argv", "one", "error"),
    [
        (["no-such-program"], job({}), StopRun),
        (["./no-such-program"], job({}), StopRun),
        (["echo", template(lambda scope: scope["item"]["none"])], job({}), Refused),
        (["echo", template(lambda scope: scope["item"]["n"])], job({}, {}), Refused),
        (["echo", template(lambda scope: "a\0b")], job({}), Refused),
        (["echo", template(lambda scope: "x" * 3_000_000)], job({}), Refused),
        (["echo"], file_job(Bytes(b"1", error=ItemUnreadable("gone"))), Refused),
        (["echo"], job({"n": float("nan")}), Refused),
    ],
)
def test_what_cannot_be_started_was_surely_not(tmp_path, argv, one, error):
    target = command(tmp_path, argv)
    with pytest.raises(error):
        asyncio.run(target.submit(one))
    assert asyncio.run(target.find(one)) is None


def test_a_lost_folder_is_a_lost_job(tmp_path):
    target = command(tmp_path, ["true"])
    with pytest.raises(JobLost):
        asyncio.run(target.poll(job({})))
    with pytest.raises(JobLost):
        asyncio.run(results(target, job({}), JobState(JobStatus.SUCCEEDED)))


@pytest.mark.parametrize(
    "options",
    [
        {"argv": []},
        {"argv": ["a"], "timeout": "soon"},
        {"argv": ["a"], "progress": "stdout"},
        {"argv": ["a"], "cwd": ".."},
    ],
)
def test_bad_options_are_told(tmp_path, options):
    with pytest.raises(ConfigError):
        command(tmp_path, options.pop("argv"), **options)


@pytest.mark.parametrize(("timeout", "seconds"), [("90s", 90), ("1h 30m", 5400), ("500ms", 0.5), (3, 3), (None, None)])
def test_durations(tmp_path, timeout, seconds):
    assert command(tmp_path, ["a"], timeout=timeout)._timeout_s == seconds


def test_check_tells_a_missing_program(tmp_path):
    asyncio.run(command(tmp_path, ["sh"]).check())
    with pytest.raises(StopRun, match="no program 'none'"):
        asyncio.run(command(tmp_path, ["none"]).check())


def test_jobs_are_found_without_doubt(tmp_path):
    can = command(tmp_path, ["a"]).capabilities
    assert (can.find, can.complete, can.max_items_per_job, can.cancel) == (Find.EXACT, True, None, True)


def test_the_state_is_json_and_private(tmp_path):
    asyncio.run(command(tmp_path, python(ECHO)).submit(job({"n": 1})))
    folder = tmp_path / ".runner/jobs" / ("a" * 32)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert json.loads((folder / "input.jsonl").read_text()) == {"_key": "k0", "n": 1}
    asyncio.run(finished(command(tmp_path, ["none"]), job({})))
