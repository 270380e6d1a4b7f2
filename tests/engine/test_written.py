"""What stands in the ledger when an apply ends before its jobs do: all that the next one, and a person, must know."""

import asyncio

from runner.engine.stop import Reason, Stop
from runner.ledger.memory import MemoryLedger
from runner.model.errors import Unavailable
from runner.model.item import Result
from runner.model.job import Job, JobState, JobStatus
from runner.model.ledger import JobRow
from tests.engine.world import EXACT, SCOPE, FakeTarget, FindingTarget, Platform, applied, item, lose_reply, work_on

ITEMS = [item("i0")]


def row(ledger: MemoryLedger) -> JobRow:
    async def read() -> JobRow:
        (found,) = [row async for row in ledger.jobs(SCOPE)]
        return found

    return asyncio.run(read())


class Told(FakeTarget):
    """A platform that says only while a job runs where its results will be."""

    async def results(self, job: Job, state: JobState):
        yield [Result(each.key, {"at": job.kept["place"]}) for each in job.items]


def test_what_a_running_job_told_is_kept():
    platform, ledger, stores, stop = Platform(), MemoryLedger(), {}, Stop()

    def busy(job: Job) -> JobState:
        stop.ask(Reason.INTERRUPTED)
        return JobState(JobStatus.RUNNING, "BUSY", kept={"place": "there"})

    assert applied(work_on(ledger, ITEMS, Told(platform, state=busy)), stop).outcome == "interrupted"
    assert (row(ledger).status, row(ledger).word, row(ledger).kept) == (JobStatus.RUNNING, "BUSY", {"place": "there"})
    assert applied(work_on(ledger, ITEMS, Told(platform), stores)).outcome == "done"
    assert [record.row["at"] for record in stores["rows"]] == ["there"]


def test_a_lost_reply_is_told_as_such():
    ledger, target = MemoryLedger(), FindingTarget(Platform(), EXACT, lose_reply("after", 1))

    async def down(job: Job):
        raise Unavailable("the listing is down")

    target.find = down
    assert applied(work_on(ledger, ITEMS, target), wait_s=30.0).outcome == "pending"
    assert (row(ledger).status, row(ledger).error) == (
        JobStatus.UNKNOWN,
        "the connection was closed without a reply",
    )
