"""`runner state`, `retry` and `cancel` over a finished apply; what is in flight is shown in tests/faults."""

import asyncio
import json

import pytest

from runner.ledger import open_ledger
from runner.model.event import Event, JobHeld, JobIntended
from runner.model.ledger import Scope
from runner.transport.clock import SystemClock
from tests.cli.outputs import faults
from tests.cli.shell import Shell, write_small

INVOICES = ("-f", "invoices.yaml", "--emulate")


@pytest.fixture
def applied(examples: Shell) -> Shell:
    assert examples("apply", *INVOICES).code == 0
    return examples


def jobs(shell: Shell) -> list[dict]:
    return json.loads(shell("state", "list", *INVOICES, "--all", "-o", "json").out)["jobs"]


def test_list_shows_what_is_not_at_its_end(applied: Shell):
    assert "no job is held" in applied("state", "list", *INVOICES).out
    assert [job["status"] for job in jobs(applied)] == ["succeeded"] * 4


def test_show_tells_of_items(applied: Shell):
    key = jobs(applied)[0]["job"]
    said = applied("state", "show", key[:8], *INVOICES)
    assert (said.code, said.out.count("succeeded")) == (0, 6)
    shown = json.loads(applied("state", "show", key, *INVOICES, "-o", "json").out)
    assert len(shown["item_list"]) == 5


def test_show_takes_the_key_of_an_item(applied: Shell):
    said = applied("state", "show", "paper/northwind 0803.txt", *INVOICES)
    assert (said.code, "status     succeeded, attempt 1" in said.out, "recipe     invoices" in said.out) == (
        0,
        True,
        True,
    )
    shown = json.loads(applied("state", "show", "paper/northwind 0803.txt", *INVOICES, "-o", "json").out)
    (state,) = shown["states"]
    assert (state["status"], state["job_status"], bool(state["id"])) == ("succeeded", "succeeded", True)
    assert state["job"] in {job["job"] for job in jobs(applied)}
    assert faults("item", shown) == []


def test_a_job_that_is_not_there_is_named(applied: Shell):
    said = applied("state", "show", "zz", *INVOICES)
    assert (said.code, "no item and no job 'zz'" in said.err) == (2, True)
    assert "4 jobs" in applied("state", "show", "", *INVOICES).err


def test_nothing_is_decided_about_a_finished_job(applied: Shell):
    key = jobs(applied)[0]["job"]
    assert applied("state", "adopt", key, "r1", *INVOICES).code == 2
    assert applied("state", "mark", key, "absent", *INVOICES).code == 2


def test_export_tells_everything(applied: Shell):
    facts = [json.loads(line) for line in applied("state", "export", *INVOICES).out.splitlines()]
    kinds = [fact["kind"] for fact in facts]
    assert {kind: kinds.count(kind) for kind in kinds} == {"scope": 1, "item": 20, "job": 4, "run": 1, "publication": 3}
    assert sum(len(fact["item_keys"]) for fact in facts if fact["kind"] == "job") == 20


def test_nobody_holds_the_lease(applied: Shell):
    assert "not locked" in applied("state", "unlock", *INVOICES).out


def test_there_is_nothing_to_retry_or_to_cancel(applied: Shell):
    assert applied("retry", *INVOICES).code == 0
    assert "nothing runs" in applied("cancel", *INVOICES).out


def test_retry_leaves_new_items_for_apply(examples: Shell):
    assert examples("retry", *INVOICES, "-o", "json").code == 0
    assert jobs(examples) == []
    assert examples("plan", *INVOICES, "--exit-code").code == 10


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--pair", "zz"), "--pair zz: 'zz' is not JOB=ID"),
        (("zz",), "give JOB ID, or --pair JOB=ID, or --from FILE"),
        (("zz", "r1", "--pair", "a=b"), "give JOB ID, or --pair"),
        ((), "give JOB ID"),
        (("--from", "pairs.txt"), "there is no job 'zz'"),
        (("--from", "none.txt"), "none.txt cannot be read"),
        (("--from", "invoices.yaml"), "is not JOB=ID"),
    ],
)
def test_pairs_that_cannot_be_used_are_told(applied: Shell, words, why):
    applied.write("pairs.txt", "# found by hand\n\nzz=https://host/jobs/1\n")
    said = applied("state", "adopt", *words, *INVOICES)
    assert (said.code, why in said.err) == (2, True)


def test_many_jobs_are_adopted_at_once(shell: Shell):
    write_small(shell, 1)
    (shell.folder / ".runner").mkdir()
    held = [f"{letter * 8}" for letter in "abcd"]

    async def hold() -> None:
        ledger = open_ledger(str(shell.folder / ".runner/ledger.db"), clock=SystemClock())
        lease = await ledger.acquire("t//r", {}, SystemClock().now(), 60.0)
        for job in held:
            events: list[Event] = [
                JobIntended(job, 1, [], 1.0, sent=True, connection="p@1"),
                JobHeld(job, 2.0, "a lost reply"),
            ]
            await ledger.record(Scope("t", "", "r"), lease, events)
        await ledger.release(lease)
        await ledger.close()

    asyncio.run(hold())
    shell.write("found.txt", "# from the platform's console\ncc=https://host/jobs/3\n\ndd run 4\n")
    said = shell("state", "adopt", "--pair", "aa=run-1", "--pair", "bb=run-2", "--from", "found.txt", "-f", "r.yaml")
    assert (said.code, said.out.count("run apply to continue it")) == (0, 4)
    told = json.loads(shell("state", "list", "-f", "r.yaml", "-o", "json").out)["jobs"]
    ids = ["run-1", "run-2", "https://host/jobs/3", "run 4"]
    assert [(job["id"], job["adoption"], job["connection"]) for job in told] == [(id_, "person", "p@1") for id_ in ids]
