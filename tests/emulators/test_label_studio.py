"""The open-source half of the stand-in: tokens, errors, projects, imports, tasks, filters, predictions, views."""

import json
from typing import Any

import pytest

from runner.emulators.label_studio import create, personal_access_token
from tests.emulators.label_studio_talk import Talk

FOREIGN_PAT = personal_access_token("other")
ANSWER = {"from_name": "intent", "to_name": "text", "type": "choices", "value": {"choices": ["billing"]}}


def query(column: str, operator: str, value: Any, kind: str = "Number") -> str:
    item = {"filter": f"filter:tasks:{column}", "operator": operator, "type": kind, "value": value}
    return json.dumps({"filters": {"conjunction": "and", "items": [item]}})


def test_the_version_tells_the_edition_without_a_token() -> None:
    talk = Talk(edition="Community")
    talk.headers = {}
    assert talk.get("/api/version")["edition"] == "Community"


def test_no_credentials_are_told_apart_from_wrong_ones() -> None:
    talk = Talk()
    talk.headers = {}
    assert talk.get("/api/projects/")["detail"] == "Authentication credentials were not provided."
    talk.headers = {"authorization": "Token wrong"}
    assert talk.ask("GET", "/api/projects/").status_code == 401


def test_legacy_tokens_can_be_off() -> None:
    reply = Talk(legacy_tokens=False).ask("GET", "/api/projects/")
    assert reply.status_code == 401
    assert reply.json()["detail"] == "legacy token authentication has been disabled for this organization"


def test_a_pat_is_exchanged_for_a_bearer_that_lives_300_seconds() -> None:
    talk = Talk(legacy_tokens=False)
    access = talk.post("/api/token/refresh/", {"refresh": personal_access_token("emulator")})["access"]
    talk.headers = {"authorization": f"Bearer {access}"}
    talk.now += 298
    assert talk.ask("GET", "/api/projects/").status_code == 200
    talk.now += 3
    assert talk.ask("GET", "/api/projects/").status_code == 401


@pytest.mark.parametrize("scheme", ["Token", "Bearer"])
def test_a_pat_opens_nothing_by_itself(scheme: str) -> None:
    talk = Talk()
    talk.headers = {"authorization": f"{scheme} {personal_access_token('emulator')}"}
    assert talk.ask("GET", "/api/projects/").status_code == 401


def test_a_wrong_pat_is_401_and_a_forged_bearer_too() -> None:
    talk = Talk()
    reply = talk.ask("POST", "/api/token/refresh/", json={"refresh": FOREIGN_PAT})
    assert (reply.status_code, reply.json()["detail"]) == (401, "Token is invalid")
    talk.headers = {"authorization": f"Bearer {create(token='other').state.site.tokens.access(FOREIGN_PAT, 0, 9e9)}"}
    assert talk.ask("GET", "/api/projects/").status_code == 401


def test_there_is_one_pat_until_it_is_blacklisted() -> None:
    talk = Talk()
    assert talk.ask("POST", "/api/token/").status_code == 409
    old = {"refresh": personal_access_token("emulator")}
    assert talk.ask("POST", "/api/token/blacklist/", json=old).status_code == 204
    assert talk.ask("POST", "/api/token/blacklist/", json=old).status_code == 404
    new = talk.post("/api/token/")["token"]
    assert "access" in talk.post("/api/token/refresh/", {"refresh": new})


def test_x_api_key_takes_either_kind() -> None:
    talk = Talk()
    access = talk.post("/api/token/refresh/", {"refresh": personal_access_token("emulator")})["access"]
    for key in ("emulator", access):
        talk.headers = {"x-api-key": key}
        assert talk.ask("GET", "/api/projects/").status_code == 200


def test_an_unknown_path_is_a_large_page_of_html_even_without_a_token() -> None:
    talk = Talk()
    talk.headers = {}
    reply = talk.ask("GET", "/api/nothing/")
    assert (reply.status_code, reply.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert len(reply.content) > 150_000


@pytest.mark.parametrize("path", ["/api/prompts/", "/api/prompts/1/versions", "/api/projects/3/subsets"])
def test_community_has_no_prompts(path: str) -> None:
    talk = Talk(edition="Community")
    assert [talk.ask(verb, path).text[:9] for verb in ("GET", "POST")] == ["<!DOCTYPE", "<!DOCTYPE"]
    assert talk.ask("GET", "/api/projects/3/").status_code == 200


def test_a_missing_project_is_json() -> None:
    reply = Talk().ask("GET", "/api/projects/99/")
    assert (reply.status_code, reply.json()["detail"]) == (404, "No Project matches the given query.")


def test_own_paths_work_with_and_without_the_last_slash_and_are_counted_as_one() -> None:
    talk = Talk()
    assert talk.get("/api/tasks", project=3)["total"] == talk.get("/api/tasks/", project=3)["total"] == 60
    assert talk.get("/_emulator/stats")["requests"]["GET /api/tasks/"] == 2


def test_rate_limits_answer_429_with_or_without_a_header() -> None:
    talk = Talk(rate_limits=True)
    replies = [talk.ask("GET", "/api/projects/") for _ in range(16)]
    assert [reply.status_code for reply in replies].count(429) == 1
    assert "retry-after" not in replies[-1].headers
    talk.turn(rate_limit_header=True)
    assert talk.ask("GET", "/api/projects/").headers["retry-after"] == "1"


def test_a_bad_label_config_is_refused() -> None:
    reply = Talk().ask("POST", "/api/projects/", json={"title": "bad", "label_config": "<View>"})
    assert reply.status_code == 400
    assert "label_config" in reply.json()["validation_errors"]


def test_import_gives_ascending_ids_in_input_order() -> None:
    talk = Talk()
    rows = [{"data": {"text": "one"}}, {"text": "two"}]
    made = talk.post("/api/projects/3/import?return_task_ids=true", rows)
    assert (made["task_count"], made["task_ids"]) == (2, [61, 62])
    assert talk.get("/api/tasks/62/")["data"] == {"text": "two"}


@pytest.mark.parametrize("rows", [[], [{"data": {"text": "a"}}, {"data": {"body": "b"}}]])
def test_an_import_that_does_not_fit_stores_nothing(rows: list[Any]) -> None:
    talk = Talk()
    assert talk.ask("POST", "/api/projects/3/import", json=rows).status_code == 400
    assert talk.get("/api/tasks/", project=3)["total"] == 60


def test_background_import_is_polled() -> None:
    talk = Talk(import_mode="background", import_s=5.0)
    number = talk.post("/api/projects/3/import", [{"text": "later"}])["import"]
    path = f"/api/projects/3/imports/{number}/"
    assert talk.get(path)["status"] == "in_progress"
    talk.now += 6
    assert (talk.get(path)["status"], talk.get(path)["task_ids"]) == ("completed", [61])


def test_background_import_fails_only_where_it_is_polled() -> None:
    talk = Talk(import_mode="background", import_s=0.0)
    reply = talk.ask("POST", "/api/projects/3/import", json=[{"body": "no text"}])
    assert reply.status_code == 201
    told = talk.get(f"/api/projects/3/imports/{reply.json()['import']}/")
    assert told["status"] == "failed"
    assert "missing" in told["error"]


def test_tasks_are_paged_and_a_page_past_the_end_is_404() -> None:
    talk = Talk()
    last = talk.get("/api/tasks/", project=3, page=3, page_size=25)
    assert (len(last["tasks"]), last["total"]) == (10, 60)
    past = talk.ask("GET", "/api/tasks/", params={"project": 3, "page": 4, "page_size": 25})
    assert (past.status_code, past.json()["detail"]) == (404, "Invalid page.")
    assert len(talk.get("/api/tasks/", project=3, page_size=-1)["tasks"]) == 60


def test_predictions_and_annotations_come_only_with_fields_all() -> None:
    talk = Talk()
    assert talk.get("/api/tasks/", project=3)["tasks"][0]["annotations"] == []
    assert talk.get("/api/tasks/", project=3, fields="all")["tasks"][0]["annotations"][0]["ground_truth"] is True


@pytest.mark.parametrize(
    ("column", "operator", "value", "kind", "found"),
    [
        ("id", "in", {"min": 3, "max": 5}, "Number", [3, 4, 5]),
        ("id", "less_or_equal", 2, "Number", [1, 2]),
        ("id", "in_list", [7, 9], "List", [7, 9]),
        ("data.text", "contains", "oak table", "String", [10]),
        ("data.text", "regex", "^asdf", "String", [58]),
        ("ground_truth", "equal", "false", "Boolean", [57, 58, 59, 60]),
        ("total_annotations", "equal", 0, "Number", [57, 58, 59, 60]),
        ("completed_at", "empty", True, "Datetime", [57, 58, 59, 60]),
    ],
)
def test_filters_are_pushed_down(column: str, operator: str, value: Any, kind: str, found: list[int]) -> None:
    asked = query(column, operator, value, kind)
    assert [row["id"] for row in Talk().get("/api/tasks/", project=3, query=asked)["tasks"]] == found


@pytest.mark.parametrize("text", ["{", query("nonsense", "equal", 1), query("id", "resembles", 1)])
def test_a_broken_query_is_500(text: str) -> None:
    assert Talk().ask("GET", "/api/tasks/", params={"project": 3, "query": text}).status_code == 500


def test_a_view_filters_and_orders() -> None:
    talk = Talk()
    data = {"title": "v", "ordering": ["-tasks:id"], **json.loads(query("id", "less", 4))}
    view = talk.post("/api/dm/views/", {"project": 3, "data": data})
    assert [row["id"] for row in talk.get("/api/tasks/", view=view["id"])["tasks"]] == [3, 2, 1]


def test_selected_items_choose_tasks() -> None:
    asked = json.dumps({"selectedItems": {"all": True, "excluded": list(range(3, 61))}})
    assert Talk().get("/api/tasks/", project=3, query=asked)["total"] == 2


def test_a_ground_truth_given_later_counts() -> None:
    talk = Talk()
    made = talk.ask("POST", "/api/tasks/60/annotations/", json={"result": [ANSWER], "ground_truth": True})
    assert made.status_code == 201
    assert talk.get("/api/projects/3/")["ground_truth_number"] == 57


def test_imported_predictions_are_counted_and_invalid_ones_vanish() -> None:
    talk = Talk()
    wrong = {**ANSWER, "value": {"choices": ["refunds"]}}
    rows = [{"task": 1, "result": [ANSWER], "model_version": "m"}, {"task": 2, "result": [wrong]}]
    assert talk.post("/api/projects/3/import/predictions", rows) == {"created": 1}
    assert talk.get("/api/projects/3/model-versions/") == {"m": 1}
    assert talk.get("/api/predictions/", task=1)[0]["result"] == [ANSWER]


def test_strict_predictions_are_refused_whole() -> None:
    talk = Talk(strict_predictions=True)
    rows = [{"task": 1, "result": [ANSWER]}, {"task": 2, "result": [{**ANSWER, "from_name": "x"}]}]
    reply = talk.ask("POST", "/api/projects/3/import/predictions", json=rows)
    assert reply.status_code == 400
    assert reply.json()["validation_errors"]["predictions"][0].startswith("Prediction 1: Region 0: Invalid value")
    assert talk.get("/api/predictions/") == []


@pytest.mark.parametrize(("body", "status"), [([{"task": 999, "result": [ANSWER]}], 400), ({"task": 1}, 500)])
def test_prediction_imports_that_store_nothing(body: Any, status: int) -> None:
    talk = Talk()
    assert talk.ask("POST", "/api/projects/3/import/predictions", json=body).status_code == status
    assert talk.get("/api/predictions/") == []


def test_posting_twice_stores_twice_and_an_action_deletes() -> None:
    talk = Talk()
    rows = [{"task": 1, "result": [ANSWER]}, {"task": 2, "result": [ANSWER]}]
    for _ in range(2):
        talk.post("/api/projects/3/import/predictions", rows)
    chosen = {"selectedItems": {"all": False, "included": [1]}, "project": 3}
    told = talk.post("/api/dm/actions/?id=delete_tasks_predictions&project=3", chosen)
    assert told["processed_items"] == 2
    assert [row["task"] for row in talk.get("/api/predictions/", project=3)] == [2, 2]


def test_one_prediction_is_made_changed_and_deleted() -> None:
    talk = Talk()
    made = talk.post("/api/predictions/", {"task": 1, "result": [ANSWER], "score": 0.5, "model_version": "m"})
    path = f"/api/predictions/{made['id']}/"
    assert talk.ask("PATCH", path, json={"score": 0.7}).json()["score"] == 0.7
    assert talk.ask("DELETE", path).status_code == 204
    assert talk.ask("GET", path).status_code == 404


def test_unknown_knobs_and_values_are_refused() -> None:
    with pytest.raises(ValueError, match="has no knob nonsense"):
        create(nonsense=1)
    with pytest.raises(ValueError, match="knob edition takes one of"):
        create(edition="Starter")


def test_a_rotated_pat_replaces_the_old_one() -> None:
    talk = Talk()
    old = {"refresh": personal_access_token("emulator")}
    new = talk.post("/api/token/rotate/", old)
    assert talk.ask("POST", "/api/token/refresh/", json=old).status_code == 401
    assert talk.ask("POST", "/api/token/refresh/", json=new).status_code == 200


def test_the_switch_for_legacy_tokens_is_in_the_api_too() -> None:
    talk = Talk()
    assert talk.post("/api/jwt/settings", {"legacy_api_tokens_enabled": False})["legacy_api_tokens_enabled"] is False
    assert talk.ask("GET", "/api/projects/").status_code == 401


@pytest.mark.parametrize("body", ["{", "[1]"])
def test_a_body_that_is_no_object_is_400(body: str) -> None:
    assert Talk().ask("POST", "/api/projects/", content=body).status_code == 400
