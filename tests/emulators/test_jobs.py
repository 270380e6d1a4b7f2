"""The generic job API: work, keys, lists, batches, cancel, and the audit."""

import hashlib
from typing import Any

import httpx
import pytest

from runner.emulators import create
from tests.emulators.desks import Clock, Script, talk


def jobs(script: Script, clock: Clock | None = None, **knobs: Any) -> None:
    talk(create("jobs", clock=clock or Clock(), **knobs), script)


async def submit(client: httpx.AsyncClient, text: Any, **more: Any) -> httpx.Response:
    headers = {"idempotency-key": str(more.pop("once"))} if "once" in more else {}
    return await client.post("/jobs", json={"item": {"text": text}, **more}, headers=headers)


def test_the_result_is_work_on_the_item() -> None:
    async def script(client: httpx.AsyncClient) -> None:
        posted = (await submit(client, "Zwei Wörter", key="k")).json()
        assert posted == {**posted, "key": "k", "status": "succeeded", "count": 1}
        assert "result" not in posted
        job = (await client.get(f"/jobs/{posted['id']}")).json()
        digest = hashlib.sha256('{"text":"Zwei Wörter"}'.encode()).hexdigest()
        assert job["result"] == {"text": "ZWEI WÖRTER", "words": 2, "characters": 11, "sha256": digest}

    jobs(script)


def test_a_job_runs_as_long_as_the_clock_says() -> None:
    clock = Clock()

    async def script(client: httpx.AsyncClient) -> None:
        posted = await submit(client, "a")
        path = f"/jobs/{posted.json()['id']}"
        running = await client.get(path)
        assert (posted.status_code, running.json()["status"], running.json()["result"]) == (201, "running", None)
        assert running.headers["retry-after"] == "3"
        assert (await client.get(f"{path}/results")).status_code == 409
        clock.now += 10
        done = await client.get(path)
        assert (done.json()["status"], "retry-after" in done.headers) == ("succeeded", False)

    jobs(script, clock, duration_s=10, retry_after_s=3)


def test_the_reply_to_a_post_can_hold_the_result() -> None:
    async def script(client: httpx.AsyncClient) -> None:
        assert (await submit(client, "a")).json()["result"]["text"] == "A"

    jobs(script, inline=True)


def test_the_same_idempotency_key_is_the_same_job() -> None:
    async def script(client: httpx.AsyncClient) -> None:
        first, again, other = [await submit(client, text, key="k", once="1") for text in ("a", "a", "b")]
        assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
        assert again.json() == first.json()
        assert again.headers["idempotent-replayed"] == "true"
        stats = (await client.get("/_emulator/stats")).json()
        assert (stats["submits"]["items"], stats["counts"], stats["jobs"]) == ({"k": 1}, {"replayed": 1}, 1)

    jobs(script)


def test_without_it_the_audit_shows_who_was_accepted_twice() -> None:
    async def script(client: httpx.AsyncClient) -> None:
        for key in ("a", "b", "a"):
            await submit(client, "x", key=key, once=key)
        submits = (await client.get("/_emulator/stats")).json()["submits"]
        assert (submits["items"], submits["twice_items"]) == ({"a": 2, "b": 1}, ["a"])

    jobs(script, honour_keys=False)


def test_items_without_key_are_counted_by_their_digest() -> None:
    async def script(client: httpx.AsyncClient) -> None:
        await client.post("/jobs", json={"item": {"a": 1, "b": 2}})
        await client.post("/jobs", json={"item": {"b": 2, "a": 1}})
        assert list((await client.get("/_emulator/stats")).json()["submits"]["items"].values()) == [2]

    jobs(script)


def test_jobs_are_listed_from_a_time_page_by_page() -> None:
    clock = Clock(100.0)

    async def script(client: httpx.AsyncClient) -> None:
        for key in "abcdef":
            await submit(client, "x", key=key)
            clock.now += 1
        keys, query = [], {"since": 101.5, "limit": 3}
        while query:
            page = (await client.get("/jobs", params=query)).json()
            keys.append("".join(job["key"] for job in page["jobs"]))
            query = {**query, "cursor": page["next_cursor"]} if page["next_cursor"] else {}
        assert keys == ["cde", "f"]

    jobs(script, clock)


def test_jobs_are_found_by_key_and_new_ones_appear_late() -> None:
    clock = Clock()

    async def script(client: httpx.AsyncClient) -> None:
        ids = [(await submit(client, "x", key=key)).json()["id"] for key in "aba"]
        assert (await client.get("/jobs?key=a")).json()["jobs"] == []
        clock.now += 5
        assert [job["id"] for job in (await client.get("/jobs?key=a")).json()["jobs"]] == [ids[0], ids[2]]

    jobs(script, clock, list_lag_s=5)


def test_a_batch_is_one_job_whose_results_come_in_pages() -> None:
    async def script(client: httpx.AsyncClient) -> None:
        items = [{"key": f"k{n}", "item": {"text": f"t{n}"}} for n in range(5)]
        job = (await client.post("/jobs/batch", json={"items": items})).json()
        assert (job["count"], job["status"]) == (5, "succeeded")
        first = (await client.get(f"/jobs/{job['id']}/results?limit=3")).json()
        last = (await client.get(f"/jobs/{job['id']}/results?limit=3&cursor={first['next_cursor']}")).json()
        found = [(each["key"], each["result"]["text"]) for each in first["results"] + last["results"]]
        assert found == [(f"k{n}", f"T{n}") for n in range(5)]
        assert last["next_cursor"] is None
        assert (await client.get("/_emulator/stats")).json()["submits"]["total"] == 5

    jobs(script)


def test_items_fail_by_key_by_share_or_by_what_they_are() -> None:
    async def script(client: httpx.AsyncClient) -> None:
        items = [{"key": f"k{n}", "item": {"text": n if n == 1 else f"t{n}"}} for n in range(200)]
        job = (await client.post("/jobs/batch", json={"items": items})).json()
        results = (await client.get(f"/jobs/{job['id']}/results")).json()["results"]
        again = (await client.get(f"/jobs/{job['id']}/results")).json()["results"]
        failed = {each["key"]: each["error"] for each in results if each["status"] == "failed"}
        assert results == again
        assert failed["k1"] == "text of the item is not a string"
        assert "told to fail" in failed["k0"]
        assert 20 < len(failed) < 60

    jobs(script, fail_percent=20, fail_keys=["k0"])


def test_a_failed_job_says_why() -> None:
    async def script(client: httpx.AsyncClient) -> None:
        job = (await client.get(f"/jobs/{(await submit(client, 'a')).json()['id']}")).json()
        assert (job["status"], job["result"], "told to fail" in job["error"]) == ("failed", None, True)

    jobs(script, fail_percent=100)


def test_only_a_running_job_is_cancelled() -> None:
    clock = Clock()

    async def script(client: httpx.AsyncClient) -> None:
        first, second = [(await submit(client, "a")).json()["id"] for _ in range(2)]
        assert (await client.post(f"/jobs/{first}/cancel")).json()["status"] == "cancelled"
        clock.now += 2
        assert (await client.post(f"/jobs/{second}/cancel")).status_code == 409
        assert (await client.get(f"/jobs/{first}")).json()["status"] == "cancelled"
        assert (await client.get(f"/jobs/{first}/results")).json() == {"results": [], "next_cursor": None}

    jobs(script, clock, duration_s=1)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/jobs", b"{", 400),
        ("/jobs", b"[]", 400),
        ("/jobs", b"{}", 400),
        ("/jobs", b'{"item": 1}', 400),
        ("/jobs", b'{"item": {}, "key": 1}', 400),
        ("/jobs/batch", b'{"items": []}', 400),
        ("/jobs/batch", b'{"items": [1]}', 400),
        ("/jobs/batch", b'{"items": [1, 2, 3]}', 413),
    ],
)
def test_what_is_no_job_is_refused_and_not_accepted(path: str, body: bytes, status: int) -> None:
    async def script(client: httpx.AsyncClient) -> None:
        reply = await client.post(path, content=body)
        assert (reply.status_code, list(reply.json())) == (status, ["error"])
        stats = (await client.get("/_emulator/stats")).json()
        assert (stats["submits"]["total"], stats["jobs"]) == (0, 0)

    jobs(script, max_items=2)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/jobs/7", 404),
        ("/jobs/x", 404),
        ("/jobs/job-18bcfe56800-9", 404),
        ("/jobs?since=x", 400),
        ("/jobs?limit=0", 400),
        ("/jobs?cursor=x", 400),
        ("/nothing", 404),
    ],
)
def test_what_cannot_be_read_is_refused(path: str, status: int) -> None:
    async def script(client: httpx.AsyncClient) -> None:
        reply = await client.get(path)
        assert (reply.status_code, list(reply.json())) == (status, ["error"])

    jobs(script)


def test_a_bad_token_is_401() -> None:
    async def script(client: httpx.AsyncClient) -> None:
        assert (await client.get("/jobs", headers={"authorization": "Bearer x"})).status_code == 401

    jobs(script)


def test_an_unknown_emulator_or_knob_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="known: aihub, "):
        create("nothing")
    with pytest.raises(ValueError, match=r"known: .*duration_s"):
        create("jobs", speed=1)
