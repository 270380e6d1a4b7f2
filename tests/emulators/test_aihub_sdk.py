"""The official SDK against the served emulator: the vendor's complete script, then everything it can do wrong."""

import asyncio
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aihub
import pytest
import urllib3
from aihub import AIHub
from aihub.exceptions import (
    ApiException,
    BadRequestException,
    ForbiddenException,
    NotFoundException,
    ServiceException,
    UnauthorizedException,
)
from pydantic import ValidationError

from runner.emulators import create
from runner.emulators.aihub.apps import DEPLOYMENTS
from runner.emulators.serve import serving
from tests.emulators.desks import Clock
from tests.emulators.papers import ACME, BETA, pdf

APP = {"app_name": "Invoice Extractor", "owner": "instabase"}
FLAGS = (
    "include_confidence_scores",
    "include_source_info",
    "include_review_results",
    "include_validation_results",
)


@pytest.fixture(autouse=True)
def _own_configuration() -> Iterator[None]:
    # Each AIHub() writes into one configuration of the process; without this the next test would use it.
    aihub.Configuration.set_default(None)
    yield
    aihub.Configuration.set_default(None)


def client_of(url: str, token: str = "emulator", context: str | None = None) -> AIHub:
    return AIHub(api_root=f"{url}/api/", api_key=token, ib_context=context)


def with_sdk(script: Callable[[AIHub, Clock], None], *, token: str = "emulator", **knobs: Any) -> dict[str, int]:
    """Run a script of the SDK in a thread beside the emulator; return the emulator's counts of submits."""
    clock = Clock()
    app = create("aihub", clock=clock, **knobs)

    async def main() -> None:
        async with serving(app) as url:
            await asyncio.to_thread(lambda: script(client_of(url, token), clock))

    asyncio.run(main())
    return dict(app.state.desk.submits)


def batch_of(client: AIHub, **files: bytes) -> int:
    batch = client.batches.create(name="b")
    for name, content in files.items():
        client.batches.add_file(batch_id=batch.id, file_name=name, file=io.BytesIO(content))
    return int(batch.id)


def test_the_complete_script_of_the_vendor(tmp_path: Path) -> None:
    (tmp_path / "acme one.pdf").write_bytes(pdf(ACME, BETA))
    (tmp_path / "beta.txt").write_text(BETA)
    statuses = []

    def script(client: AIHub, clock: Clock) -> None:
        batch = client.batches.create(name="invoices")
        for path in [str(tmp_path / "acme one.pdf"), str(tmp_path / "beta.txt")]:
            with open(path, "rb") as file:  # noqa: PTH123 - as the vendor writes it
                client.batches.add_file(batch_id=batch.id, file_name=os.path.basename(path), file=file)  # noqa: PTH119
        run = client.apps.runs.create(**APP, batch_id=batch.id)
        status = client.apps.runs.status(run.id)
        while status.status == "RUNNING":
            statuses.append(status.status)
            clock.now += 5  # the vendor's script sleeps
            status = client.apps.runs.status(run.id)
        statuses.append(status.status)
        results = client.apps.runs.results(run.id)
        files = {file.original_file_name: file.documents for file in results.files}
        assert [each.fields[0].value for each in files["acme one.pdf"]] == ["INV-2025-001", "B-77"]
        assert {field.field_name: field.value for field in files["beta.txt"][0].fields}["total_amount"] == "1234.50"
        assert results.has_more is False

    assert with_sdk(script, run_s=12) == {"acme one.pdf": 1, "beta.txt": 1}
    assert statuses == ["RUNNING", "RUNNING", "RUNNING", "COMPLETE"]


def test_results_are_paged_with_all_flags() -> None:
    def script(client: AIHub, clock: Clock) -> None:
        run = client.apps.runs.create(**APP, batch_id=batch_of(client, a=ACME.encode(), b=b"", c=BETA.encode()))
        flags = dict.fromkeys(FLAGS, True)
        names, more = [], True
        while more:
            page = client.apps.runs.results(run.id, file_offset=len(names), **flags)
            names += [file.original_file_name for file in page.files]
            more = page.has_more
            assert page.files[0].documents[0].fields[0].validations is not None
        assert names == ["a", "b", "c"]

    with_sdk(script, run_s=0, page_size=1)


@pytest.mark.parametrize(
    "name", ["a b.txt", "a/b.txt", "ü ß 日本.txt", "100%.txt", "a%2Fb.txt", "x?y#z&w=.txt", "...", "a+b"]
)
def test_odd_names_come_back_as_they_were(name: str) -> None:
    def script(client: AIHub, clock: Clock) -> None:
        batch = batch_of(client, **{name: BETA.encode()})
        assert [node.name for node in client.batches.list_files(batch).nodes] == [name]
        results = client.apps.runs.results(client.apps.runs.create(**APP, batch_id=batch).id)
        assert results.files[0].original_file_name == name
        assert client.files.read(results.files[0].input_file_path) == BETA.encode()
        client.batches.delete_file(batch, name)
        assert client.batches.list_files(batch).nodes == []

    with_sdk(script, run_s=0)


def test_an_empty_file_and_a_file_put_twice() -> None:
    def script(client: AIHub, clock: Clock) -> None:
        batch = batch_of(client, empty=b"", twice=b"first")
        client.batches.add_file(batch_id=batch, file_name="twice", file=io.BytesIO(b"second!"))
        sizes = {node.name: node.metadata.size for node in client.batches.list_files(batch).nodes}
        assert sizes == {"empty": 0, "twice": 7}

    with_sdk(script)


@pytest.mark.parametrize("size", [0, 1, 10 * 2**20, 21 * 2**20 + 3])
def test_large_files_come_in_parts(size: int) -> None:
    content = os.urandom(1024) * (size // 1024) + b"x" * (size % 1024)

    def script(client: AIHub, clock: Clock) -> None:
        batch = batch_of(client)
        client.batches.add_large_file(batch, "big file", io.BytesIO(content))
        (node,) = client.batches.list_files(batch).nodes
        assert (node.name, node.metadata.size) == ("big file", size)
        assert client.files.read(node.full_path) == content

    with_sdk(script)


def test_batches_runs_and_jobs_are_managed() -> None:
    def script(client: AIHub, clock: Clock) -> None:
        batch = batch_of(client, a=ACME.encode())
        assert client.batches.get(batch).name == "b"
        assert [each.id for each in client.batches.list(limit=5).batches] == [batch]
        run = client.apps.runs.create(**APP, batch_id=batch)
        assert [each.id for each in client.apps.runs.list(status=["RUNNING", "COMPLETE"], limit=5).runs] == [run.id]
        gone = client.apps.runs.delete(run.id, delete_input=False)
        assert gone.delete_input_dir_job_id is None
        assert client.jobs.status(gone.delete_output_dir_job_id).state == "COMPLETE"
        assert client.batches.poll_job(client.batches.delete(batch).job_id).state == "COMPLETE"

    with_sdk(script)


def test_a_deployment_runs() -> None:
    def script(client: AIHub, clock: Clock) -> None:
        run = client.apps.deployments.runs.create(next(iter(DEPLOYMENTS)), batch_id=batch_of(client, a=ACME.encode()))
        assert client.apps.runs.status(run.id).status == "COMPLETE"

    with_sdk(script, run_s=0)


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED", "STOPPED_AT_CHECKPOINT", "PAUSED"])
def test_every_other_ending_is_understood(status: str) -> None:
    def script(client: AIHub, clock: Clock) -> None:
        run = client.apps.runs.create(**APP, batch_id=batch_of(client, a=ACME.encode()))
        assert client.apps.runs.status(run.id).status == status
        assert client.apps.runs.results(run.id).status == status

    with_sdk(script, run_s=0, force={"*": status})


def test_a_bad_token_is_unauthorized() -> None:
    def script(client: AIHub, clock: Clock) -> None:
        with pytest.raises(UnauthorizedException, match="API token"):
            client.batches.create(name="b")

    with_sdk(script, token="other")


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.batches.get(7),
        lambda client: client.batches.delete(7),
        lambda client: client.batches.add_file(7, "a", io.BytesIO(b"x")),
        lambda client: client.batches.list_files(7),
        lambda client: client.batches.delete_file(7, "a"),
        lambda client: client.batches.add_large_file(7, "a", b"x"),
        lambda client: client.apps.runs.create(**APP, batch_id=7),
        lambda client: client.apps.runs.create(app_name="Nothing", batch_id=batch_of(client)),
        lambda client: client.apps.runs.status("x"),
        lambda client: client.apps.runs.results("x"),
        lambda client: client.apps.runs.delete("x"),
        lambda client: client.jobs.status("x"),
        lambda client: client.files.read("a/b"),
    ],
)
def test_what_does_not_exist_is_not_found(call: Callable[[AIHub], Any]) -> None:
    def script(client: AIHub, clock: Clock) -> None:
        with pytest.raises(NotFoundException) as caught:
            call(client)
        assert '{"message":' in caught.value.body

    with_sdk(script)


def test_the_other_refusals_have_their_exceptions() -> None:
    def script(client: AIHub, clock: Clock) -> None:
        batch = batch_of(client, a=b"x")
        with pytest.raises(ForbiddenException, match="consumption units"):
            client.apps.runs.create(**APP, batch_id=batch)
        with pytest.raises(BadRequestException, match="app_name"):
            client.apps.runs.create(batch_id=batch)
        with pytest.raises(ApiException) as caught:
            client.batches.add_file(batch, "a", io.BytesIO(b"x" * 100))
        assert caught.value.status == 413

    with_sdk(script, units=0, max_put_bytes=99)


def test_the_sdk_refuses_wrong_types_before_it_sends() -> None:
    def script(client: AIHub, clock: Clock) -> None:
        with pytest.raises(ValidationError):
            client.batches.get("7")
        with pytest.raises(ValueError, match="batch_id"):
            client.apps.runs.create(**APP)

    with_sdk(script)


def test_an_unknown_word_for_a_status_breaks_the_sdk() -> None:
    def script(client: AIHub, clock: Clock) -> None:
        with pytest.raises(ValidationError):
            client.apps.runs.create(**APP, batch_id=batch_of(client))

    with_sdk(script, run_s=0, force={"*": "HALF_DONE"})


def test_a_submit_is_not_repeated_and_a_poll_is() -> None:
    def script(client: AIHub, clock: Clock) -> None:
        batch = batch_of(client, a=ACME.encode())
        with pytest.raises(ServiceException):
            client.apps.runs.create(**APP, batch_id=batch)
        (run,) = client.apps.runs.list().runs
        assert client.apps.runs.status(run.id).status == "RUNNING"

    lost = {"route": "POST /v2/apps/runs", "when": "after", "status": 503, "headers": {"Retry-After": "0"}}
    busy = {"route": "GET /v2/apps/runs/{run_id}", "status": 429, "headers": {"Retry-After": "0"}, "times": 2}
    assert with_sdk(script, faults=[lost, busy]) == {"a": 1}


def test_a_connection_closed_on_a_submit_leaks_as_urllib3_error() -> None:
    def script(client: AIHub, clock: Clock) -> None:
        batch = batch_of(client, a=ACME.encode())
        with pytest.raises(urllib3.exceptions.HTTPError):
            client.apps.runs.create(**APP, batch_id=batch)

    assert with_sdk(script, faults=[{"route": "POST /v2/apps/runs", "when": "after", "drop": True}]) == {"a": 1}
