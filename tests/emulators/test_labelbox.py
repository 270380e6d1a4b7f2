"""Foundry over REST: predict, poll, find; what the knobs change; the answer follows from the data."""

import base64
from typing import Any

import pytest

from runner.emulators.labelbox import seed
from runner.emulators.labelbox.pictures import paint
from tests.emulators.labelbox_talk import APP, Talk


def answers(told: Any) -> dict[str, Any]:
    """Read the answers of a prediction by feature."""
    found = {}
    for each in told["annotations"][0]["classifications"]:
        checked = [option["name"] for option in each.get("checklist_answers", [])]
        found[each["name"]] = each.get("radio_answer", {}).get("name") or each.get("text_answer") or checked
    return found


def text(talk: Talk, content: str, **flags: Any) -> Any:
    return talk.poll(talk.predict(type="text", text=content, **flags)["id"])


def test_a_prediction_takes_its_time_and_has_the_seeds_form() -> None:
    talk = Talk(job_s=16.0)
    sent = talk.predict()
    assert list(sent) == [
        *("id", "organizationId", "userId", "modelAppId", "dataRowId", "status", "createdAt"),
    ]
    assert (sent["status"], sent["createdAt"][-6:]) == ("in_progress", "+00:00")
    talk.clock.now += 15
    assert talk.poll(sent["id"]) == sent
    talk.clock.now += 1
    done = talk.poll(sent["id"])
    assert (done["status"], done["price"], done["dataRowId"]) == ("success", 0.002, talk.first)
    assert set(done) - set(sent) == {"annotations", "price", "finishedAt"}


def test_the_answer_follows_from_the_text() -> None:
    talk = Talk()
    crowd = answers(text(talk, "People and a taxi on a sunny morning"))
    assert (crowd["has_people"], crowd["lighting"], crowd["vehicles"]) == ("yes", "day", ["car"])
    empty = answers(text(talk, "Fog"))
    assert (empty["has_people"], empty["lighting"], empty["vehicles"]) == ("no", "unknown", [])


@pytest.mark.parametrize(("colour", "vehicles"), [((200, 30, 30), ["car"]), ((230, 200, 40), ["bus"]), ((9, 9, 9), [])])
def test_the_answer_follows_from_the_pixels(colour: tuple[int, int, int], vehicles: list[str]) -> None:
    talk = Talk()
    picture = paint(40, 30, [(0, 0, 40, 30, (90, 150, 220)), (5, 6, 10, 8, colour)])
    job = talk.predict(type="image", base64=base64.b64encode(picture).decode())
    told = talk.poll(job["id"])
    assert answers(told)["vehicles"] == vehicles
    box = {"top": 6, "left": 5, "height": 8, "width": 10}
    boxes = [each["bounding_box"] for each in told["annotations"][0]["objects"]]
    assert boxes == ([box] if vehicles == ["car"] else [])


def test_own_urls_are_looked_at_and_foreign_ones_are_only_read() -> None:
    talk = Talk()
    own = talk.predict(type="image", url="http://x/assets/street-001.png")
    assert answers(talk.poll(own["id"]))["vehicles"] == ["car", "bus"]
    foreign = talk.predict(type="image", url="https://example.org/a/bicycle-at-night.jpg")
    assert answers(talk.poll(foreign["id"]))["vehicles"] == ["bicycle"]


def test_a_raw_asset_leaves_a_data_row_and_a_prediction_behind() -> None:
    talk = Talk()
    row_id = text(talk, "A bus")["dataRowId"]
    told = talk.lines(talk.export("exportDataRowsInCatalog", searchQuery={"query": [by_id(row_id)]}))
    assert told[0]["data_row"]["row_data"] == "A bus"
    workspace = talk.app.state.workspace
    assert "App Street scenes - inference data" in [each.name for each in workspace.datasets.values()]
    run = next(each for each in workspace.runs.values() if each.name == "App Street scenes - inferences")
    assert list(run.rows) == [row_id]


def by_id(row_id: str) -> dict[str, Any]:
    return {"type": "data_row_id", "operator": "is", "ids": [row_id]}


@pytest.mark.parametrize("flag", ["false", False])
def test_without_a_data_row_nothing_is_left_behind(flag: Any) -> None:
    talk = Talk()
    rows = len(talk.app.state.workspace.rows)
    assert text(talk, "A bus", createDataRow=flag)["dataRowId"] is None
    assert len(talk.app.state.workspace.rows) == rows
    talk.turn(null_data_row=False)
    assert "dataRowId" not in text(talk, "A bus", createDataRow=flag)


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        (f"{APP}/predict", {"type": "dataRow", "id": "nope"}, 404, "Data row nope"),
        (f"{APP}/predict", {"type": "video", "url": "u"}, 400, "dataRow"),
        (f"{APP}/predict", {"type": "text", "url": "u", "text": "t"}, 400, "exactly one"),
        (f"{APP}/predict", {"type": "text", "base64": "aa"}, 400, "exactly one"),
        (f"{APP}/predict", {"type": "image", "base64": "aa=="}, 400, "image"),
        (f"{APP}/predict", {"type": "text", "text": "t", "createDataRow": "maybe"}, 400, "createDataRow"),
        (f"{APP}/predict", [], 400, "object"),
        (f"{APP}/predictions", {"filters": {"colour": "red"}}, 400, "colour"),
        (f"{APP}/predictions", {"pagination": {"limit": "number"}}, 400, "pagination"),
        ("/api/v1/foundry-app/nope/predict", {}, 404, "nope"),
        ("/api/v1/elsewhere", {}, 404, "Not Found"),
    ],
)
def test_refusals_are_json_with_a_message(path: str, body: Any, status: int, words: str) -> None:
    reply = Talk().ask("POST", path, json=body)
    assert reply.status_code == reply.json()["statusCode"] == status
    assert words in reply.json()["message"]


def test_failures_depend_on_the_row_and_cost_nothing() -> None:
    talk = Talk(fail_share=0.5)
    rows = [row.id for row in talk.rows[:40]]
    first, again = ([talk.poll(talk.predict(type="dataRow", id=row)["id"]) for row in rows] for _ in range(2))
    assert [each["status"] for each in first] == [each["status"] for each in again]
    failed = [each for each in first if each["status"] == "error"]
    assert 10 < len(failed) < 30
    assert all("error" in each and "price" not in each for each in failed)
    assert talk.stats()["cost"] == round(0.002 * 2 * (40 - len(failed)), 6)


@pytest.mark.parametrize("status", ["error", "canceled", "in_progress"])
def test_a_status_can_be_forced(status: str) -> None:
    talk = Talk(status=status)
    assert talk.poll(talk.predict()["id"])["status"] == status


def test_retried_makes_a_newer_job_of_the_same_row() -> None:
    talk = Talk(status="retried")
    job = talk.predict()
    assert talk.poll(job["id"])["status"] == "retried"
    newest = talk.post(f"{APP}/predictions", {})["predictions"][0]
    assert (newest["status"], newest["dataRowId"], newest["id"] != job["id"]) == ("success", job["dataRowId"], True)


def test_find_pages_newest_first_with_filters() -> None:
    talk = Talk()
    sent = []
    for row in talk.rows[:5]:
        talk.clock.now += 10
        sent.append(talk.predict(type="dataRow", id=row.id))
    found, cursor = [], ""
    while cursor is not None:
        page = talk.post(f"{APP}/predictions", {"pagination": {"limit": "2", "cursor": cursor}})
        found += [each["id"] for each in page["predictions"]]
        cursor = page["pagination"]["cursor"]
    assert found == [each["id"] for each in reversed(sent)]
    wanted = {"status": ["success"], "createdAt": {"from": sent[1]["createdAt"], "to": sent[2]["createdAt"]}}
    told = talk.post(f"{APP}/predictions", {"filters": wanted})["predictions"]
    assert [each["id"] for each in told] == [sent[2]["id"], sent[1]["id"]]


@pytest.mark.parametrize("shape", ["data", "results", "items", "nodes", "jobs"])
@pytest.mark.parametrize("cursor", ["nextCursor", "pageInfo.endCursor", "pagination.cursor"])
def test_find_has_every_shape_it_could_have(shape: str, cursor: str) -> None:
    talk = Talk(find_shape=shape, find_cursor=cursor, find_limit=1)
    talk.predict()
    newest = talk.predict()
    told = talk.post(f"{APP}/predictions", {})
    for name in cursor.split("."):
        told = {**told, **told[name]} if isinstance(told[name], dict) else {**told, "cursor!": told[name]}
    assert told[shape][0]["id"] == told["cursor!"] == newest["id"]


def test_find_may_be_a_bare_list() -> None:
    talk = Talk(find_shape="list")
    job = talk.predict()
    assert [each["id"] for each in talk.post(f"{APP}/predictions", {})] == [job["id"]]


def test_stats_tell_what_was_paid_for() -> None:
    talk = Talk()
    talk.predict()
    talk.predict()
    talk.predict(type="text", text="A bus")
    stats = talk.stats()
    assert (stats["submits"]["total"], stats["submits"]["twice_items"]) == (3, [talk.first])
    assert (stats["counts"]["submits.data_row"], stats["counts"]["submits.asset"]) == (2, 1)
    assert stats["predictions"] == {"success": 3}


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "7"}])
def test_429_speaks_to_both_kinds_of_client(headers: dict[str, str]) -> None:
    talk = Talk(
        faults=[{"route": f"POST {APP.replace(seed.STREET_APP, '{app}')}/predict", "status": 429, "headers": headers}]
    )
    reply = talk.ask("POST", f"{APP}/predict", json={})
    assert (reply.status_code, reply.headers.get("retry-after")) == (429, headers.get("Retry-After"))
    assert reply.json()["message"].startswith("You have exceeded")


def test_a_wrong_key_is_refused_but_files_need_none() -> None:
    talk = Talk()
    talk.headers = {"authorization": "Bearer wrong"}
    reply = talk.ask("POST", "/graphql", json={"query": "{user{id}}"})
    assert (reply.status_code, reply.json()["errors"][0]["extensions"]["code"]) == (401, "AUTHENTICATION_ERROR")
    assert talk.ask("GET", "/assets/street-001.png").content.startswith(b"\x89PNG")


def test_unknown_values_of_knobs_are_refused() -> None:
    reply = Talk().ask("POST", "/_emulator/knobs", json={"find_shape": "heap"})
    assert reply.status_code == 400
    assert "predictions" in reply.json()["message"]
