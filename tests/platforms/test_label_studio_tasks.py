"""The source `label_studio.tasks`, and the two ways to log in."""

import asyncio

import httpx
import pytest

from runner.emulators.label_studio import personal_access_token
from runner.model.errors import AuthError, ConfigError, Unavailable
from tests.platforms.made import over
from tests.platforms.studio import Studio

EN = [{"column": "data.text", "operator": "contains", "value": "order"}]


def keys(items):
    return [int(one.key) for one in items]


def test_all_tasks_come_page_by_page_in_order():
    studio = Studio(seed=250)
    assert keys(studio.items()) == sorted(studio.site.store.projects[3].tasks)
    assert studio.desk.requests["GET /api/tasks/"] == 3


def test_a_full_last_page_is_not_asked_beyond():
    studio = Studio(seed=200)
    assert (len(studio.items()), studio.desk.requests["GET /api/tasks/"]) == (200, 2)


def test_an_item_has_data_and_truth_and_its_content_is_its_data():
    studio = Studio()
    first = studio.items()[0]
    assert first.value["truth"] == {"intent": "billing"}
    assert first.value["ground_truth"][0]["from_name"] == "intent"
    studio.site.store.add_prediction(studio.site.store.tasks[1], [], score=0.5, model_version="m")
    studio.site.store.add_annotation(studio.site.store.tasks[1], [], ground_truth=False)
    assert studio.items()[0] == first


def test_a_changed_task_is_another_content():
    studio = Studio()
    before = studio.items()[0]
    studio.site.store.tasks[1].data = {"text": "Something else"}
    after = studio.items()[0]
    assert (after.key, after.content == before.content) == (before.key, False)


def test_without_ground_truths_nothing_is_said_of_them():
    assert {str(one.value["truth"]) for one in Studio().items(ground_truth=False)} == {"{}"}


def test_filters_are_evaluated_by_the_server():
    studio = Studio()
    wanted = [task.id for task in studio.site.store.tasks.values() if "order" in task.data["text"].lower()]
    assert keys(studio.items(filters=EN)) == wanted
    assert 0 < len(wanted) < 60


def test_filters_may_be_joined_by_any():
    ids = [{"column": "id", "operator": "equal", "type": "Number", "value": n} for n in (3, 5)]
    assert keys(Studio().items(filters=ids, match="any")) == [3, 5]
    assert keys(Studio().items(filters=ids)) == []


def test_ids_are_pushed_down():
    assert keys(Studio().items(ids=[5, 9, 2])) == [2, 5, 9]


def test_a_view_brings_its_filters():
    studio = Studio()
    items = [{"filter": "filter:tasks:id", "operator": "less", "type": "Number", "value": 4}]
    studio.site.store.views[1] = {"id": 1, "project": 3, "data": {"filters": {"conjunction": "and", "items": items}}}
    assert keys(studio.items(project=None, view=1)) == [1, 2, 3]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"project": None}, "needs project, or view"),
        ({"view": 1, "filters": EN}, "a view has filters of its own"),
        ({"project": 99}, "No Project matches"),
        ({"filters": [{"column": "colour", "operator": "equal", "value": "red"}]}, "Cannot resolve keyword"),
    ],
)
def test_what_cannot_be_read_is_told(options, words):
    with pytest.raises(ConfigError, match=words):
        Studio().items(**options)


def test_it_is_counted_without_reading_it():
    studio = Studio()
    assert asyncio.run(studio.source(filters=EN).count()) == len(studio.items(filters=EN))


def test_a_404_on_the_way_is_not_the_end():
    def half(request):
        if request.url.params["page"] == "1":
            return httpx.Response(
                200, json={"tasks": [{"id": n, "project": 3, "data": {}} for n in range(100)], "total": 150}
            )
        return httpx.Response(404, json={"detail": "Invalid page."})

    source = over(half, "label_studio").source("tasks", {"project": 3}, None)
    with pytest.raises(ConfigError, match="Invalid page"):
        asyncio.run(_all(source))


def test_fewer_tasks_than_the_server_says_are_no_end():
    short = {"tasks": [{"id": 1, "project": 3, "data": {}}], "total": 90}
    source = over(lambda _: httpx.Response(200, json=short), "label_studio").source("tasks", {"project": 3}, None)
    with pytest.raises(Unavailable, match="there are 90, but listed 1"):
        asyncio.run(_all(source))


async def _all(source):
    return [batch async for batch in source.read()]


def test_a_personal_access_token_is_exchanged_and_renewed():
    studio = Studio(token=personal_access_token("emulator"), legacy_tokens=False)
    assert len(studio.items()) == 60
    assert len(studio.items()) == 60
    assert studio.desk.requests["POST /api/token/refresh/"] == 1
    studio.clock.at += 301
    assert len(studio.items()) == 60
    assert studio.desk.requests["POST /api/token/refresh/"] == 2


def test_a_bearer_that_ended_early_is_renewed_by_itself():
    studio = Studio(token=personal_access_token("emulator"), token_life_s=5)
    studio.items()
    studio.clock.at += 6
    assert len(studio.items()) == 60


@pytest.mark.parametrize(
    ("token", "knobs", "words"),
    [
        ("wrong", {}, "Invalid token"),
        ("emulator", {"legacy_tokens": False}, "legacy token authentication has been disabled"),
        (personal_access_token("another"), {}, "Token is invalid"),
    ],
)
def test_a_refused_login_says_what_to_do(token, knobs, words):
    with pytest.raises(AuthError, match=words) as told:
        asyncio.run(Studio(token=token, **knobs).source().check())
    assert "token" in told.value.mend or "connection" in told.value.mend
