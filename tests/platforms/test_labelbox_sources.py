"""Data rows and rows of model runs, by streamed exports."""

import asyncio
import json

import httpx
import pytest

from runner.model.errors import AuthError, Unavailable
from runner.model.secret import Secret
from tests.platforms.labelbox_desk import RUN, STREETS, labelbox
from tests.platforms.made import PLACE
from tests.platforms.made import over as mocked


def rows(kind="data_rows", options=None, **knobs):
    async def read():
        async with labelbox(**knobs) as desk:
            return await desk.rows(kind, **(options or {}))

    return asyncio.run(read())


@pytest.mark.parametrize("knobs", [{}, {"export_chunk_bytes": 700}, {"task_s": 0.05}])
def test_a_dataset_is_read_whole(knobs):
    found = rows(**knobs)
    assert [item.value["global_key"] for item in found] == [f"street-{number:03}" for number in range(1, 41)]
    assert found[0].value["metadata"]["captured_at"] == "2026-07-20T08:00:00.000Z"
    assert found[0].value["text"] is None
    assert found[31].value["text"].startswith("An empty street at night")


def test_the_content_of_a_picture_does_not_depend_on_where_it_lies():
    first, second = rows(), rows()
    assert first[0].value["row_data"] != second[0].value["row_data"]
    assert [item.content for item in first] == [item.content for item in second]


def test_a_catalog_query_chooses():
    query = [{"type": "global_key", "operator": "is", "ids": ["street-002", "ticket-007"]}]
    assert [item.value["global_key"] for item in rows(options={"query": query})] == ["street-002", "ticket-007"]
    both = {"query": query, "dataset": STREETS}
    assert [item.value["global_key"] for item in rows(options=both)] == ["street-002"]


def test_a_query_that_finds_nothing_gives_nothing():
    assert rows(options={"query": [{"type": "global_key", "operator": "is", "ids": ["none"]}]}) == []


@pytest.mark.parametrize("key", ["data_split", "split", "dataSplit"])
def test_rows_of_a_model_run_come_with_labels_split_and_config(key):
    found = rows("model_run_rows", {"model_run": RUN}, export_split_key=key, export_chunk_bytes=5000)
    assert len(found) == 120
    value = found[0].value
    assert (value["split"], value["answers"]) == ("TRAINING", {"topic": "billing"})
    assert value["text"].endswith("Ticket 4683.")
    assert value["model_run"]["config"] == {"maxFeatures": 2000, "regularization": 1.0}


def test_a_changed_label_is_changed_content():
    async def read():
        async with labelbox() as desk:
            before = await desk.rows("model_run_rows", model_run=RUN)
            ws = desk.workspace
            ws.labels[next(iter(ws.labels))].annotations.classifications[0]["radio_answer"]["name"] = "account"
            after = await desk.rows("model_run_rows", model_run=RUN)
            return [one.key for one, two in zip(before, after, strict=True) if one.content != two.content]

    assert len(asyncio.run(read())) == 1


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("data_rows", {"dataset": "none"}, "no dataset none"),
        ("model_run_rows", {"model_run": "none"}, "no model run none"),
    ],
)
def test_what_is_not_there_is_named(kind, options, words):
    with pytest.raises(AuthError, match=words):
        rows(kind, options)


def test_a_failed_export_says_so():
    with pytest.raises(AuthError, match="ended as FAILED: Labelbox gave no reason"):
        rows(fail_tasks=("export-data-rows",))


def test_a_truncated_file_is_never_taken_for_the_end():
    cut = {"route": "GET /files/{name}", "body": '{"data_row": {"id": "x"}}\n', "status": 200, "times": None}
    with pytest.raises(Unavailable, match="bytes came"):
        rows(faults=[cut])


def test_a_wrong_token_is_told():
    with pytest.raises(AuthError, match="Invalid API key"):
        rows(token="wrong")


class Elsewhere:
    """Labelbox with its export files on a host of somebody else; `link` is given as the task's result instead."""

    def __init__(self, link=False):
        self.link, self.keys = link, {}
        self.lines = b'{"data_row": {"id": "a", "global_key": null, "external_id": null, "row_data": "hi"}}\n'

    def __call__(self, request):
        self.keys[request.url.host] = request.headers.get("authorization")
        if request.method == "GET":
            return httpx.Response(200, content=self.lines)
        asked = json.loads(request.content)["query"]
        return httpx.Response(200, json={"data": next(self.data(word) for word in WORDS if word in asked)})

    def data(self, word):
        url, last = "https://storage.example.com/f?sig=1", len(self.lines) - 1
        file = {"offsets": {"start": 0, "end": last}, "lines": {"start": 0, "end": 0}, "file": url}
        done = {"name": "runner", "status": "COMPLETE", "result": url if self.link else None, "errors": None}
        return {
            "exportDataRowsInCatalog": {"exportDataRowsInCatalog": {"taskId": "t", "isStreamable": not self.link}},
            "createdTasks": {"user": {"id": "u", "createdTasks": [{"id": "t", **done}]}},
            "exportMetadataHeader": {
                "task": {"exportMetadataHeader": None if self.link else {"totalSize": last + 1, "totalLines": 1}}
            },
            "exportFileFromOffset": {"task": {"exportFileFromOffset": None if self.link else file}},
        }[word]


WORDS = ("exportDataRowsInCatalog", "createdTasks", "exportMetadataHeader", "exportFileFromOffset")


@pytest.mark.parametrize("link", [False, True])
def test_files_on_another_host_are_fetched_without_the_token(link):
    async def read(source):
        return [item.value["text"] async for batch in source.read() for item in batch.items]

    server = Elsewhere(link)
    connection = mocked(server, "labelbox", {"token": Secret("lb-key")})
    assert asyncio.run(read(connection.source("data_rows", {}, PLACE))) == ["hi"]
    assert server.keys == {"api.labelbox.com": "Bearer lb-key", "storage.example.com": None}
