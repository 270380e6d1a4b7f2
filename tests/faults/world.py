"""One project on disk, one fault server beside it, and what must be true of both in the end."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.book import work

ROOT = Path(__file__).parents[2]
MANIFESTS = Path(__file__).parent / "platforms"
LEASE_S = 2.0
"""Of the applies that are stopped for longer."""

EXITS = {0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 15, 16, 17, 130}

RECIPE = """
apiVersion: runner/v1
kind: Recipe
name: numbers
source: {source}
target: {{faulty.{form}: {{connection: faulty}}}}
run: {{items_per_job: {per_job}, max_in_flight: {in_flight}, poll: {{first: 50ms, factor: 1.5, max: 500ms}},
  same_failure_limit: 20{more}}}  # faults strike at random, the same item again and again
record: {{id: "{{{{ result.id }}}}", upper: "{{{{ result.upper }}}}", sha256: "{{{{ result.sha256 }}}}"}}
sinks:
  - jsonl: {{path: out/numbers.jsonl}}
  - csv: {{path: out/numbers.csv}}
"""

PROJECT = """
apiVersion: runner/v1
kind: Project
name: {name}
ledger: {ledger}
connections:
  faulty: {{platform: faulty, base_url: "{url}", token: {{env: FAULTY_TOKEN}}}}
"""


@dataclass
class Life:
    """One process from its start to its end."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def was_killed(self) -> bool:
        return self.code == -signal.SIGKILL


@dataclass
class Freeze:
    """A holder that was stopped past its lease, and the apply that came meanwhile; None when it ended before."""

    first: Life
    second: Life | None


@dataclass
class Ends:
    """What came of a world, by comparing audit, ledger and sinks."""

    items: int = 0
    accepted: int = 0
    twice: int = 0
    lost: int = 0
    succeeded: int = 0
    failed: int = 0
    held: int = 0
    rows: int = 0
    wrong_rows: int = 0
    jobs: int = 0
    submits: int = 0
    complaints: list[str] = field(default_factory=list)


class FaultServer:
    """The server process; it is never killed while its world lives."""

    def __init__(self, seed: int = 1, faults: float = 0.0) -> None:
        words = [sys.executable, "-m", "tests.faults.server", "--seed", str(seed), "--faults", str(faults)]
        self._process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().split()[-1]

    def audit(self) -> dict:
        return self._ask("/_audit")

    def turn(self, **values: object) -> dict:
        return self._ask("/_turn", json.dumps(values).encode())

    def close(self) -> None:
        self._ask("/_done")
        self._process.wait(20)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _ask(self, path: str, body: bytes | None = None) -> dict:
        with urllib.request.urlopen(self.url + path, body, timeout=10) as reply:
            return json.load(reply)


class World:
    """`with World(folder, form="array", items=200) as world: ...`."""

    def __init__(
        self,
        folder: Path,
        *,
        form: str,
        items: int,
        faults: float = 0.0,
        seed: int = 1,
        ledger: str = ".runner/ledger.db",
        per_job: int = 20,
        in_flight: int = 16,
        more: str = "",
    ) -> None:
        self.folder, self.form, self.seed = folder, form, seed
        self.items = [(f"n{number:05}", f"n{number:05} item {number * seed} é") for number in range(items)]
        self.server = FaultServer(seed, faults)
        self.kills = 0
        is_files = form == "container"
        source = "{files: {path: data}}" if is_files else "{jsonl: {path: data/items.jsonl, key: id}}"
        per_job = 1 if form in ("item", "found", "likely", "blind") else per_job
        self._write("data/items.jsonl" if not is_files else "", self._lines())
        if is_files:
            for key, text in self.items:
                self._write(f"data/{key}.txt", text)
        recipe = RECIPE.format(source=source, form=form, per_job=per_job, in_flight=in_flight, more=more)
        self._write("numbers.yaml", recipe)
        name = f"world-{seed}-{time.time_ns():x}"
        self._write("runner.yaml", PROJECT.format(name=name, ledger=json.dumps(ledger), url=self.server.url))
        self._write("platforms/faulty.yaml", (MANIFESTS / "faulty.yaml").read_text(encoding="utf-8"))

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.close()

    # -- lives
    def start(self, *arguments: str, **environment: str) -> subprocess.Popen:
        """Start the command; `FAULTS_...` variables make it mortal."""
        module = "tests.faults.mortal_runner" if environment else "runner"
        return subprocess.Popen(
            [sys.executable, "-m", module, *(arguments or ("apply",)), "-f", "numbers.yaml"],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "FAULTY_TOKEN": "right", "NO_COLOR": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def live(
        self, *arguments: str, kill_after_s: float | None = None, limit_s: float = 600.0, **environment: str
    ) -> Life:
        """Run the command to its end, or kill it after a while."""
        began = time.monotonic()
        process = self.start(*arguments, **environment)
        try:
            out, err = process.communicate(timeout=kill_after_s if kill_after_s is not None else limit_s)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            if kill_after_s is None:
                raise AssertionError(f"not ended within {limit_s} s:\n{out}\n{err}") from None
        life = Life(process.returncode, out, err, time.monotonic() - began)
        self.kills += life.was_killed
        assert life.was_killed or life.code in EXITS, (life.code, life.err)
        assert "Traceback" not in life.err, life.err
        return life

    def stop(
        self, until: Callable[[subprocess.Popen], None], *, kill_after_s: float | None = None, **environment: str
    ) -> Freeze:
        """Stop the holder (SIGSTOP) for longer than its lease, apply once meanwhile, and let it go on.

        Args:
            until: waits for the moment, and stops the process then unless it stops itself.
            kill_after_s: when the apply that comes meanwhile is killed.
            environment: further `FAULTS_...` variables of the holder.
        """
        lease_s = str(LEASE_S)
        self.kills += 1
        process = self.start(FAULTS_LEASE=lease_s, **environment)
        until(process)
        if not _is_stopped(process):
            out, err = process.communicate(timeout=600)
            return Freeze(Life(process.returncode, out, err, 0.0), None)
        time.sleep(LEASE_S + 0.2)
        try:
            second = self.live(kill_after_s=kill_after_s, FAULTS_LEASE=lease_s)
        finally:
            process.send_signal(signal.SIGCONT)
        out, err = process.communicate(timeout=600)
        first = Life(process.returncode, out, err, 0.0)
        assert first.code in EXITS and "Traceback" not in err, (first.code, err)
        return Freeze(first, second)

    def end(self, lives: int = 60, *, until: tuple[int, ...] = (0, 11, 15)) -> Life:
        """Apply until it says that nothing is pending any more."""
        for _ in range(lives):
            life = self.live()
            if life.code in until:
                return life
            assert life.code in (4, 14), (life.code, life.out, life.err)
        raise AssertionError(f"pending after {lives} lives:\n{life.out}\n{life.err}")

    # -- what came of it
    def facts(self) -> list[dict]:
        return [json.loads(line) for line in self.live("state", "export").out.splitlines()]

    def rows(self) -> list[dict]:
        return [json.loads(line) for line in (self.folder / "out/numbers.jsonl").read_text("utf-8").splitlines()]

    def sinks(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted((self.folder / "out").iterdir())}

    def ends(self) -> Ends:
        """Compare what the server accepted, what the ledger says and what the sinks hold."""
        audit, facts = self.server.audit(), self.facts()
        states = {fact["key"]: fact for fact in facts if fact["kind"] == "item"}
        keys = [(self._key(key), key, text) for key, text in self.items]
        accepted = Counter(audit["accepted"])
        counts = Counter(states[key]["status"] for key, _, _ in keys)
        good = [(name, text) for key, name, text in keys if states[key]["status"] == "succeeded"]
        wanted = [work({"id": name, "text": text}) for name, text in good]
        rows = self.rows() if (self.folder / "out/numbers.jsonl").exists() else []
        jobs = [fact for fact in facts if fact["kind"] == "job"]
        return Ends(
            items=len(keys),
            accepted=sum(accepted.values()),
            twice=sum(times - 1 for times in accepted.values() if times > 1),
            lost=sum(states[key]["status"] in ("new", "in_job") for key, _, _ in keys),
            succeeded=counts["succeeded"],
            failed=counts["failed"],
            held=counts["held"],
            rows=len(rows),
            wrong_rows=sum(a != b for a, b in zip(rows, wanted, strict=False)) + abs(len(rows) - len(wanted)),
            jobs=audit["jobs"],
            submits=_submits(audit["requests"]),
            complaints=[*audit["offences"], *self._complaints(states, jobs, accepted, wanted)],
        )

    def _complaints(
        self, states: Mapping[str, dict], jobs: list[dict], accepted: Counter, wanted: list[dict]
    ) -> list[str]:
        found = []
        for key, _ in self.items:
            state = states[self._key(key)]["status"]
            if state == "succeeded" and not accepted[key]:
                found.append(f"{key} succeeded but was never accepted")
            if state in ("new", "failed") and accepted[key] and not states[self._key(key)]["error"]:
                found.append(f"{key} was accepted and is {state}")
        remote = Counter(job["id"] for job in jobs if job["id"] is not None)
        found += [f"{id_} stands in {times} jobs of the ledger" for id_, times in remote.items() if times > 1]
        path = self.folder / "out/numbers.csv"
        if path.exists() and wanted:
            with path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            if [row["id"] for row in rows] != [row["id"] for row in wanted]:
                found.append("the CSV differs from what succeeded")
        left = [path.name for path in (self.folder / "out").iterdir()] if (self.folder / "out").exists() else []
        found += [f"out/{name} was left behind" for name in left if not name.startswith("numbers.")]
        return found

    def _key(self, key: str) -> str:
        return f"{key}.txt" if self.form == "container" else key

    def _lines(self) -> str:
        return "".join(json.dumps({"id": key, "text": text}, ensure_ascii=False) + "\n" for key, text in self.items)

    def _write(self, path: str, text: str) -> None:
        if path:
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.lstrip("\n"), encoding="utf-8")


def stopped(process: subprocess.Popen) -> None:
    """Wait until a process has stopped itself, or ended."""
    until = time.monotonic() + 60
    while process.poll() is None and not _is_stopped(process):
        assert time.monotonic() < until, "neither stopped nor ended"
        time.sleep(0.02)


def _is_stopped(process: subprocess.Popen) -> bool:
    try:
        stat = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] in "Tt"


def _submits(requests: Mapping[str, int]) -> int:
    paying = ("POST /jobs", "POST /batches", "POST /runs", "POST /line-batches")
    return sum(requests.get(route, 0) for route in paying)
