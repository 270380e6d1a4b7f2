"""What the fault server has accepted: jobs, files, containers, and the audit by item that nobody can fool."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random


class Wrong(Exception):
    """A request that is answered with an error status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass
class Knobs:
    """How the platform behaves when no fault strikes; all times in seconds.

    Attributes:
        run_s: longest running time of a job.
        list_lag_s: a new job stays out of the listing for so long at most.
        failing, stuck: share of items that fail, and of jobs that run for ever (by the digest of their first item).
        odd_word: share of jobs that end in a word which no manifest knows.
        key_lifetime_s: how long an idempotency key is remembered.
    """

    seed: int = 1
    run_s: float = 0.3
    list_lag_s: float = 0.5
    page: int = 100
    failing: float = 0.0
    stuck: float = 0.0
    odd_word: float = 0.0
    key_lifetime_s: float = 1e9


@dataclass
class Job:
    """One accepted job."""

    id: str
    label: str | None
    items: list[tuple[str, dict]]
    created: float
    visible: float
    ends: float
    cancelled: bool = False


@dataclass
class Book:
    """Everything; lives in a process that is never killed."""

    knobs: Knobs = field(default_factory=Knobs)
    jobs: list[Job] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    containers: dict[str, dict[str, bytes]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    keys: dict[str, tuple[float, str, int]] = field(default_factory=dict)
    accepted: Counter = field(default_factory=Counter)
    requests: Counter = field(default_factory=Counter)
    offences: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = Random(self.knobs.seed)

    # -- the paying requests
    def submit(self, label: str | None, items: list[tuple[str, dict]], key: str | None = None) -> Job:
        """Accept a job; a key that is known gives the first job back."""
        body = json.dumps(items, sort_keys=True)
        known = self.keys.get(key) if key else None
        if known is not None and time.time() - known[0] < self.knobs.key_lifetime_s:
            if known[1] != body:
                self.offences.append(f"key {key} came with another body")
                raise Wrong(409, "this key came before with another body")
            return self.jobs[known[2]]
        now, number = time.time(), len(self.jobs)
        job = Job(
            f"r{number}",
            label,
            items,
            now,
            now + self.chance.uniform(0, self.knobs.list_lag_s),
            now
            + (
                1e9
                if self._share(items[0][1], "stuck") < self.knobs.stuck
                else self.chance.uniform(0, self.knobs.run_s)
            ),
        )
        self.jobs.append(job)
        if key:
            self.keys[key] = (now, body, number)
        self.accepted.update(item["id"] for _, item in items)
        return job

    def container(self, name: str) -> str:
        made = f"c{len(self.containers)}"
        self.containers[made] = {}
        self.names[made] = name
        return made

    def run(self, container: str) -> Job:
        files = self.containers.get(container)
        if not files:
            raise Wrong(422, "the container is empty or unknown")
        items = [(name, {"id": body.decode().split(" ", 1)[0], "text": body.decode()}) for name, body in files.items()]
        return self.submit(container, items)

    def lines(self, file: str, label: str) -> Job:
        if file not in self.files:
            raise Wrong(404, "no such file")
        found = [json.loads(line) for line in self.files[file].splitlines()]
        return self.submit(label, [(each["ref"], each["item"]) for each in found])

    # -- what can be asked
    def job(self, id_: str) -> Job:
        number = id_.removeprefix("r")
        if not number.isdigit() or int(number) >= len(self.jobs):
            raise Wrong(404, f"no job {id_}")
        return self.jobs[int(number)]

    def word(self, job: Job) -> str:
        if job.cancelled:
            return "cancelled"
        if time.time() < job.ends:
            return "running"
        if self._share(job.items[0][1], "odd") < self.knobs.odd_word:
            return "archived"
        if len(job.items) == 1 and self.fails(job.items[0][1]):
            return "failed"
        return "done"

    def shown(self, job: Job) -> dict:
        word, single = self.word(job), len(job.items) == 1
        shown = {
            "id": job.id,
            "label": job.label,
            "status": word,
            "created_at": job.created,
            "error": None,
            "cost": None,
        }
        if word in ("done", "failed"):
            shown["cost"] = 0.01 * len(job.items)
        if single and word == "failed":
            shown["error"] = f"item {job.items[0][1]['id']} is poisoned"
        if single and word == "done":
            shown["result"] = work(job.items[0][1])
        return shown

    def listing(self, since: float, cursor: int) -> dict:
        now = time.time()
        seen = [job for job in self.jobs if job.created >= since and job.visible <= now]
        page = seen[cursor : cursor + self.knobs.page]
        more = cursor + self.knobs.page < len(seen)
        return {"jobs": [self.shown(job) for job in page], "next": str(cursor + self.knobs.page) if more else None}

    def results(self, job: Job) -> list[dict]:
        if self.word(job) in ("running", "archived"):
            raise Wrong(409, "the job has not ended")
        if job.cancelled:
            return []
        return [self._result(ref, item) for ref, item in job.items]

    def cancel(self, job: Job) -> None:
        if self.word(job) != "running":
            raise Wrong(409, "the job has ended")
        job.cancelled = True

    def fails(self, item: dict) -> bool:
        return self._share(item, "failing") < self.knobs.failing

    def _result(self, ref: str, item: dict) -> dict:
        if self.fails(item):
            return {"ref": ref, "ok": False, "result": None, "error": f"item {item['id']} is poisoned"}
        return {"ref": ref, "ok": True, "result": work(item), "error": None}

    def _share(self, item: dict, what: str) -> float:
        """Return a number from 0 to 1 that is always the same for an item."""
        digest = hashlib.sha256(f"{self.knobs.seed} {what} {item['id']}".encode()).digest()
        return int.from_bytes(digest[:4], "big") / 2**32

    def audit(self) -> dict:
        """What the harness compares with ledger and sinks."""
        return {
            "accepted": dict(self.accepted),
            "jobs": len(self.jobs),
            "requests": dict(self.requests),
            "offences": self.offences,
            "words": dict(Counter(self.word(job) for job in self.jobs)),
        }


def work(item: dict) -> dict:
    """The work: real, and known beforehand to whoever knows the item."""
    text = item["text"]
    return {"id": item["id"], "upper": text.upper(), "sha256": hashlib.sha256(text.encode()).hexdigest()}
