"""One local process per job.

    target: {command: {argv: [python, label.py, "{{ item.file }}"], timeout: 10m}}

Standard input is the item as JSON (of several items: one line each) with its key as `_key` and, when it is a file, the
path of a copy as `file`. The result is standard output, or with `result: file` the file `{{ job.result }}`. A job of
several items gives rows that carry the `_key`; a row with `_error` fails its item. Exit status 0 is success. The
process runs in a session of its own: it goes on when the runner dies and is found again, and it is killed with all
that it started.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from errno import E2BIG
from pathlib import Path
from typing import Final

from runner import jsontext
from runner.local import blocking, children, exchange
from runner.model.command import changes_what_runs, is_allowed
from runner.model.contracts import Expression, Place
from runner.model.duration import as_seconds
from runner.model.errors import ConfigError, ItemUnreadable, JobLost, RecipeError, Refused, StopRun, Unavailable
from runner.model.item import Json, Result
from runner.model.job import Capabilities, Find, Job, JobState, JobStatus, Submitted
from runner.paths import inside, shown

GRACE_S: Final = 5.0
KEPT_S: Final = 60.0  # a collected job keeps its folder this long: by then its results are in the ledger
ERROR_CHARACTERS: Final = 400
TAIL_BYTES: Final = 1 << 16
LOG_LINES: Final = 200  # of one question; what a job prints beyond that is in its folder only
PASSED_ON: Final = ("PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "USER", "LOGNAME", "SHELL", "VIRTUAL_ENV")


class Command:
    """Runs a program once per job."""

    @dataclass(frozen=True, slots=True)
    class Config:
        """What the recipe says; schemas/targets/command.json has the words."""

        argv: Sequence[str | Expression]
        stdin: str | Expression | None = None
        result: str = "stdout"
        format: str = "json"
        timeout: float | str | None = None
        env: Mapping[str, str | Expression] = field(default_factory=dict)
        cwd: str = "."
        progress: str = "none"
        max_result_bytes: int = 1 << 26

    def __init__(self, config: Config, place: Place) -> None:
        if not config.argv:
            raise ConfigError("command has no argv", mend="argv: [program, argument, ...]")
        _refuse_unallowed(config, place)
        if config.progress == "stdout" == config.result:
            mend = "progress: stderr, or result: file"
            raise ConfigError("command cannot print both its result and its progress on standard output", mend=mend)
        self._config = config
        self._place = place
        self._cwd = inside(place, config.cwd, write=False)
        self._timeout_s = _timeout_s(config.timeout)
        self._pids: set[int] = set()
        self._collected: deque[tuple[float, str]] = deque()
        self._logged: dict[tuple[str, str], int] = {}

    @property
    def capabilities(self) -> Capabilities:
        """Local jobs are found by their folder, without any doubt."""
        return Capabilities(find=Find.EXACT, complete=True, max_items_per_job=None, cancel=True)

    async def check(self) -> None:
        """Look for the folder and the program; see `Checked.check`."""
        first = self._config.argv[0]
        if isinstance(first, str):
            self._program(first, _environment(self._place))

    async def submit(self, job: Job) -> Submitted:
        """Start the process; see `Target.submit`. A job whose command has begun before is not started again."""
        folder = self._folder(job)
        found = await self.find(job)
        if found is not None:
            return found
        try:
            await blocking.call(_empty, folder)
            values = await exchange.hand_over(folder, job.items)
            argv, environment = self._rendered(job, folder, values)
            if job.not_after is not None and job.not_after.left_s() <= 0:
                raise Unavailable("the lease of this apply was about to end before the command was started")
            self._pids.add(await blocking.call(children.start, folder, argv, self._cwd, environment))
        except (ItemUnreadable, RecipeError, ValueError) as error:
            raise Refused(f"the command cannot be given its items: {error}") from error
        except OSError as error:
            if error.errno == E2BIG:
                raise Refused("the arguments are too long for a command", mend="use stdin or item.file") from error
            what = f"the command cannot be started in {shown(self._place, folder)}: {error.strerror}"
            raise Unavailable(what, retry_after_s=GRACE_S) from error
        return Submitted(job.key)

    async def find(self, job: Job) -> Submitted | None:
        """Look whether the job's command has begun; see `Finding.find`."""
        sight = await blocking.call(children.look, self._folder(job))
        return Submitted(job.key) if sight.has_begun else None

    async def poll(self, job: Job) -> JobState:
        """Look how the process stands, and stop it when its time is over; see `Target.poll`."""
        return await blocking.call(self._poll, job)

    async def cancel(self, job: Job) -> None:
        """Ask the process, and all that it started, to end; it is killed when it has not after 5 seconds."""
        await blocking.call(self._stop, self._folder(job), "cancelled")

    async def results(self, job: Job, state: JobState) -> AsyncIterator[Sequence[Result]]:
        """Give what the command printed or wrote; see `Target.results`. The folder of a failed job stays."""
        if state.status is not JobStatus.SUCCEEDED:
            return
        folder, form = self._found(job), self._config.format
        path = folder / "stdout" if self._config.result == "stdout" else exchange.result_path(folder, form)
        keys = [item.key for item in job.items]
        has_failed = False
        for name in ("stdout", "stderr"):
            self._logged.pop((job.key, name), None)
        async for batch in blocking.walk(exchange.hand_back(path, form, keys, self._config.max_result_bytes)):
            has_failed = has_failed or any(result.error for result in batch)
            yield batch
        if not has_failed:
            self._collected.append((self._place.clock.monotonic(), job.key))
            await blocking.call(self._tidy, self._place.clock.monotonic() - KEPT_S)

    async def close(self) -> None:
        """Remove the folders of collected jobs; what runs goes on."""
        await blocking.call(self._tidy, self._place.clock.monotonic())
        children.reap(self._pids)

    # -- starting

    def _folder(self, job: Job) -> Path:
        return self._place.state / "jobs" / job.key

    def _found(self, job: Job) -> Path:
        folder = self._folder(job)
        if not folder.is_dir():
            raise JobLost(f"the folder of job {job.key} is gone from {shown(self._place, folder.parent)}")
        return folder

    def _rendered(
        self, job: Job, folder: Path, values: Sequence[Mapping[str, Json]]
    ) -> tuple[Sequence[str], Mapping[str, str]]:
        config = self._config
        if len(values) > 1 and config.format == "text":
            raise ValueError("a text cannot be told apart by items: one item a job, or another format")
        scope: dict[str, Json] = {
            "job": {
                "key": job.key,
                "attempt": job.attempt,
                "input": str(folder / "input.jsonl"),
                "output": str(folder / "output"),
                "result": str(exchange.result_path(folder, config.format)),
                "first": values[0] if values else None,
            }
        }
        if len(values) == 1:
            scope["item"] = values[0]
        if config.stdin is None:
            (folder / "stdin").hardlink_to(folder / "input.jsonl")
        else:
            (folder / "stdin").write_bytes(_text(config.stdin, scope).encode(errors="surrogatepass"))
        environment = _environment(self._place) | {name: _text(value, scope) for name, value in config.env.items()}
        program, *arguments = (_text(part, scope) for part in config.argv)
        return [self._program(program, _environment(self._place)), *arguments], environment

    def _program(self, name: str, environment: Mapping[str, str]) -> str:
        if not self._cwd.is_dir():
            raise StopRun(
                f"the folder {self._config.cwd!r} does not exist", mend="cwd starts at the folder of runner.yaml"
            )
        found = shutil.which(str(self._cwd / name)) if "/" in name else shutil.which(name, path=environment.get("PATH"))
        if found is None:
            raise StopRun(f"there is no program {name!r}", mend="install it, or give its path from the folder cwd")
        return found

    # -- watching

    def _poll(self, job: Job) -> JobState:
        folder = self._found(job)
        state = self._state(job, folder)
        return replace(state, log=self._log(job, folder, is_over=state.is_terminal))

    def _state(self, job: Job, folder: Path) -> JobState:
        sight, stop = children.look(folder), _stop_mark(folder)
        children.reap(self._pids)
        now, began = self._place.clock.now(), job.sent_at or job.accepted_at
        if not sight.is_alive or stop.get("killed"):
            return self._ended(folder, sight, stop)
        if stop:
            if now - stop["at"] >= GRACE_S:
                self._kill(folder, stop)
            return JobState(JobStatus.RUNNING, word="stopping", poll_after_s=1.0)
        if self._timeout_s is not None and began is not None and now - began >= self._timeout_s:
            self._stop(folder, f"stopped after its timeout of {self._timeout_s:g} s")
            return JobState(JobStatus.RUNNING, word="stopping", poll_after_s=1.0)
        progress, counters = _progress(folder, self._config.progress)
        return JobState(JobStatus.RUNNING, "running", progress, counters=counters)

    def _log(self, job: Job, folder: Path, *, is_over: bool) -> Sequence[str]:
        """Return the lines that the command printed since the last question, results and progress left out."""
        lines: list[str] = []
        for name in ("stderr",) if self._config.result == "stdout" else ("stdout", "stderr"):
            start = self._logged.get((job.key, name), 0)
            text, self._logged[job.key, name] = _printed(folder / name, start, is_over=is_over)
            lines += [line for line in text.splitlines() if not _is_progress(line)]
        return lines[-LOG_LINES:]

    def _ended(self, folder: Path, sight: children.Sight, stop: Mapping[str, Json]) -> JobState:
        if stop:
            self._kill(folder, stop)  # what closed its lock and ignored the first signal
            is_cancelled = stop["why"] == "cancelled"
            status = JobStatus.CANCELLED if is_cancelled else JobStatus.FAILED
            return JobState(status, word="stopped", error=self._kept(folder, stop["why"]))
        if sight.code == 0:
            _, counters = _progress(folder, self._config.progress)
            return JobState(JobStatus.SUCCEEDED, word="exit 0", progress=1.0, counters=counters)
        how = f"exit {sight.code}" if sight.code != children.NO_EXIT else "killed"
        said = _tail(folder / "stderr").strip()[-ERROR_CHARACTERS:]
        return JobState(JobStatus.FAILED, word=how, error=self._kept(folder, f"{how}: {said}" if said else how))

    def _kept(self, folder: Path, why: str) -> str:
        return f"{why} (kept in {shown(self._place, folder)})"

    def _stop(self, folder: Path, why: str) -> None:
        if children.look(folder).is_alive and not _stop_mark(folder):
            _mark_stop(folder, {"why": why, "at": self._place.clock.now(), "killed": False})
            children.send(folder, signal.SIGTERM)

    def _kill(self, folder: Path, stop: Mapping[str, Json]) -> None:
        if not stop["killed"]:
            children.send(folder, signal.SIGKILL)
            _mark_stop(folder, {**stop, "killed": True})

    def _tidy(self, before: float) -> None:
        while self._collected and self._collected[0][0] <= before:
            shutil.rmtree(self._place.state / "jobs" / self._collected.popleft()[1], ignore_errors=True)


def _timeout_s(duration: float | str | None) -> float | None:
    try:
        return as_seconds(duration)
    except ValueError as error:
        raise ConfigError(f"timeout: {error}") from error


def _environment(place: Place) -> dict[str, str]:
    """Return the variables that every command sees."""
    given = os.environ if place.environment is None else place.environment
    return {name: value for name, value in given.items() if name in PASSED_ON or name.startswith("LC_")}


def _refuse_unallowed(config: Command.Config, place: Place) -> None:
    if place.commands is not None and not is_allowed(config.argv, place.commands):
        known = " ".join(word for word in config.argv if isinstance(word, str))
        mend = "add the beginning of its argv to runner.yaml: allow: {commands: [[program, script]]}"
        raise ConfigError(f"the project does not allow the command {known[:120]!r}", mend=mend)
    for name in config.env:
        if changes_what_runs(name):
            raise ConfigError(f"the variable {name} changes what the command runs", mend="omit it from env")


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)


def _text(part: str | Expression, scope: Mapping[str, Json]) -> str:
    value: Json = part if isinstance(part, str) else part(scope)
    if not isinstance(value, str):
        value = "" if value is None else jsontext.write(value).decode()
    if "\0" in value:
        raise ValueError("a NUL character cannot be given to a command")
    return str(value)


def _stop_mark(folder: Path) -> Mapping[str, Json]:
    try:
        mark: Mapping[str, Json] = jsontext.read((folder / "stop").read_bytes())
    except (OSError, ValueError):
        return {}
    return mark


def _mark_stop(folder: Path, mark: Mapping[str, Json]) -> None:
    beside = folder / "stop.new"
    beside.write_bytes(jsontext.write(mark))
    beside.replace(folder / "stop")


def _progress(folder: Path, where: str) -> tuple[float | None, Mapping[str, Json]]:
    """Return the last progress of the lines `{"progress": 0.4, "metadata": {...}}`, and the metadata of all of them."""
    progress: float | None = None
    metadata: dict[str, Json] = {}
    for line in _tail(folder / where).split("\n") if where != "none" else ():
        try:
            told = jsontext.read(line.encode()) if _is_progress(line) else None
        except ValueError:
            continue
        if isinstance(told, dict) and isinstance(told.get("progress"), (int, float)):
            progress = min(max(float(told["progress"]), 0.0), 1.0)
            counters = told.get("metadata")
            metadata.update(counters if isinstance(counters, dict) else {})
    return progress, metadata


def _is_progress(line: str) -> bool:
    return '"progress"' in line and line.lstrip().startswith("{")


def _printed(path: Path, start: int, *, is_over: bool) -> tuple[str, int]:
    """Return what was printed from an offset on, of a long text only the end, and where the next text begins.

    A line without its end is given only when no more will come.
    """
    try:
        with path.open("rb") as file:
            begin = max(start, path.stat().st_size - TAIL_BYTES)
            file.seek(begin)
            data = file.read(TAIL_BYTES)
    except OSError:
        return "", start
    end = len(data) if is_over else data.rfind(b"\n") + 1
    return data[:end].decode(errors="replace"), begin + end


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - TAIL_BYTES, 0))
            return file.read(TAIL_BYTES).decode(errors="replace")
    except OSError:
        return ""
