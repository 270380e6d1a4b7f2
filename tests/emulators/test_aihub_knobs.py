"""The AI Hub emulator when things go otherwise: forced endings, lists, deletion, uploads, the drive."""

from typing import Any

import httpx
import pytest

from runner.emulators import create
from tests.emulators.desks import Clock, talk
from tests.emulators.papers import ACME, BETA, pdf
from tests.emulators.test_aihub import RUNS, batch_of, hub, results, run_of, values

OPEN = "/v2/batches/multipart-upload"


async def ids(client: httpx.AsyncClient, **query: Any) -> list[str]:
    reply = await client.get(RUNS, params=query)
    assert reply.status_code == 200, reply.text
    return [run["id"] for run in reply.json()["runs"]]


@pytest.mark.parametrize("force", [{"a": "FAILED"}, {"Invoice Extractor": "FAILED"}, {"*": "FAILED"}])
def test_an_ending_can_be_forced_by_file_app_or_for_all(force: dict[str, str]) -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        run = await run_of(client, await batch_of(client, a=ACME))
        shown = (await client.get(f"{RUNS}/{run}")).json()
        assert (shown["status"], "FAILED" in shown["msg"]) == ("FAILED", True)
        assert (await results(client, run))["files"] == []

    hub(script, run_s=0, force=force)


def test_a_file_that_is_not_in_the_run_forces_nothing() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        run = await run_of(client, await batch_of(client, a=ACME))
        assert (await client.get(f"{RUNS}/{run}")).json()["status"] == "COMPLETE"

    hub(script, run_s=0, force={"b": "FAILED"})


@pytest.mark.parametrize("status", ["STOPPED_AT_CHECKPOINT", "PAUSED"])
def test_a_waiting_run_has_results_and_goes_on_when_it_is_released(status: str) -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        run = await run_of(client, await batch_of(client, a=ACME))
        seen = []
        for knobs, seconds in (({}, 1), ({}, 1000), ({"release": [run]}, 0), ({}, 1)):
            clock.now += seconds
            await client.post("/_emulator/knobs", json=knobs)
            shown = (await client.get(f"{RUNS}/{run}")).json()
            seen.append((shown["status"], shown["finish_timestamp"] is not None))
        assert seen == [(status, False), (status, False), ("RUNNING", False), ("COMPLETE", True)]
        assert (await results(client, run))["review_completed"] is True

    hub(script, run_s=1, force={"*": status})


def test_a_waiting_run_goes_on_by_itself_after_the_review() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        run = await run_of(client, await batch_of(client, a=ACME))
        got = await results(client, run)
        assert (got["status"], len(got["files"]), got["review_completed"]) == ("STOPPED_AT_CHECKPOINT", 1, False)
        clock.now += 60
        assert (await client.get(f"{RUNS}/{run}")).json()["status"] == "COMPLETE"

    hub(script, run_s=0, review_s=60, force={"*": "STOPPED_AT_CHECKPOINT"})


def test_results_of_a_running_run_are_refused() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        run = await run_of(client, await batch_of(client, a=ACME))
        assert (await client.get(f"{RUNS}/{run}/results")).status_code == 409

    hub(script, run_s=9, running_results_status=409)


def test_results_can_miss_files_repeat_them_and_hold_failed_fields() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        files = (await results(client, await run_of(client, await batch_of(client, a=ACME, b=BETA, c=BETA))))["files"]
        assert [file["original_file_name"] for file in files] == ["b", "c", "c"]
        assert [values(file)[0]["vendor"] for file in files] == ["ERROR", "Beta GmbH", "Beta GmbH"]
        assert {values(file)[0]["currency"] for file in files} == {"ERROR"}

    knobs = {"missing_files": ["a"], "duplicate_files": ["c"], "error_fields": {"b": ["vendor"], "*": ["currency"]}}
    hub(script, run_s=0, **knobs)


def test_pages_can_promise_more_for_ever() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        run = await run_of(client, await batch_of(client, a=ACME, b=BETA))
        page = await results(client, run, file_offset=1)
        assert (page["files"], page["has_more"]) == ([], True)

    hub(script, run_s=0, page_size=1, stuck_pages=True)


def test_runs_are_listed_newest_first_for_a_day() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        batch = await batch_of(client)
        runs = []
        for _ in range(3):
            runs.append(await run_of(client, batch))
            clock.now += 50_000
        assert await ids(client) == runs[:1:-1]
        assert await ids(client, from_timestamp=1_700_000_000, order="ASCENDING") == runs
        assert await ids(client, from_timestamp=1_700_000_001, to_timestamp=1_700_060_000) == [runs[1]]
        assert await ids(client, from_timestamp=0, limit=1, offset=1) == [runs[1]]

    hub(script)


def test_runs_are_listed_by_filters_that_may_repeat() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        good = await run_of(client, await batch_of(client, a="x"))
        bad = await run_of(client, await batch_of(client, b="x"), app_name="Text Statistics", output_workspace="w")
        assert await ids(client, status="FAILED") == [bad]
        assert set(await ids(client, status=["FAILED", "COMPLETE"])) == {good, bad}
        assert await ids(client, app_name="Invoice Extractor") == [good]
        assert await ids(client, output_workspaces="w", username="emulator") == [bad]
        assert await ids(client, run_id=good, deployment_id="x") == []

    hub(script, run_s=0, force={"b": "FAILED"})


@pytest.mark.parametrize("query", [{"limit": "x"}, {"order": "UP"}, {"sort_by": "name"}, {"from_timestamp": "-1"}])
def test_a_list_refuses_what_it_does_not_know(query: dict[str, str]) -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        assert (await client.get(RUNS, params=query)).status_code == 400

    hub(script)


def test_a_new_run_can_stay_out_of_the_list_for_a_while() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        run = await run_of(client, await batch_of(client))
        assert await ids(client) == []
        clock.now += 30
        assert await ids(client) == [run]

    hub(script, list_lag_s=30)


def test_a_run_whose_reply_was_lost_is_found_by_its_batch() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        batch = await batch_of(client, a=ACME)
        body = {"app_name": "Invoice Extractor", "owner": "instabase", "batch_id": batch}
        assert (await client.post(RUNS, json=body)).status_code == 502
        runs = (await client.get(RUNS, params={"from_timestamp": 1_699_999_700})).json()["runs"]
        assert [run["batch_id"] for run in runs] == [batch]
        assert (await client.get("/_emulator/stats")).json()["submits"]["items"] == {"a": 1}

    hub(script, faults=[{"route": "POST /v2/apps/runs", "when": "after", "status": 502}])


def test_deleting_a_run_deletes_its_batch_unless_told_otherwise() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        batch = await batch_of(client, a=ACME)
        first, second = await run_of(client, batch), await run_of(client, batch)
        kept = await client.delete(f"{RUNS}/{first}", params={"delete_input": "false", "delete_logs": "false"})
        assert (kept.status_code, kept.json()["delete_input_dir_job_id"]) == (202, None)
        assert (await client.get(f"/v2/batches/{batch}")).status_code == 200
        gone = (await client.delete(f"{RUNS}/{second}")).json()
        assert (await client.get(f"/v2/jobs/{gone['delete_log_dir_job_id']}")).json()["state"] == "COMPLETE"
        assert (await client.get(f"/v2/batches/{batch}")).status_code == 404
        assert (await client.get(f"{RUNS}/{second}")).status_code == 404

    hub(script)


def test_units_run_out_with_403() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        batch = await batch_of(client, a="x", b="y")
        body = {"app_name": "Invoice Extractor", "owner": "instabase", "batch_id": batch}
        assert [(await client.post(RUNS, json=body)).status_code for _ in range(2)] == [200, 403]

    hub(script, units=3)


def test_too_large_and_too_many_are_refused() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        batch = await batch_of(client, a="x", b="y")
        assert (await client.put(f"/v2/batches/{batch}/files/a", content=b"123456")).status_code == 413
        body = {"batch_id": batch, "filename": "a", "file_size": 7}
        assert (await client.post(OPEN, json=body)).status_code == 413
        run = {"app_name": "Text Statistics", "batch_id": batch}
        assert (await client.post(RUNS, json=run)).status_code == 400

    hub(script, max_put_bytes=5, max_file_bytes=6, max_files_per_run=1)


def test_a_service_account_names_its_workspace() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        assert (await client.post("/v2/batches", json={"name": "b"})).status_code == 400
        assert (await client.post("/v2/batches", json={"name": "b", "workspace": "w"})).status_code == 200

    hub(script, service_account=True)


@pytest.mark.parametrize(
    ("parts", "sent", "action", "status"),
    [
        ([b"12345", b"67"], 2, "commit", 201),
        ([b"12345", b"67"], 1, "commit", 400),
        ([b"1234", b"567"], 2, "commit", 400),
        ([b"12345"], 1, "commit", 400),
        ([b"12345", b"67"], 0, "commit", 400),
        ([b"12345", b"67"], 2, "abort", 201),
        ([b"12345", b"67"], 2, "stop", 400),
    ],
)
def test_a_multipart_upload_is_committed_only_when_it_is_whole(
    parts: list, sent: int, action: str, status: int
) -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        batch = await batch_of(client)
        opened = await client.post(OPEN, json={"batch_id": batch, "filename": "a b", "file_size": 7})
        put = []
        for number, part in enumerate(parts, 1):
            reply = await client.put(f"{opened.headers['location']}/parts/{number}", content=part)
            put.append({"part_num": number, "part_id": reply.json()["part_id"]})
        closed = await client.post(opened.headers["location"], json={"action": action, "parts": put[:sent]})
        assert (opened.status_code, closed.status_code) == (201, status)
        nodes = (await client.get(f"/v2/batches/{batch}/files")).json()["nodes"]
        assert [node["metadata"]["size"] for node in nodes] == ([7] if (status, action) == (201, "commit") else [])

    hub(script, part_size=5)


def test_inputs_and_outputs_lie_on_the_drive() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        batch = (await client.post("/v2/batches", json={"name": "b"})).json()["id"]
        await client.put(f"/v2/batches/{batch}/files/a%2Fb.pdf", content=pdf(ACME, BETA))
        run = await run_of(client, batch, settings={"runtime_config": {"generate_post_process_pdf": True}})
        file = (await results(client, run, include_source_info="true"))["files"][0]
        whole = await client.get("/v2/files/" + file["input_file_path"].replace("/", "%2F").replace(" ", "%20"))
        text = await client.get("/v2/files/" + file["documents"][1]["post_processed_paths"][0])
        cut = await client.get("/v2/files/" + file["documents"][1]["post_processed_pdf_path"])
        assert (whole.content == pdf(ACME, BETA), "Beta GmbH" in text.text, cut.content[:5]) == (True, True, b"%PDF-")

    hub(script, run_s=0)


def test_the_drive_reads_ranges_writes_once_and_tells_kinds() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        path = "/v2/files/me/w/fs/d/in/a.txt"
        once = {"if-none-match": "*"}
        codes = [(await client.put(path, content=b"0123456789", headers=h)).status_code for h in (once, once, {})]
        assert codes == [201, 412, 204]
        part = await client.get(path, headers={"range": "bytes=2-4"})
        assert (part.status_code, part.content) == (206, b"234")
        assert (await client.get(path, headers={"range": "bytes=99-"})).status_code == 416
        head, folder = await client.head(path), await client.head("/v2/files/me/w/fs/d/in")
        assert (head.headers["content-length"], folder.headers["content-type"]) == ("10", "application/json")
        assert (await client.delete(path)).status_code == 202
        assert (await client.get(path)).status_code == 404

    hub(script)


def test_a_folder_of_the_drive_can_be_run() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        await client.put("/v2/files/me/in/a.txt", content=ACME.encode())
        body = {"app_name": "Invoice Extractor", "owner": "instabase", "input_dir": "me/in"}
        got = await results(client, (await client.post(RUNS, json=body)).json()["id"])
        assert (got["batch_id"], values(got["files"][0])[0]["vendor"]) == (None, "Acme Tools Ltd")

    hub(script, run_s=0)


def test_custom_keys_and_tags_come_back() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        settings = {"tags": ["t"], "keys": {"custom": {"k": [1]}, "secret": {"s": "alias"}}}
        run = await run_of(client, await batch_of(client), settings=settings)
        assert (await client.get(f"{RUNS}/{run}")).json()["tags"] == ["t"]
        assert (await results(client, run))["keys"] == {"custom": {"k": [1]}}

    hub(script, run_s=0)


def test_ids_of_a_later_emulator_are_others() -> None:
    seen: list[tuple[int, str]] = []

    async def script(client: httpx.AsyncClient) -> None:
        batch = await batch_of(client)
        seen.append((batch, await run_of(client, batch)))

    for now in (5.0, 5.0, 6.0):
        talk(create("aihub", clock=Clock(now)), script)
    assert seen[0] == seen[1]
    assert not {*seen[0]} & {*seen[2]}
