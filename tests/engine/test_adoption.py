"""A remote job belongs to one job of ours: likely candidates, those that are taken, and those that may be adopted."""

import asyncio
from dataclasses import replace

import pytest

from runner.ledger.memory import MemoryLedger
from runner.model.event import JobAccepted, JobIntended, JobUnknown
from runner.model.job import Adoption, Find, JobStatus, Submitted
from runner.model.recipe import PollRhythm, RunOptions
from runner.templating import compile_template
from tests.engine.world import EXACT, SCOPE, FastClock, FindingTarget, Platform, applied, item, lose_reply, work_on

ITEMS = [item(f"i{number}") for number in range(6)]
LIKELY = replace(EXACT, find=Find.PROBABLE, complete=False)
ADOPTS = RunOptions(items_per_job=3, poll=PollRhythm(1.0, 2.0, 10.0), on_unknown_submit="find_then_adopt")
OTHER = replace(SCOPE, recipe="other")


class Alike(FindingTarget):
    """A platform whose jobs all look alike."""

    async def find_all(self, job):
        self.platform.asked["find"] += 1
        return [Submitted(remote) for remote in self.platform.jobs]


class Slow(Alike):
    """The same, and the second job is accepted long before its reply comes."""

    def __init__(self, *arguments, clock, **more):
        super().__init__(*arguments, **more)
        self.clock = clock

    async def submit(self, job):
        submitted = await super().submit(job)
        await self.clock.sleep(30.0)
        return submitted


def apply(times=1, *, run=ADOPTS, ledger=None, kind=Alike, capabilities=LIKELY, **more):
    """Apply with the first replies lost; return the report and what the ledger says of the jobs, by remote id."""
    ledger, clock = ledger or MemoryLedger(), FastClock()
    target = kind(Platform(), capabilities, lose_reply("after", times), **({"clock": clock} if kind is Slow else {}))
    report = applied(work_on(ledger, ITEMS, target, run=run, clock=clock, connection="shop", **more))

    async def rows():
        return [(row.status, row.id, row.adopted) async for row in ledger.jobs(SCOPE)]

    return report, asyncio.run(rows())


def test_what_the_ledger_knows_is_no_candidate():
    report, rows = apply(run=replace(ADOPTS, on_unknown_submit="find_then_hold"))
    assert (report.outcome, rows[0][0]) == ("held", JobStatus.HELD)
    (note,) = [note for note in report.progress.notes if "may be this job" in note]
    assert "'r1', which" in note
    assert "r2" not in note


@pytest.mark.parametrize("kind", [Alike, Slow])
def test_the_only_candidate_of_the_only_doubtful_job_is_adopted(kind):
    stores = {}
    report, rows = apply(kind=kind, stores=stores, record={"how": compile_template("{{ job.adopted }}")})
    assert (report.outcome, sorted(row[1:] for row in rows)) == ("done", [("r1", "probable"), ("r2", "")])
    assert [row.row["how"] for row in stores["rows"]] == ["probable"] * 3 + [""] * 3
    assert any(note.startswith("adopted as probable: 'r1'") for note in report.progress.notes)


def test_of_two_doubtful_jobs_none_is_adopted():
    report, rows = apply(2)
    assert (report.outcome, set(rows)) == ("held", {(JobStatus.HELD, None, Adoption.NO)})


def known(*events):
    """Make a ledger in which another recipe has a job on the same connection."""
    ledger = MemoryLedger()

    async def fill():
        lease = await ledger.acquire("other", {}, 0.0, 60.0)
        await ledger.record(OTHER, lease, [JobIntended("j", 1, [], 1.0, sent=True, connection="shop"), *events])

    asyncio.run(fill())
    return ledger


def test_a_doubtful_job_of_another_recipe_forbids_to_adopt():
    report, rows = apply(ledger=known(JobUnknown("j", 2.0, "lost")))
    assert (report.outcome, rows[0][0]) == ("held", JobStatus.HELD)
    assert any("job j of other" in note for note in report.progress.notes)


@pytest.mark.parametrize(("capabilities", "said"), [(LIKELY, "cannot|no such job"), (EXACT, "job j of other has it")])
def test_a_job_that_another_recipe_has_is_never_taken(capabilities, said):
    report, rows = apply(ledger=known(JobAccepted("j", "r1", 2.0)), capabilities=capabilities)
    assert (report.outcome, rows[0]) == ("held", (JobStatus.HELD, None, Adoption.NO))
    assert any(word in note for word in said.split("|") for note in report.progress.notes)
