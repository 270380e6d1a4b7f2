"""Each promise of a manifest that is not kept is caught: a target that breaks one at a time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from runner.assembly.trial.promises import ENDS_WITHIN_S, _unlike, broken_promises
from runner.model.errors import JobLost, Refused
from runner.model.item import Batch, Item, Json, Result
from runner.model.job import Capabilities, Find, Job, JobState, JobStatus, Submitted

ITEMS = [Item(key, key.encode(), {"id": key}) for key in ("a", "b", "c")]


class Time:
    """A clock that does not wait."""

    at = 1000.0

    def now(self) -> float:
        return self.at

    monotonic = now

    async def sleep(self, delay_s: float) -> None:
        self.at += delay_s


@dataclass
class Source:
    async def read(self) -> AsyncIterator[Batch]:
        yield Batch(ITEMS)


@dataclass
class Platform:
    """A job API with a fault; its jobs run for five seconds.

    Attributes:
        fault: names the promise that is broken; empty for none.
        jobs: id to when it was made, its key, and whether it was cancelled.
    """

    clock: Time
    fault: str = ""
    find_: Find = Find.EXACT
    at_once: int | None = None
    jobs: dict[str, Mapping[str, Json]] = field(default_factory=dict)

    @property
    def capabilities(self) -> Capabilities:
        lag_s, most = 3.0, self.at_once
        return Capabilities(
            self.find_, complete=True, visible_within_s=lag_s, max_items_per_job=2, jobs_at_once=most, cancel=True
        )

    async def prepare(self, job: Job) -> Mapping[str, Json]:
        return {"url": f"/of/{job.key}"}

    async def submit(self, job: Job) -> Submitted:
        known = [name for name, made in self.jobs.items() if made["key"] == job.key]
        if known and self.fault == "refuses the key":
            raise Refused("409, it is there already")
        if known and self.fault != "forgets the key":
            return Submitted(known[0])
        name = f"j{len(self.jobs)}"
        self.jobs[name] = {"at": self.clock.at, "key": job.key, "cancelled": False}
        return Submitted(name, kept={"status_url": f"/jobs/{name}"})

    async def find(self, job: Job) -> Submitted | None:
        if self.fault == "finds strangers":
            return Submitted("j0")
        if self.fault == "finds another":
            return Submitted("other")
        lag_s = 60.0 if self.fault == "shows late" else 2.0
        shown = [name for name, made in self.jobs.items() if self.clock.at - made["at"] >= lag_s]
        return next((Submitted(name) for name in shown if self.jobs[name]["key"] == job.key), None)

    async def poll(self, job: Job) -> JobState:
        made = self.jobs.get(str(job.kept["status_url"]).removeprefix("/jobs/"))
        if made is None:
            if self.fault == "knows strangers":
                return JobState(JobStatus.RUNNING, "running")
            raise Refused("400 of an unknown job") if self.fault == "refuses strangers" else JobLost("404")
        if made["cancelled"] and self.fault not in ("cancels in vain", "never cancels", "ends at once"):
            return JobState(JobStatus.CANCELLED)
        endless = self.fault == "never ends" or (self.fault == "never cancels" and made["cancelled"])
        runs_s = 0.0 if self.fault == "ends at once" else 10 * ENDS_WITHIN_S if endless else 5.0
        is_over = self.clock.at - made["at"] >= runs_s
        return JobState(JobStatus.SUCCEEDED if is_over else JobStatus.RUNNING, reply={"done": is_over})

    async def results(self, job: Job, state: JobState) -> AsyncIterator[Sequence[Result]]:
        assert state.reply is None
        if self.fault == "loses results":
            raise Refused("404, no results")
        keys = [item.key for item in job.items]
        named = {"brings strangers": [*keys, "x"], "brings too few": keys[:1], "brings twice": [*keys, keys[0]]}
        yield [Result(key, {}) for key in named.get(self.fault, keys)]

    async def cancel(self, job: Job) -> None:
        if self.fault == "cannot cancel":
            raise Refused("405")
        self.jobs[str(job.id)] = {**self.jobs[str(job.id)], "cancelled": True}


@dataclass
class Work:
    target: Platform
    source: Source = field(default_factory=Source)


def broken(fault: str = "", find: Find = Find.EXACT, at_once: int | None = None) -> list[str]:
    clock = Time()
    work: Any = Work(Platform(clock, fault, find, at_once))
    return [each.what for each in asyncio.run(broken_promises(work, clock))]


@pytest.mark.parametrize("find", Find)
def test_a_platform_that_keeps_its_promises_breaks_none(find: Find):
    assert broken(find=find) == []


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        ("shows late", "find: job j0 is not found within 3 s"),
        ("finds another", "find: job j0 was taken for other"),
        ("knows strangers", "poll: an unknown job is said to be running"),
        ("refuses strangers", "poll: an unknown job is not said to be lost, but: 400 of an unknown job"),
        ("never ends", "job j0 has not ended within 600 s"),
        ("brings strangers", "results: 'x' is no item of the job"),
        ("brings too few", "results: there is nothing for item 'b'"),
        ("brings twice", "results: item 'a' comes 2 times"),
        ("loses results", "results: 404, no results"),
        ("cannot cancel", "cancel: 405"),
        ("cancels in vain", "cancel: job j1 went on all the same, and has succeeded"),
        ("never cancels", "cancel: job j1 still runs 600 s later"),
    ],
)
def test_a_broken_promise_is_told(fault: str, what: str):
    assert broken(fault)[0] == what


def test_a_search_that_finds_what_was_never_sent_is_told():
    assert broken("finds strangers") == ["find: a job that was never sent was taken for j0"]


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        ("forgets the key", "find: key, but the same key made a second job: j0, then j1"),
        ("refuses the key", "find: key, but the same key is refused: 409, it is there already"),
    ],
)
def test_a_key_that_is_not_remembered_is_told(fault: str, what: str):
    assert broken(fault, Find.KEY)[0] == what


def test_a_probable_search_may_be_wrong():
    assert broken("finds another", Find.PROBABLE) == []


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        ("finds another", ["find: job j0 was taken for other", "find: a job that was never sent was taken for other"]),
        ("finds strangers", ["find: a job that was never sent was taken for j0"]),
    ],
)
def test_but_not_where_one_job_goes_at_a_time_and_what_is_found_is_believed(fault: str, what: list[str]):
    assert broken(fault, Find.PROBABLE, at_once=1) == what


def test_a_job_that_ended_before_it_was_cancelled_shows_nothing():
    assert broken("ends at once") == []


@pytest.mark.parametrize(
    ("known", "form"),
    [
        ("1f0e6f2a-7a55-4f3c-9f51-0123456789ab", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        ("507f1f77bcf86cd799439011", r"[0-9a-f]{24}"),
        ("42", r"[0-9]{10}"),
        ("job-7", r"job-[0-9]{10}"),
        ("clx0street", r"clx0street[0-9a-f]{8}"),
    ],
)
def test_an_id_that_nobody_has_keeps_its_form(known: str, form: str):
    other = _unlike(known)
    assert re.fullmatch(form, other)
    assert other != known
