import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from runner.model.redact import REDACTOR
from tests.web.place import WAIT, Client, asked, lines, served, until, write

Work = Callable[[Client], Awaitable[Any]]


def run(folder: Path, work: Work, script: str = "cat", **more: Any) -> Any:
    """Serve a folder with one recipe and work on it."""
    write(folder, script)

    async def done() -> Any:
        async with served(folder, **more) as client:
            return await work(client)

    return asyncio.run(done())


async def get(client: Client, path: str, **headers: str) -> httpx.Response:
    return await client.http.get(path, headers=headers)


def test_runs_are_listed_newest_first_and_filtered(tmp_path: Path) -> None:
    async def listed(client: Client) -> list[list[str]]:
        for number in range(3):
            await client.train(asked(f"run-{number}"))
            await client.ended()
        told = []
        for query in ("", "?limit=2", "?status=ended&recipe=train", "?status=waiting", "?recipe=other"):
            runs = (await get(client, f"/api/runs{query}")).json()["runs"]
            told.append([run["trigger"]["values"]["modelRunId"] for run in runs])
        return told

    every = ["run-2", "run-1", "run-0"]
    assert run(tmp_path, listed) == [every, every[:2], every, [], []]


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=1001", "limit=x", "limit=", "status=x", "limit=²"])
def test_a_wrong_question_is_told(tmp_path: Path, query: str) -> None:
    reply = run(tmp_path, lambda client: get(client, f"/api/runs?{query}"))
    assert (reply.status_code, list(reply.json())) == (422, ["detail"])


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/api/runs/none", 404),
        ("GET", "/api/runs/none/events", 404),
        ("POST", "/api/runs/none/cancel", 404),
        ("GET", "/api/runs/", 404),
        ("GET", "/nothing", 404),
        ("POST", "/api/runs", 405),
        ("GET", "/model_run", 405),
        ("GET", "/api/runs/none/cancel", 405),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/", 200),
        ("GET", "/api/recipes", 200),
        ("GET", "/api/openapi.json", 200),
    ],
)
def test_paths(tmp_path: Path, method: str, path: str, code: int) -> None:
    reply = run(tmp_path, lambda client: client.http.request(method, path))
    assert reply.status_code == code
    assert code == 200 or list(reply.json()) == ["detail"]


def test_a_run_shows_how_far_it_is(tmp_path: Path) -> None:
    script = 'echo "{\\"progress\\": 0.25, \\"metadata\\": {\\"epoch\\": 3}}" >&2; ' + WAIT

    async def looked(client: Client) -> dict[str, Any]:
        await client.train(asked())
        (entry,) = client.service.queue.entries()
        await until(lambda: "progress" in client.service.logs.get(entry.id, is_over=False).latest, client)
        return (await get(client, f"/api/runs/{entry.id}")).json()

    told = run(tmp_path, looked, script)
    assert (told["status"], told["progress"], told["metadata"]) == ("running", 0.25, {"epoch": 3})
    assert told["ended_at"] is None


def events(text: str) -> list[dict[str, Any]]:
    """Return the events of a stream: id, event and data of each."""
    blocks = [dict(line.split(": ", 1) for line in block.splitlines()) for block in text.strip().split("\n\n")]
    return [{**block, "data": json.loads(block["data"])} for block in blocks if "data" in block]


def test_events_come_while_it_runs_and_end_with_it(tmp_path: Path) -> None:
    async def followed(client: Client) -> tuple[httpx.Response, list[str]]:
        await client.train(asked())
        (entry,) = client.service.queue.entries()
        following = asyncio.create_task(get(client, f"/api/runs/{entry.id}/events"))
        await until(lambda: bool(lines(tmp_path / "started")), client)
        (tmp_path / "go").touch()
        return await following, lines(tmp_path / f".runner/serve/runs/{entry.id}.jsonl")

    reply, kept = run(tmp_path, followed, WAIT)
    told = events(reply.text)
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert [event["data"] for event in told[:-1]] == [json.loads(line) for line in kept]
    assert [int(event["id"]) for event in told[:-1]] == list(range(1, len(kept) + 1))
    assert (told[-1]["event"], told[-1]["data"]["outcome"]) == ("end", "done")


def test_who_lost_the_stream_goes_on_where_he_was(tmp_path: Path) -> None:
    async def again(client: Client) -> list[str]:
        await client.train(asked())
        (entry, *_) = await client.ended()
        path = f"/api/runs/{entry['id']}/events"
        return [(await get(client, path, **headers)).text for headers in ({}, {"Last-Event-ID": "3"})]

    whole, rest = run(tmp_path, again)
    assert whole.endswith(rest)
    assert rest.startswith("id: 4\n")


def test_a_run_that_has_ended_cannot_be_cancelled(tmp_path: Path) -> None:
    async def cancelled(client: Client) -> httpx.Response:
        await client.train(asked())
        (entry,) = await client.ended()
        return await client.http.post(f"/api/runs/{entry['id']}/cancel")

    reply = run(tmp_path, cancelled)
    assert (reply.status_code, reply.json()["detail"]) == (409, "the run has ended: done")


GUARDED = ["/", "/metrics", "/api/openapi.json", "/api/recipes", "/api/runs", "/api/runs/x", "/api/runs/x/events"]


@pytest.mark.parametrize("path", GUARDED)
def test_a_token_guards_everything_but_the_hooks(tmp_path: Path, path: str) -> None:
    async def tried(client: Client) -> list[int]:
        given = [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer s3same"}]
        return [(await get(client, path, **headers)).status_code for headers in given]

    without, wrong, right = run(tmp_path, tried, api_token="api")
    assert (without, wrong) == (401, 401)
    assert right in (200, 404)


def test_what_a_proxy_forwards_needs_a_token(tmp_path: Path) -> None:
    forwarded = {"X-Forwarded-For": "203.0.113.7"}
    codes = run(tmp_path, lambda client: get(client, "/api/runs", **forwarded)).status_code
    assert codes == 403


def test_no_secret_is_in_any_answer(tmp_path: Path) -> None:
    async def everything(client: Client) -> str:
        await client.train(asked())
        await client.ended()
        return "".join([(await get(client, path)).text for path in GUARDED])

    text = run(tmp_path, everything)
    assert "sesame" not in text
    assert "s3same" not in text


def test_a_secret_that_is_known_is_in_no_answer_and_no_log(tmp_path: Path) -> None:
    REDACTOR.add("c4n4ry-s3cr3t")

    async def everything(client: Client) -> str:
        await client.train(asked("run-c4n4ry-s3cr3t"))
        await client.ended()
        (one,) = (await get(client, "/api/runs")).json()["runs"]
        paths = ["/api/runs", f"/api/runs/{one['id']}", f"/api/runs/{one['id']}/events", "/", "/metrics"]
        return "".join([(await get(client, path)).text for path in paths])

    text = run(tmp_path, everything, "echo c4n4ry-s3cr3t >&2; exit 3")
    logs = b"".join(path.read_bytes() for path in (tmp_path / ".runner/serve").rglob("*") if path.is_file())
    assert ("c4n4ry" in text, b"c4n4ry" in logs, "***" in text) == (False, False, True)


def test_a_service_that_ends_takes_no_order_and_says_so(tmp_path: Path) -> None:
    async def ending(client: Client) -> list[int]:
        await client.service.stop()
        replies = [await client.train(asked()), await get(client, "/readyz"), await get(client, "/healthz")]
        return [reply.status_code for reply in replies]

    assert run(tmp_path, ending) == [503, 503, 200]


def test_a_queue_that_cannot_be_written_takes_no_order(tmp_path: Path) -> None:
    async def broken(client: Client) -> list[int]:
        client.service.queue._journal.fault = "no disk"
        return [(await client.train(asked())).status_code, (await get(client, "/readyz")).status_code]

    assert run(tmp_path, broken) == [503, 503]


def test_a_lone_surrogate_can_be_listed(tmp_path: Path) -> None:
    async def listed(client: Client) -> list[int]:
        await client.hook(b'{"lone": "\\ud800"}')
        await client.ended()
        return [(await get(client, path)).status_code for path in ("/api/runs", "/")]

    assert run(tmp_path, listed) == [200, 200]
