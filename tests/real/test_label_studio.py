"""The manifest of Label Studio against the real open-source server: tasks, filters, predictions without duplicates."""

from __future__ import annotations

import asyncio
import json
from random import Random

import httpx
import pytest

from runner.model.errors import AuthError, ConfigError, Refused
from runner.model.item import Record
from runner.model.secret import Secret
from runner.platforms import Catalog, connect
from runner.transport.clock import SystemClock
from tests.cli.shell import Shell
from tests.platforms.made import PLACE

pytestmark = pytest.mark.real

CONFIG = """<View>
  <Text name="text" value="$text"/>
  <Choices name="intent" toName="text"><Choice value="billing"/><Choice value="other"/></Choices>
</View>"""
NAME = "intent v7"


class Place:
    """One project on the server, and connections to it."""

    def __init__(self, server):
        self.server = server
        self.http = httpx.Client(
            base_url=server.url, headers={"Authorization": f"Token {server.token}"}, timeout=60, follow_redirects=True
        )
        body = {"title": "messages", "label_config": CONFIG}
        self.project = self.http.post("/api/projects/", json=body).raise_for_status().json()["id"]

    def bring(self, count):
        rows = [
            {"data": {"text": f"message {n}", "ref": f"r{n}", "lang": "en" if n % 3 else "de"}} for n in range(count)
        ]
        path = f"/api/projects/{self.project}/import?return_task_ids=true"
        return self.http.post(path, json=rows).raise_for_status().json()["task_ids"]

    def predictions(self):
        """Model version to number, as the server counts them."""
        return self.http.get(f"/api/projects/{self.project}/model-versions/").raise_for_status().json()

    def all(self):
        return self.http.get("/api/predictions/", params={"project": self.project}).raise_for_status().json()

    def labels(self, name=NAME):
        found = [one for one in self.all() if one["model_version"] == name]
        return sorted((one["task"], one["result"][0]["value"]["choices"][0]) for one in found)

    def run(self, work, token=None):
        """Do `work(connection)`."""

        async def main():
            fields = {"base_url": self.server.url, "token": Secret(token or self.server.token)}
            connection = connect(Catalog().manifest("label_studio"), fields, clock=SystemClock(), rng=Random(1))
            try:
                return await work(connection)
            finally:
                await connection.close()

        return asyncio.run(main())

    def items(self, token=None, **options):
        async def read(connection):
            source = connection.source("tasks", {"project": self.project, **options}, PLACE)
            return [one async for batch in source.read() for one in batch.items]

        return self.run(read, token)

    def publish(self, kind, folder, rows, **options):
        async def work(connection):
            place = type(PLACE)(folder, folder / ".runner", SystemClock())
            sink = connection.sink(kind, {"project": self.project, **options}, place)
            await sink.open()
            try:
                await sink.write(rows)
                receipt = await sink.commit()
            finally:
                await sink.abort()
            return receipt, await sink.holds(receipt)

        return self.run(work)

    def predict(self, folder, rows, name=NAME):
        return self.publish("predictions", folder, rows, model_version=name)


@pytest.fixture
def place(label_studio):
    """An empty project."""
    made = Place(label_studio)
    yield made
    made.http.close()


def row(number, label="billing"):
    region = {"from_name": "intent", "to_name": "text", "type": "choices", "value": {"choices": [label]}}
    return Record(str(number), {"task": number, "result": [region], "score": 0.5}, item={"id": number})


# -- tasks
def test_all_tasks_are_read_in_order(place):
    ids = place.bring(1250)
    assert [int(one.key) for one in place.items()] == sorted(ids)


def test_a_full_last_page_is_the_last(place):
    assert len(place.bring(200)) == len(place.items()) == 200


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ([{"column": "data.lang", "operator": "equal", "value": "de"}], 10),
        ([{"column": "data.ref", "operator": "in_list", "type": "List", "value": ["r3", "r4", "none"]}], 2),
        ([{"column": "total_predictions", "operator": "equal", "type": "Number", "value": 0}], 30),
        ([{"column": "data.text", "operator": "contains", "value": "message 2"}], 11),
        ([{"column": "data.text", "operator": "regex", "value": "message [12]$"}], 2),
    ],
)
def test_filters_are_evaluated_by_the_server(place, filters, count):
    place.bring(30)
    assert len(place.items(filters=filters)) == count


def test_ids_and_views_are_pushed_down(place):
    ids = place.bring(30)
    assert [int(one.key) for one in place.items(ids=ids[3:6])] == ids[3:6]
    items = [{"filter": "filter:tasks:data.lang", "operator": "equal", "type": "String", "value": "de"}]
    data = {"title": "German", "filters": {"conjunction": "and", "items": items}}
    view = place.http.post("/api/dm/views/", json={"project": place.project, "data": data}).raise_for_status().json()
    assert len(place.items(project=None, view=view["id"])) == 10


def test_ground_truths_are_read(place):
    ids = place.bring(3)
    said = row(ids[1]).row["result"]
    body = {"result": said, "ground_truth": True}
    place.http.post(f"/api/tasks/{ids[1]}/annotations/", json=body).raise_for_status()
    first, second, _ = place.items()
    assert (first.value["truth"], first.value["ground_truth"]) == ({}, None)
    assert second.value["truth"] == {"intent": "billing"}


def test_a_column_that_is_not_there_is_told(place):
    place.bring(1)
    with pytest.raises(ConfigError, match="Cannot resolve keyword"):
        place.items(filters=[{"column": "colour", "operator": "equal", "value": "red"}])


def test_a_project_that_is_not_there_is_told(place):
    with pytest.raises(ConfigError, match="No Project matches"):
        place.items(project=999_999)


# -- login
def test_a_personal_access_token_is_exchanged(place):
    place.bring(2)
    made = place.http.post("/api/token/")
    token = made.json()["token"] if made.is_success else None
    assert token is not None, made.text
    assert len(place.items(token=token)) == 2


def test_a_wrong_token_is_told(place):
    with pytest.raises(AuthError, match="401"):
        place.items(token="f" * 40)


# -- predictions
def test_predictions_are_written_twice_without_duplicates(place, tmp_path):
    ids = place.bring(1200)
    rows = [row(number) for number in ids]
    for _ in range(2):
        receipt, holds = place.predict(tmp_path, rows)
        assert (receipt["rows"], holds, place.predictions()) == (1200, True, {NAME: 1200})
    assert place.labels() == [(number, "billing") for number in ids]


def test_only_what_differs_is_replaced(place, tmp_path):
    ids = place.bring(40)
    place.predict(tmp_path, [row(number) for number in ids])
    first = {one["id"] for one in place.all()}
    place.predict(tmp_path, [row(number, "other" if at < 5 else "billing") for at, number in enumerate(ids)])
    assert (len(first & {one["id"] for one in place.all()}), place.predictions()) == (35, {NAME: 40})
    assert [label for _, label in place.labels()] == ["other"] * 5 + ["billing"] * 35


def test_predictions_of_others_stay(place, tmp_path):
    ids = place.bring(3)
    place.predict(tmp_path, [row(number) for number in ids], "intent v70")
    place.predict(tmp_path, [row(number) for number in ids])
    place.predict(tmp_path, [row(ids[0])])
    assert place.predictions() == {"intent v70": 3, NAME: 1}


def test_a_label_that_is_dropped_in_silence_is_told_and_taken_back(place, tmp_path):
    ids = place.bring(4)
    place.predict(tmp_path, [row(ids[0])])
    with pytest.raises(Refused, match="of 3 predictions 2 were stored"):
        place.predict(tmp_path, [row(ids[1]), row(ids[2], "no such label"), row(ids[3])])
    assert place.labels() == [(ids[0], "billing")]


def test_a_task_that_is_not_there_stores_nothing(place, tmp_path):
    ids = place.bring(1)
    with pytest.raises(Refused, match="400"):
        place.predict(tmp_path, [row(ids[0]), row(999_999)])
    assert place.predictions() == {}


# -- tasks as a sink
def test_tasks_are_written_twice_without_duplicates(place, tmp_path):
    rows = [Record(f"k{n}", {"ref": f"k{n}", "text": f"text {n}"}) for n in range(130)]
    for _ in range(2):
        assert place.publish("tasks", tmp_path, rows, key="ref")[1] is True
    changed = [Record("k7", {"ref": "k7", "text": "new"}), Record("more", {"ref": "more", "text": "more"})]
    place.publish("tasks", tmp_path, changed, key="ref")
    texts = {one.value["data"]["ref"]: one.value["data"]["text"] for one in place.items()}
    assert (len(texts), texts["k7"], texts["k8"], texts["more"]) == (131, "new", "text 8", "more")


# -- the way round
def test_a_prompt_says_that_this_edition_has_none(place):
    async def check(connection):
        await connection.target("prompt", {"prompt": 1, "version": 1}, PLACE).check()

    with pytest.raises(AuthError, match="open-source edition of Label Studio, which has no prompts"):
        place.run(check)


PROJECT = """apiVersion: runner/v1
kind: Project
name: real
connections: {ls: {platform: label_studio, base_url: URL, token: {env: LABEL_STUDIO_API_KEY}}}
"""
RECIPE = """apiVersion: runner/v1
kind: Recipe
name: intents
source:
  label_studio.tasks: {connection: ls, project: NUMBER, filters: [{column: data.lang, operator: equal, value: en}]}
target: {command: {argv: [python3, label.py], format: jsonl}}
run: {items_per_job: 10}
record:
  task: "{{ item.id }}"
  result: [{from_name: intent, to_name: text, type: choices, value: {choices: ["{{ result.label }}"]}}]
checks: [{record: {expression: "{{ record.result | length == 1 }}"}}]
sinks: [{label_studio.predictions: {connection: ls, project: NUMBER, model_version: rules v1}}]
"""
LABEL = """import json, sys
for line in sys.stdin:
    task = json.loads(line)
    print(json.dumps({"_key": task["_key"], "label": "billing" if task["data"]["text"].endswith("1") else "other"}))
"""


def test_another_target_and_the_sink_are_the_way_round(place, tmp_path, capsys, monkeypatch):
    ids = place.bring(30)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", place.server.token)
    shell = Shell(tmp_path, capsys)
    shell.write("runner.yaml", PROJECT.replace("URL", place.server.url))
    shell.write("r.yaml", RECIPE.replace("NUMBER", str(place.project)))
    shell.write("label.py", LABEL)
    first = shell("apply", "-f", "r.yaml", "-o", "json")
    assert first.code == 0, first.out + first.err
    assert json.loads(first.out)["stages"][0]["counts"] == {"succeeded": 20}
    assert place.labels("rules v1")[0] == (ids[1], "billing")
    assert "nothing to do" in shell("apply", "-f", "r.yaml").out
    assert place.predictions() == {"rules v1": 20}
