"""Conformance suite of targets: a test class inherits `TargetContract` and makes a target."""

from __future__ import annotations

import asyncio

from runner.model.contracts import Closing, Finding, Preparing
from runner.model.item import Item
from runner.model.job import TERMINAL, Job, JobStatus


def job(*values, key="a" * 32, sent_at=None):
    """Return a job over items of these values."""
    made = [Item(f"k{n}", n.to_bytes(16, "big"), value) for n, value in enumerate(values)]
    return Job(key, 1, made, sent_at=sent_at)


async def finished(target, job, patience_s=20.0):
    """Poll until the job is terminal, as the engine would; return its last state."""
    async with asyncio.timeout(patience_s):
        while True:
            state = await target.poll(job)
            if state.status in TERMINAL:
                return state
            await asyncio.sleep(0.005)


async def results(target, job, state):
    """Return all results of a terminal job by item key."""
    return {result.key: result async for batch in target.results(job, state) for result in batch}


async def done(target, job):
    """Do a whole job; return (last state, results by key)."""
    if isinstance(target, Preparing):
        await target.prepare(job)
    await target.submit(job)
    state = await finished(target, job)
    found = await results(target, job, state)
    if isinstance(target, Closing):
        await target.close()
    return state, found


class TargetContract:
    """Inherit, and define `make`, `value` (of an item that succeeds) and `make_failing`."""

    value: dict

    def make(self, root):
        """Return a target that succeeds with `value`."""
        raise NotImplementedError

    def make_failing(self, root):
        """Return a target whose jobs fail."""
        raise NotImplementedError

    def test_a_job_ends_with_a_result(self, tmp_path):
        state, found = asyncio.run(done(self.make(tmp_path), job(self.value)))
        assert state.status is JobStatus.SUCCEEDED
        assert not found["k0"].error

    def test_a_failed_job_says_why_and_gives_nothing(self, tmp_path):
        state, found = asyncio.run(done(self.make_failing(tmp_path), job(self.value)))
        assert (state.status, found) == (JobStatus.FAILED, {})
        assert state.error

    def test_results_can_be_fetched_again(self, tmp_path):
        async def twice():
            target, one = self.make(tmp_path), job(self.value)
            await target.submit(one)
            state = await finished(target, one)
            return await results(target, one, state), await results(target, one, state)

        first, second = asyncio.run(twice())
        assert first == second != {}

    def test_an_unknown_job_is_not_found(self, tmp_path):
        target = self.make(tmp_path)
        if isinstance(target, Finding):
            assert asyncio.run(target.find(job(self.value, key="f" * 32))) is None

    def test_a_submitted_job_is_found_by_another_process(self, tmp_path):
        async def found():
            one = job(self.value)
            submitted = await self.make(tmp_path).submit(one)
            other = self.make(tmp_path)
            again = await other.find(one) if isinstance(other, Finding) else submitted
            await finished(other, one)
            return submitted.id, again.id

        one, other = asyncio.run(found())
        assert one == other

    def test_capabilities_are_known_beforehand(self, tmp_path):
        assert self.make(tmp_path).capabilities.default_items_per_job >= 1
