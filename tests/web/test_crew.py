"""How runs are performed: in which order, what makes one wait, try again, end."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from runner.engine.lease import take, this_process
from runner.transport.clock import SystemClock
from runner.web.crew import Manners
from runner.web.entry import Order
from tests.assembly.test_halting import alive
from tests.web.place import WAIT, asked, lines, served, until, write
from tests.web.training import SECRET, desk, environ, replace_training, write_example


class HastyClock(SystemClock):
    """The real time, but nobody has the patience to wait for long."""

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(min(delay_s, 0.02))


def has(folder: Path, id_: str, text: str) -> bool:
    """Whether the log of a run holds a text."""
    return any(text in line for line in lines(folder / f".runner/serve/runs/{id_}.jsonl"))


def test_runs_of_one_recipe_wait_for_each_other_and_others_do_not(tmp_path: Path) -> None:
    write(tmp_path, WAIT)
    write(tmp_path, WAIT, triggers="  - webhook: {path: /hooks/other, secret: shop}", name="other")

    async def seen() -> list[tuple[str, str]]:
        async with served(tmp_path) as client:
            for run in ("run-1", "run-2"):
                await client.train(asked(run))
            await client.hook(b"{}", "/hooks/other")
            await until(lambda: len(lines(tmp_path / "pids")) == 2, client)
            told = [(run["recipe"], run["status"]) for run in await client.runs()]
            (tmp_path / "go").touch()
            await client.ended()
            return told

    assert asyncio.run(seen()) == [("other", "running"), ("train", "waiting"), ("train", "running")]
    assert sorted(lines(tmp_path / "started")) == ["", "run-1", "run-2"]


def test_no_more_than_so_many_at_once(tmp_path: Path) -> None:
    write(tmp_path, WAIT)
    write(tmp_path, WAIT, triggers="  - webhook: {path: /hooks/other, secret: shop}", name="other")

    async def seen() -> list[str]:
        async with served(tmp_path, manners=Manners(at_once=1)) as client:
            await client.hook(b"{}")
            await client.hook(b"{}", "/hooks/other")
            await until(lambda: bool(lines(tmp_path / "pids")), client)
            return [run["status"] for run in await client.runs()]

    assert asyncio.run(seen()) == ["waiting", "running"]


def test_begin_and_end_are_said(tmp_path: Path) -> None:
    write(tmp_path, "echo no luck >&2; exit 1")
    said: list[str] = []

    async def seen() -> str:
        async with served(tmp_path, manners=Manners(say=said.append)) as client:
            await client.train(asked())
            return (await client.ended())[0]["id"]

    id_ = asyncio.run(seen())
    assert said[0] == f"train {id_} begins, started by labelbox.model_run"
    assert said[1].startswith(f"train {id_} failed_items: exit 1: no luck")


def test_a_recipe_that_somebody_applies_is_waited_for(tmp_path: Path) -> None:
    write(tmp_path)

    async def seen() -> list[dict[str, Any]]:
        async with served(tmp_path, HastyClock()) as client:
            session = client.service._session
            ledger = await session.ledger()
            lease = await take(ledger, session.lease_name(session.recipes[0]), this_process({}), session.clock)
            await client.train(asked())
            (run,) = await client.runs()
            await until(lambda: has(tmp_path, run["id"], "run_waits"), client)
            await ledger.release(lease())
            return await client.ended()

    assert [run["outcome"] for run in asyncio.run(seen())] == ["done"]


def test_a_platform_that_is_down_for_a_while_costs_no_run(tmp_path: Path) -> None:
    write_example(tmp_path)
    replace_training(tmp_path, """sed 's/.*"_key":"\\([^"]*\\)".*/{"_key": "\\1", "predictions": []}/' "$1" > "$2"\n""")

    async def seen() -> list[dict[str, Any]]:
        async with desk() as labelbox, served(tmp_path, HastyClock(), environ=environ(labelbox.url)) as client:
            await labelbox.turn(faults=[{"route": "POST /graphql", "status": 503, "times": 12}])
            await client.train(asked(labelbox.run, "ticket_topic"))
            return await client.ended()

    assert [(run["outcome"], run["error"]) for run in asyncio.run(seen())] == [("done", None)]


def test_one_that_stays_down_ends_the_run(tmp_path: Path) -> None:
    write_example(tmp_path)

    async def seen() -> list[dict[str, Any]]:
        async with desk() as labelbox, served(tmp_path, HastyClock(), environ=environ(labelbox.url)) as client:
            await labelbox.turn(faults=[{"route": "POST /graphql", "status": 503, "times": None}])
            await client.train(asked(labelbox.run, "ticket_topic"))
            return await client.ended()

    (run,) = asyncio.run(seen())
    assert run["outcome"] == "stopped"
    assert "503" in run["error"]


def test_a_login_that_is_refused_ends_the_run_at_once(tmp_path: Path) -> None:
    write_example(tmp_path)

    async def seen() -> list[dict[str, Any]]:
        async with desk() as labelbox:
            refused = {**environ(labelbox.url), "LABELBOX_API_KEY": "wrong"}
            async with served(tmp_path, environ=refused) as client:
                await client.train(asked(labelbox.run, "ticket_topic"))
                return await client.ended()

    (run,) = asyncio.run(seen())
    assert run["outcome"] == "error"
    assert SECRET not in run["error"]


def test_a_disk_that_was_full_for_a_while_costs_no_run(tmp_path: Path) -> None:
    write(tmp_path)

    async def seen() -> tuple[str, list[dict[str, Any]]]:
        async with served(tmp_path, manners=Manners(rest_s=0.2)) as client:
            await client.service.queue.accept(Order("train", "webhook", "k"))
            client.service.queue._journal.fault = "the disk is full"
            client.service.crew.wake()
            await until(lambda: bool(client.service.crew.fault), client)
            told = (await client.http.get("/readyz")).text
            client.service.queue._journal.fault = ""
            await until(lambda: not client.service.queue.open_count, client)
            return told, await client.runs()

    told, runs = asyncio.run(seen())
    assert told == "the disk is full\n"
    assert [run["outcome"] for run in runs] == ["done"]


def test_a_recipe_that_is_gone_or_broken_ends_its_run(tmp_path: Path) -> None:
    write(tmp_path)

    async def seen(change: str) -> dict[str, Any]:
        async with served(tmp_path) as client:
            (tmp_path / "train.yaml").write_text(change)
            await client.train(asked(str(len(change))))
            return (await client.ended())[0]

    text = (tmp_path / "train.yaml").read_text()
    gone = asyncio.run(seen(text.replace("name: train", "name: other")))
    assert (gone["outcome"], gone["error"]) == ("error", "there is no recipe 'train' any more")
    (tmp_path / "train.yaml").write_text(text)
    broken = asyncio.run(seen(text.replace("trigger.modelRunId | default('')", "trigger.nothing")))
    assert broken["outcome"] == "error"
    assert "train.yaml:" in broken["error"]


def test_a_change_of_the_recipe_counts_from_the_next_run_on(tmp_path: Path) -> None:
    write(tmp_path)

    async def seen() -> None:
        async with served(tmp_path) as client:
            await client.train(asked("run-1"))
            await client.ended()
            path = tmp_path / "train.yaml"
            path.write_text(path.read_text().replace('RUN: "{{', 'RUN: "new {{'))
            await client.train(asked("run-2"))
            await client.ended()

    asyncio.run(seen())
    assert lines(tmp_path / "started") == ["run-1", "new run-2"]


@pytest.mark.parametrize("running", [True, False])
def test_a_cancelled_run_ends_its_training_and_never_starts_again(tmp_path: Path, running: bool) -> None:
    write(tmp_path, WAIT)

    async def seen() -> list[dict[str, Any]]:
        async with served(tmp_path) as client:
            for run in ("run-1", "run-2"):
                await client.train(asked(run))
            await until(lambda: bool(lines(tmp_path / "pids")), client)
            chosen = (await client.runs())[int(running)]
            reply = await client.http.post(f"/api/runs/{chosen['id']}/cancel")
            assert (reply.status_code, reply.json()["id"]) == (202, chosen["id"])
            (tmp_path / "go").touch()
            return await client.ended()

    told = {run["trigger"]["values"]["modelRunId"]: run["outcome"] for run in asyncio.run(seen())}
    cancelled, other = ("run-1", "run-2") if running else ("run-2", "run-1")
    assert (told[cancelled], told[other]) == ("cancelled", "done")
    assert alive(tmp_path) == []


def test_a_cancelled_run_can_be_asked_for_again(tmp_path: Path) -> None:
    write(tmp_path, WAIT)

    async def seen() -> list[str]:
        async with served(tmp_path) as client:
            await client.train(asked())
            await until(lambda: bool(lines(tmp_path / "pids")), client)
            (run,) = await client.runs()
            await client.http.post(f"/api/runs/{run['id']}/cancel")
            await client.ended()
            (tmp_path / "go").touch()
            await client.train(asked())
            return [run["outcome"] for run in await client.ended()]

    assert asyncio.run(seen()) == ["done", "cancelled"]
    assert len(lines(tmp_path / "out/train.jsonl")) == 2


def test_the_ledger_knows_which_request_an_apply_came_from(tmp_path: Path) -> None:
    write(tmp_path)

    async def seen() -> str:
        async with served(tmp_path) as client:
            await client.train(asked())
            return (await client.ended())[0]["id"]

    run = asyncio.run(seen())
    with sqlite3.connect(tmp_path / ".runner/ledger.db") as ledger:
        (holder,) = next(ledger.execute("SELECT holder FROM run"))
    ledger.close()
    assert run in (holder if isinstance(holder, str) else bytes(holder).decode())
