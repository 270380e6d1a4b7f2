"""The AI Hub emulator on the wire: codes, ids, units, paging, filters and knobs."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from runner.emulators import create
from runner.emulators.aihub.apps import DEPLOYMENTS
from tests.emulators.desks import Clock, talk
from tests.emulators.papers import ACME, BETA

RUNS = "/v2/apps/runs"
Script = Callable[[httpx.AsyncClient, Clock], Awaitable[None]]


def hub(script: Script, **knobs: Any) -> None:
    """Run a script against a new emulator and its clock."""
    clock = Clock()
    talk(create("aihub", clock=clock, **knobs), lambda client: script(client, clock))


async def batch_of(client: httpx.AsyncClient, **files: str) -> int:
    batch = (await client.post("/v2/batches", json={"name": "b"})).json()["id"]
    for name, content in files.items():
        assert (await client.put(f"/v2/batches/{batch}/files/{name}", content=content.encode())).status_code == 204
    return int(batch)


async def run_of(client: httpx.AsyncClient, batch: int, **more: Any) -> str:
    body = {"app_name": "Invoice Extractor", "owner": "instabase", "batch_id": batch, **more}
    reply = await client.post(RUNS, json=body)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["id"])


async def results(client: httpx.AsyncClient, run: str, **query: Any) -> dict[str, Any]:
    reply = await client.get(f"{RUNS}/{run}/results", params=query)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def values(file: dict) -> list[dict[str, str]]:
    return [{field["field_name"]: field["value"] for field in each["fields"]} for each in file["documents"]]


def test_a_run_goes_from_running_to_complete_by_the_clock_in_nanoseconds() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        run = await run_of(client, await batch_of(client, a=ACME))
        running = (await client.get(f"{RUNS}/{run}")).json()
        assert (running["status"], running["finish_timestamp"]) == ("RUNNING", None)
        clock.now += 11
        done = (await client.get(f"{RUNS}/{run}")).json()
        assert (done["status"], done["msg"]) == ("COMPLETE", None)
        assert done["start_timestamp"] == 1_700_000_000_000_000_000
        assert done["finish_timestamp"] - done["start_timestamp"] == 11_000_000_000

    hub(script, run_s=10, file_s=1)


def test_results_hold_what_stands_in_the_files() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        batch = await batch_of(client, b=BETA, a=ACME + "\f" + BETA)
        got = await results(client, await run_of(client, batch))
        assert (got["batch_id"], got["status"], got["has_more"]) == (str(batch), "COMPLETE", False)
        assert [file["original_file_name"] for file in got["files"]] == ["a", "b"]
        assert [each["invoice_number"] for each in values(got["files"][0])] == ["INV-2025-001", "B-77"]
        assert values(got["files"][1])[0]["total_amount"] == "1234.50"
        assert got["files"][0]["input_file_path"].endswith("/input/a")

    hub(script, run_s=0)


def test_batch_ids_are_numbers_in_runs_and_texts_in_results() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        batch = await batch_of(client)
        run = await run_of(client, batch)
        assert (await client.get(f"{RUNS}/{run}")).json()["batch_id"] == batch
        assert (await results(client, run))["batch_id"] == str(batch)

    hub(script, run_s=0)


def test_files_are_frozen_when_a_run_starts_and_the_batch_runs_again() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        batch = await batch_of(client, a=ACME, gone=BETA)
        first = await run_of(client, batch)
        await client.put(f"/v2/batches/{batch}/files/a", content=BETA.encode())
        assert (await client.delete(f"/v2/batches/{batch}/files/gone")).status_code == 202
        second = await run_of(client, batch)
        old, new = (await results(client, first))["files"], (await results(client, second))["files"]
        assert first != second
        assert ([len(old), values(old[0])[0]["vendor"]]) == [2, "Acme Tools Ltd"]
        assert ([len(new), values(new[0])[0]["vendor"]]) == [1, "Beta GmbH"]

    hub(script, run_s=0)


@pytest.mark.parametrize("name", ["a b.pdf", "a/b.txt", "ü.txt", "100%.txt", "a%2Fb", "x?y#z", "+", "日本.txt"])
def test_odd_names_come_back_as_they_were(name: str) -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        batch = await batch_of(client)
        sent = "".join(f"%{byte:02X}" for byte in name.encode())
        assert (await client.put(f"/v2/batches/{batch}/files/{sent}", content=b"x")).status_code == 204
        nodes = (await client.get(f"/v2/batches/{batch}/files")).json()["nodes"]
        assert [node["name"] for node in nodes] == [name]
        got = await results(client, await run_of(client, batch))
        assert got["files"][0]["original_file_name"] == name

    hub(script, run_s=0)


@pytest.mark.parametrize("sent", ["%2E", "%2E%2E", "x" * 256])
def test_names_that_are_none_are_refused(sent: str) -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        batch = await batch_of(client)
        reply = await client.put(f"/v2/batches/{batch}/files/{sent}", content=b"x")
        assert (reply.status_code, list(reply.json())) == (400, ["message"])

    hub(script)


def test_results_are_paged_by_file_offset() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        run = await run_of(client, await batch_of(client, **{f"f{n}": "x" for n in range(5)}))
        names, more = [], True
        while more:
            page = await results(client, run, file_offset=len(names))
            names += [file["original_file_name"] for file in page["files"]]
            more = page["has_more"]
        assert names == ["f0", "f1", "f2", "f3", "f4"]
        assert (await results(client, run, file_offset=9))["files"] == []

    hub(script, run_s=0, page_size=2)


def test_flags_add_what_they_name_and_nothing_else() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        run = await run_of(client, await batch_of(client, a=ACME))
        bare = (await results(client, run))["files"][0]["documents"][0]
        assert set(bare) == {"class_name", "page_numbers", "fields"}
        flags = ("confidence_scores", "source_info", "review_results", "validation_results")
        full = (await results(client, run, **{f"include_{flag}": "true" for flag in flags}))["files"][0]["documents"][0]
        assert full["page_layouts"] == [{"page_number": 0, "width": 28, "height": 12}]
        assert full["fields"][0]["source_coordinates"][0] == {
            **{"top_x": 16, "top_y": 4, "bottom_x": 28, "bottom_y": 5},
            "page_number": 0,
        }
        assert full["fields"][0]["confidence"] == {"model": 1.0, "ocr": None}
        assert full["validations"] == {"final_result_pass": True}
        assert full["fields"][0]["edit_history"] == []

    hub(script, run_s=0)


def test_a_field_that_is_not_there_is_an_error_in_a_complete_run() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        text = ACME.replace("USD 1,234.56", "twelve hundred")
        got = await results(
            client, await run_of(client, await batch_of(client, a=text)), include_validation_results="true"
        )
        field = got["files"][0]["documents"][0]["fields"][3]
        assert (got["status"], field["value"]) == ("COMPLETE", "ERROR")
        assert field["error_msg"] == "cannot read an amount in 'twelve hundred'"
        assert field["validations"]["alerts"][0]["alert_level"] == "FAILURE"

    hub(script, run_s=0)


def test_text_statistics_work_on_any_file_with_and_without_owner() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        batch = await batch_of(client, a="one two\nthree")
        for more in ({"owner": "instabase"}, {"owner": None}):
            got = await results(client, await run_of(client, batch, app_name="Text Statistics", **more))
            assert values(got["files"][0])[0]["words"] == "3"
            assert got["files"][0]["documents"][0]["class_name"] is None

    hub(script, run_s=0)


def test_an_older_version_of_the_app_knows_fewer_fields() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        got = await results(client, await run_of(client, await batch_of(client, a=ACME), version="3.1.0"))
        assert "currency" not in values(got["files"][0])[0]

    hub(script, run_s=0)


@pytest.mark.parametrize(
    ("change", "status", "word"),
    [
        ({"app_name": "Nothing"}, 404, "there are: Invoice Extractor"),
        ({"owner": None}, 404, "of owner 'emulator' does not exist"),
        ({"version": "9.9.9"}, 404, "it has 3.1.0, 3.2.0"),
        ({"batch_id": 1}, 404, "batch 1 does not exist"),
        ({"batch_id": "1"}, 400, "batch_id must be an integer"),
        ({"batch_id": None}, 400, "one of batch_id"),
        ({"batch_id": None, "input_dir": "no/where"}, 404, "folder 'no/where'"),
        ({"app_name": None}, 400, "one of app_name"),
        ({"settings": []}, 400, "settings must be an object"),
        ({"settings": {"tags": ["x" * 501]}}, 400, "500 characters"),
        ({"settings": {"tags": "x"}}, 400, "list of strings"),
    ],
)
def test_a_run_that_cannot_be_is_refused_and_nothing_is_accepted(change: dict, status: int, word: str) -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        body = {"app_name": "Invoice Extractor", "owner": "instabase", "batch_id": await batch_of(client, a="x")}
        reply = await client.post(RUNS, json={**body, **change})
        assert (reply.status_code, word in reply.json()["message"]) == (status, True)
        assert (await client.get("/_emulator/stats")).json()["submits"]["total"] == 0

    hub(script)


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_object_is_400(content: bytes) -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        reply = await client.post("/v2/batches", content=content)
        assert (reply.status_code, list(reply.json())) == (400, ["message"])

    hub(script)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/batches/7"),
        ("DELETE", "/v2/batches/7"),
        ("GET", "/v2/batches/7/files"),
        ("PUT", "/v2/batches/7/files/a"),
        ("DELETE", "/v2/batches/7/files/a"),
        ("GET", "/v2/jobs/x"),
        ("GET", "/v2/batches/jobs/x"),
        ("GET", f"{RUNS}/x"),
        ("GET", f"{RUNS}/x/results"),
        ("DELETE", f"{RUNS}/x"),
        ("POST", "/v2/apps/deployments/x/runs"),
        ("PUT", "/v2/batches/multipart-upload/sessions/x/parts/1"),
        ("GET", "/v2/files/a/b"),
        ("GET", "/v2/nothing"),
    ],
)
def test_what_does_not_exist_is_404_with_a_message(method: str, path: str) -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        reply = await client.request(method, path, content=b"{}")
        assert (reply.status_code, list(reply.json())) == (404, ["message"])

    hub(script)


def test_a_bad_token_is_401_before_anything_else() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        for header in ("Bearer other", "emulator", ""):
            reply = await client.post("/v2/nothing", headers={"authorization": header}, content=b"{")
            assert (reply.status_code, list(reply.json())) == (401, ["message"])

    hub(script)


def test_the_context_is_free_unless_some_are_named() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        assert (await client.get("/v2/batches", headers={"ib-context": "any"})).status_code == 200
        await client.post("/_emulator/knobs", json={"contexts": ["acme"]})
        assert (await client.get("/v2/batches")).status_code == 401
        assert (await client.get("/v2/batches", headers={"ib-context": "acme"})).status_code == 200

    hub(script)


@pytest.mark.parametrize("path", ["/api/v2/batches", "/api//v2/batches", "//v2//batches", "/v2/batches"])
def test_the_root_may_be_api_and_slashes_are_folded(path: str) -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        assert (await client.get(f"http://emulator{path}")).json() == {"batches": []}
        assert (await client.get("/_emulator/stats")).json()["requests"] == {"GET /v2/batches": 1}

    hub(script)


def test_batches_are_listed_page_by_page_in_milliseconds() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        ids = [await batch_of(client) for _ in range(3)]
        first = (await client.get("/v2/batches", params={"limit": 2})).json()["batches"]
        last = (await client.get("/v2/batches", params={"limit": 2, "offset": 2})).json()["batches"]
        assert [batch["id"] for batch in first + last] == ids
        assert first[0]["created_at_ms"] == 1_700_000_000_000
        assert (await client.get("/v2/batches", params={"workspace": "other"})).json() == {"batches": []}

    hub(script)


def test_files_of_a_batch_are_listed_by_token() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        batch = await batch_of(client, a="1", b="22", c="333")
        first = (await client.get(f"/v2/batches/{batch}/files", params={"page_size": 2})).json()
        query = {"page_size": 2, "start_token": first["next_page_token"]}
        last = (await client.get(f"/v2/batches/{batch}/files", params=query)).json()
        assert (first["has_more"], last["has_more"], "next_page_token" in last) == (True, False, False)
        assert [node["name"] for node in first["nodes"] + last["nodes"]] == ["a", "b", "c"]
        assert last["nodes"][0]["metadata"] == {"node_type": "file", "size": 3, "modified_timestamp": 1_700_000_000}

    hub(script)


def test_deleting_a_batch_is_a_job_that_takes_its_time() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        batch = await batch_of(client, a="x")
        reply = await client.delete(f"/v2/batches/{batch}")
        job = reply.json()["job_id"]
        states = [(await client.get(f"/v2/jobs/{job}")).json()["state"]]
        clock.now += 5
        states.append((await client.get(f"/v2/batches/jobs/{job}")).json()["state"])
        assert (reply.status_code, states) == (202, ["RUNNING", "COMPLETE"])
        assert (await client.put(f"/v2/batches/{batch}/files/a", content=b"x")).status_code == 404

    hub(script, job_s=5)


def test_deployments_run_with_202() -> None:
    async def script(client: httpx.AsyncClient, clock: Clock) -> None:
        deployment = next(iter(DEPLOYMENTS))
        body = {"batch_id": await batch_of(client, a=ACME)}
        reply = await client.post(f"/v2/apps/deployments/{deployment}/runs", json=body)
        assert (reply.status_code, reply.json()["deployment_id"]) == (202, deployment)
        assert len((await results(client, reply.json()["id"]))["files"]) == 1

    hub(script, run_s=0)
