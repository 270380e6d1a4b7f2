"""The Enterprise half of the stand-in: prompts, versions, runs by subset, results, accuracy, what may go wrong."""

from typing import Any

import pytest

from tests.emulators.label_studio_talk import VERSIONS, Talk

FILTER = {
    "conjunction": "and",
    "items": [{"filter": "filter:tasks:id", "operator": "less", "type": "Number", "value": 9}],
}
STORED = {
    "conjunction": "or",
    "filters": [{"column": "data.text", "operator": "contains", "type": "String", "value": "oak"}],
}


def accuracy(run: dict[str, int]) -> float:
    return run["total_correct_predictions"] / run["total_tasks"]


@pytest.mark.parametrize("tasks", [60, 560])
def test_the_gate_passes_for_version_7_and_fails_for_6(tasks: int) -> None:
    talk = Talk(seed=tasks)
    assert accuracy(talk.finished(version=7)) > 0.95
    assert 0.5 < accuracy(talk.finished(version=6)) < 0.8


def test_the_accuracy_is_what_the_rows_say() -> None:
    talk = Talk()
    run = talk.finished(version=6)
    rows = talk.rows("HasGT", model_run=run["id"])
    right = [
        row for row in rows if row["prediction"]["result"][0]["value"] == row["ground_truth"]["result"][0]["value"]
    ]
    assert len(right) == run["total_correct_predictions"] == sum(row["score"] == 1.0 for row in rows) == 37


def test_a_changed_prompt_changes_the_answer() -> None:
    talk = Talk()
    text = "{text}\nshipping: walnut\nOtherwise other."
    made = talk.post(VERSIONS, {"title": "t", "prompt": text, "provider_model_id": "m"})
    run = talk.finished("Filtered", version=made["id"], filters_json=STORED)
    row = talk.rows("Filtered", model_run=run["id"])[0]
    assert row["prediction"]["result"][0]["value"]["choices"] == ["shipping"]


@pytest.mark.parametrize(
    ("subset", "more", "total"),
    [
        ("All", {}, 60),
        ("HasGT", {}, 56),
        ("Sample", {"sample_subset_size": 5}, 5),
        ("Sample", {}, 20),
        ("Filtered", {"filters_json": FILTER}, 8),
        ("Filtered", {"filters_json": {"filters": FILTER}}, 8),
        ("Filtered", {"filters_json": STORED}, 1),
    ],
)
def test_subsets(subset: str, more: dict[str, Any], total: int) -> None:
    talk = Talk()
    run = talk.finished(subset, **more)
    assert (run["status"], run["total_tasks"], run["total_predictions"]) == ("Completed", total, total)
    assert talk.get("/_emulator/stats")["submits"]["total"] == total


def test_custom_runs_come_by_re_evaluation() -> None:
    talk = Talk()
    body = {"mode": "custom", "model_version_id": 7, "task_ids": [4, 2]}
    made = talk.post("/api/inference-runs/re-evaluate/", body)
    talk.now += 60
    run = talk.run(made["id"])
    assert (run["project_subset"], run["task_ids"], run["total_predictions"]) == ("Custom", [4, 2], 2)
    assert {row["id"] for row in talk.rows("Custom", model_run=run["id"])} == {2, 4}


def test_re_evaluation_may_only_repeat_the_request() -> None:
    talk = Talk(re_evaluate_answer="echo")
    body = {"mode": "custom", "model_version_id": 7, "task_ids": [4]}
    assert talk.post("/api/inference-runs/re-evaluate/", body) == body


def test_incorrect_tasks_are_evaluated_again_by_another_version() -> None:
    talk = Talk()
    source = talk.finished(version=6)
    body = {"mode": "incorrect", "model_version_id": 7, "source_model_run_id": source["id"]}
    made = talk.post("/api/inference-runs/re-evaluate/", body)
    talk.now += 60
    run = talk.run(made["id"])
    assert (run["total_tasks"], run["total_correct_predictions"], run["source_model_run"]) == (19, 19, source["id"])


def test_only_missing_predictions_leaves_out_what_this_version_has() -> None:
    talk = Talk()
    talk.finished("HasGT")
    assert talk.get(f"{VERSIONS}/7/prediction-count", project_id=3, project_subset="All")["tasks_to_run"] == 4
    assert talk.finished("All", only_missing_predictions=True)["total_tasks"] == 4
    assert talk.get("/_emulator/stats")["submits"]["twice"] == 0


@pytest.mark.parametrize(("overwrite", "left"), [("prompt", 0), ("version", 56), ("none", 56)])
def test_what_a_run_of_another_version_overwrites(overwrite: str, left: int) -> None:
    talk = Talk(overwrite=overwrite)
    first = talk.finished(version=6)
    talk.finished(version=7)
    kept = [row for row in talk.rows("HasGT", model_run=first["id"]) if row["prediction"]]
    assert len(kept) == left


def test_a_run_moves_with_the_clock() -> None:
    talk = Talk(pending_s=2.0, task_s=1.0)
    number = talk.start()
    assert talk.run(number)["status"] == "Pending"
    talk.now += 12.5
    run = talk.run(number)
    assert (run["status"], run["total_predictions"], run["completed_at"]) == ("InProgress", 10, None)
    talk.now += 60
    run = talk.run(number)
    assert run["created_at"] < run["triggered_at"] < run["completed_at"]


def test_counters_may_come_only_at_the_end() -> None:
    talk = Talk(task_s=1.0, counters="end")
    number = talk.start()
    talk.now += 10
    assert (talk.run(number)["total_predictions"], talk.run(number)["total_tasks"]) == (0, 0)
    talk.now += 60
    assert talk.run(number)["total_predictions"] == 56


def test_cancel_keeps_what_was_done_and_stops_there() -> None:
    talk = Talk(task_s=1.0)
    number = talk.start()
    talk.now += 10.5
    talk.run(number)
    assert "detail" in talk.post(f"{VERSIONS}/7/inference-runs/{number}/cancel")
    talk.now += 60
    assert (talk.run(number)["status"], talk.run(number)["total_predictions"]) == ("Canceled", 10)
    assert talk.ask("POST", f"{VERSIONS}/7/inference-runs/{number}/cancel").status_code == 400


@pytest.mark.parametrize("ends", ["Failed", "InProgress"])
def test_a_run_may_fail_or_hang_half_way(ends: str) -> None:
    run = Talk(run_ends=ends).finished()
    assert (run["status"], run["total_predictions"]) == (ends, 28)


def test_failed_tasks_say_why_and_the_run_still_completes() -> None:
    talk = Talk(fail_share=0.2)
    run = talk.finished()
    rows = talk.rows("HasGT", model_run=run["id"])
    failed = [row for row in rows if row["error"]]
    assert (run["status"], run["total_predictions"] + len(failed)) == ("Completed", 56)
    assert {row["error"]["error_type"] for row in failed} == {"Timeout"}
    assert {row["prediction"] for row in failed} == {None}


def test_failed_tasks_can_be_evaluated_again() -> None:
    talk = Talk(fail_share=0.2, fail_once=True)
    source = talk.finished()
    body = {"mode": "failed", "model_version_id": 7, "source_model_run_id": source["id"]}
    made = talk.post("/api/inference-runs/re-evaluate/", body)
    talk.now += 60
    run = talk.run(made["id"])
    assert run["total_predictions"] == run["total_tasks"] == 56 - source["total_predictions"] > 0


def test_a_prompt_with_an_unknown_field_fails_every_task() -> None:
    talk = Talk()
    made = talk.post(VERSIONS, {"title": "t", "prompt": "{subject}", "provider_model_id": "m"})
    run = talk.finished("All", version=made["id"])
    assert (run["status"], run["total_predictions"]) == ("Completed", 0)
    assert talk.rows("All", model_run=run["id"])[0]["error"]["error_type"] == "KeyError"


def test_a_5xx_after_the_run_was_created_leaves_the_run() -> None:
    route = "POST /api/prompts/{prompt_id}/versions/{version_id}/inference-runs"
    talk = Talk(faults=[{"route": route, "status": 502, "when": "after"}])
    reply = talk.ask("POST", f"{VERSIONS}/7/inference-runs", json={"project": 3, "project_subset": "All"})
    assert reply.status_code == 502
    assert len(talk.get(f"{VERSIONS}/7/inference-runs")) == 1
    assert talk.get("/_emulator/stats")["counts"]["runs"] == 1


@pytest.mark.parametrize("body", [{}, {"project": 99}, {"project": 3, "project_subset": "Half"}])
def test_a_run_that_cannot_be_is_400(body: dict[str, Any]) -> None:
    talk = Talk()
    reply = talk.ask("POST", f"{VERSIONS}/7/inference-runs", json=body)
    assert (reply.status_code, reply.json()["detail"]) == (400, "Validation error")
    assert talk.get("/_emulator/stats")["submits"]["total"] == 0


@pytest.mark.parametrize(("refuse", "status"), [(True, 400), (False, 201)])
def test_hasgt_without_any_ground_truth(refuse: bool, status: int) -> None:
    talk = Talk(refuse_empty=refuse)
    asked = {"selectedItems": {"all": True}, "project": 3}
    talk.post("/api/dm/actions/?id=delete_tasks_annotations&project=3", asked)
    reply = talk.ask("POST", f"{VERSIONS}/7/inference-runs", json={"project": 3, "project_subset": "HasGT"})
    assert reply.status_code == status


def test_the_run_has_every_field_of_the_published_example() -> None:
    shown = set(Talk().finished())
    assert shown >= {
        "completed_at", "created_at", "created_by", "id", "parent_model", "project", "source_model_run", "status",
        "task_ids", "triggered_at", "filters_json", "job_id", "organization", "predictions_updated_at",
        "project_subset", "sample_subset_size", "total_correct_predictions", "total_predictions", "total_tasks",
    }  # fmt: skip


def test_the_older_shape_of_a_run() -> None:
    run = Talk(created_by="id", run_shows_version=False).finished()
    assert (run["created_by"], "model_version" in run) == (1, False)


def test_runs_are_listed_by_filters_of_which_custom_is_none() -> None:
    talk = Talk()
    talk.finished("Sample")
    assert len(talk.get(f"{VERSIONS}/7/inference-runs", project_subset="Sample", project=3, parent_model=1)) == 1
    assert talk.get(f"{VERSIONS}/7/inference-runs", project_subset="All") == []
    reply = talk.ask("GET", f"{VERSIONS}/7/inference-runs", params={"project_subset": "Custom"})
    assert reply.status_code == 400


@pytest.mark.parametrize("shape", ["both", "nested", "flat", "page", "array"])
def test_every_envelope_holds_the_same_rows(shape: str) -> None:
    talk = Talk(envelope=shape)
    run = talk.finished()
    path = "/api/projects/3/subset-tasks"
    reply = talk.get(path, project_subset="HasGT", parent_model=1, model_run=run["id"], page_size=10, page=6)
    inner = reply if shape == "array" else reply.get("results", [reply])
    rows = inner[0].get("task_result_list", inner)
    assert [row["id"] for row in rows] == [51, 52, 53, 54, 55, 56]


def test_subset_tasks_want_the_prompt_and_count_on_demand() -> None:
    talk = Talk()
    path = "/api/projects/3/subset-tasks"
    assert talk.ask("GET", path, params={"project_subset": "All"}).status_code == 400
    asked = {"project_subset": "All", "parent_model": 1}
    assert talk.get(path, **asked)["task_count"] == 60
    assert "task_count" not in talk.get(path, **asked, include_total="false")


def test_subset_tasks_may_list_tasks_the_run_never_saw() -> None:
    talk = Talk(subset_scope="subset")
    run = talk.finished("Filtered", filters_json=FILTER)
    rows = talk.rows("All", model_run=run["id"])
    assert (len(rows), sum(row["prediction"] is not None for row in rows)) == (60, 8)


def test_false_positives_are_found_by_class() -> None:
    talk = Talk()
    talk.finished(version=6)
    rows = talk.rows("HasGT", alignment_class="other", alignment_outcome="false_positive")
    assert rows
    assert all(row["ground_truth"]["result"][0]["value"]["choices"] != ["other"] for row in rows)


def test_subsets_are_counted() -> None:
    counts = {row["subset"]: row["count"] for row in Talk().get("/api/projects/3/subsets")}
    assert counts == {"All": 60, "HasGT": 56, "Sample": 20}


def test_a_worker_outside_posts_answers_and_failures() -> None:
    talk = Talk(worker="outside")
    number = talk.start("Sample", sample_subset_size=2)
    assert talk.run(number)["status"] == "InProgress"
    results = [{"task_id": 1, "output": {"intent": "billing", "mood": "bad"}, "error": False}]
    reply = talk.ask("POST", "/api/model-run/batch-predictions", json={"modelrun_id": number, "results": results})
    failures = [{"task_id": 2, "message": "too long", "error_type": "ContextWindow"}]
    talk.post("/api/model-run/batch-failed-predictions", {"modelrun_id": number, "failed_predictions": failures})
    assert (reply.status_code, talk.run(number)["status"]) == (201, "Completed")
    assert [bool(row["prediction"]) for row in talk.rows("All", model_run=number)] == [True, False]


def test_version_and_prompt_get_the_score_of_a_hasgt_run() -> None:
    talk = Talk()
    talk.finished("All", version=6)
    assert talk.get(f"{VERSIONS}/6")["score"] is None
    talk.finished("HasGT", version=6)
    assert talk.get(f"{VERSIONS}/6")["score"] == pytest.approx(37 / 56)
    assert talk.get("/api/prompts/1/")["best_score"] == pytest.approx(37 / 56)


def test_indicators_come_as_list_and_by_key() -> None:
    talk = Talk()
    path = f"/api/inference-runs/{talk.finished(version=6)['id']}/indicators/"
    shown = talk.get(path)[0]
    assert shown["main_kpi"] == pytest.approx(37 / 56)
    assert talk.get(path + shown["key"])["values"]["evaluated"] == 56


def test_the_cost_grows_with_prompt_and_tasks() -> None:
    talk = Talk()
    path = VERSIONS + "/{}/cost-estimate"
    costs = [
        float(talk.get(path.format(version), project_id=3, project_subset=subset)["total_cost_usd"])
        for version, subset in ((1, "Sample"), (1, "All"), (7, "All"))
    ]
    assert costs == sorted(costs)
    assert costs[0] > 0


def test_an_impossible_estimate_is_no_http_error() -> None:
    reply = Talk(estimate_fails=True).ask(
        "GET", f"{VERSIONS}/7/cost-estimate", params={"project_id": 3, "project_subset": "All"}
    )
    assert (reply.status_code, reply.json()["is_error"], reply.json()["total_cost_usd"]) == (200, True, None)


def test_refining_waits_and_really_learns() -> None:
    talk = Talk(refine_s=5.0)
    body = {"project_id": 3, "teacher_model_name": "t", "teacher_model_provider_connection_id": 1}
    number = talk.post(f"{VERSIONS}/1/refine", body)["refinement_job_id"]
    path = f"{VERSIONS}/1/refine?refinement_job_id={number}"
    assert talk.ask("GET", path).status_code == 202
    talk.now += 6
    made = talk.post(VERSIONS, {"title": "r", "prompt": talk.get(path)["prompt"], "provider_model_id": "m"})
    assert accuracy(talk.finished(version=made["id"])) > 0.9


def test_prompts_may_be_a_bare_array() -> None:
    assert Talk(prompts_list="array").get("/api/prompts/")[0]["versions_count"] == 7
    assert Talk().get("/api/prompts/")["results"][0]["title"] == "Support intent"


def test_deleting_a_version_deletes_its_predictions() -> None:
    talk = Talk()
    talk.finished()
    assert talk.ask("DELETE", f"{VERSIONS}/7").status_code == 204
    assert talk.ask("GET", f"{VERSIONS}/7/inference-runs").status_code == 404
    assert talk.get("/api/predictions/") == []


@pytest.mark.parametrize(
    "body", [{}, {"title": ""}, {"title": "t", "input_fields": []}, {"title": "t", "skill_name": "x"}]
)
def test_a_prompt_that_cannot_be_is_400(body: dict[str, Any]) -> None:
    assert Talk().ask("POST", "/api/prompts/", json=body).status_code == 400


def test_keys_of_connections_never_come_back() -> None:
    talk = Talk()
    made = talk.post("/api/model-provider-connections/", {"provider": "OpenAI", "api_key": "sk-secret"})
    assert "sk-secret" not in str(talk.get("/api/model-provider-connections/"))
    assert made["provider"] == "OpenAI"


def test_an_empty_server_has_nothing() -> None:
    talk = Talk(seed=0)
    assert (talk.get("/api/projects/")["count"], talk.get("/api/prompts/")["count"]) == (0, 0)


def test_trying_and_previewing_store_nothing() -> None:
    talk = Talk()
    tried = talk.post(f"{VERSIONS}/7/try-task", {"project_id": 3, "task_id": 1})
    assert tried["annotation_result"][0]["value"] == {"choices": ["billing"]}
    assert "charged twice" in talk.get(f"{VERSIONS}/7/prompt-preview", task_id=1)["rendered_prompt"]
    assert talk.get("/api/predictions/") == []


def test_a_version_is_copied_with_its_text() -> None:
    talk = Talk()
    made = talk.post(f"{VERSIONS}/7/duplicate")
    assert (made["id"], made["prompt"]) == (8, talk.get(f"{VERSIONS}/7")["prompt"])
