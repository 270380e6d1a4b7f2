"""The official SDK drives the served stand-in: what it can read and send is what the stand-in must speak."""

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from label_studio_sdk import LabelStudio
from label_studio_sdk.core.api_error import ApiError
from label_studio_sdk.data_manager import Column, Filters, Operator, Type

from runner.emulators.label_studio import create, personal_access_token
from runner.emulators.serve import serving
from tests.emulators.label_studio_talk import Talk

ONCE = {"max_retries": 0}
SENTIMENT = (
    '<View><Text name="t" value="$body"/><Choices name="mood" toName="t">'
    '<Choice value="good"/><Choice value="bad"/></Choices></View>'
)


class Served(Talk):
    """A stand-in on a socket, in a thread of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.url, self.opened = "", contextlib.ExitStack()

    def client(self, key: str = "emulator") -> Any:
        session = self.opened.enter_context(httpx.Client(timeout=20))
        return LabelStudio(base_url=self.url, api_key=key, httpx_client=session)


@pytest.fixture
def served() -> Iterator[Served]:
    talk = Served()
    up, down = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def main() -> None:
        async with serving(talk.app) as url:
            talk.url = url
            up.set()
            await down.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    assert up.wait(20)
    with talk.opened:
        yield talk
    loop.call_soon_threadsafe(down.set)
    thread.join()
    loop.close()


def finish(served: Served, client: LabelStudio, subset: str, version: int = 7, **more: Any) -> Any:
    made = client.prompts.runs.create(1, version, project=3, project_subset=subset, request_options=ONCE, **more)
    served.now += 60
    return next(run for run in client.prompts.runs.list(1, version) if run.id == made.id)


def test_version_and_user(served: Served) -> None:
    client = served.client()
    assert client.versions.get().edition == "Enterprise"
    assert client.users.whoami().username == "emulator"


def test_a_prompt_and_its_versions_live(served: Served) -> None:
    prompts = served.client().prompts
    made = prompts.create(title="Mood", input_fields=["text"], output_classes=["a"], associated_projects=[3])
    assert prompts.update(made.id, description="new").description == "new"
    assert prompts.get(made.id).associated_projects[0].title == "support-intent"
    version = prompts.versions.create(made.id, title="v1", prompt="{text}", provider_model_id="gpt-4.1-mini")
    assert [row.id for row in prompts.versions.list(made.id)] == [version.id] == [8]
    prompts.versions.update(made.id, version.id, prompt="{text}!")
    assert prompts.versions.get(made.id, version.id).prompt == "{text}!"
    prompts.versions.delete(made.id, version.id)
    prompts.delete(made.id)
    assert [row.title for row in prompts.list().results] == ["Support intent"]


def test_default_name_and_compatible_projects(served: Served) -> None:
    prompts = served.client().prompts
    assert prompts.versions.get_default_version_name(1).default_model_version_name == "Version 8"
    assert [row.id for row in prompts.compatible_projects().results] == [3]
    assert prompts.compatible_projects(project_type="NamedEntityRecognition").count == 0


@pytest.mark.parametrize(
    ("subset", "more", "total"),
    [
        ("All", {}, 60),
        ("HasGT", {}, 56),
        ("Sample", {"sample_subset_size": 5}, 5),
        ("Filtered", {"filters_json": {"conjunction": "and", "items": []}}, 60),
    ],
)
def test_a_run_of_each_subset(served: Served, subset: str, more: dict[str, Any], total: int) -> None:
    run = finish(served, served.client(), subset, **more)
    assert (run.status, run.total_tasks, run.total_predictions) == ("Completed", total, total)
    assert run.created_by.email == "emulator@example.com"
    assert run.created_at <= run.triggered_at <= run.predictions_updated_at


def test_a_custom_run_is_listed_beside_the_others(served: Served) -> None:
    body = {"mode": "custom", "model_version_id": 7, "task_ids": [1, 2]}
    number = served.post("/api/inference-runs/re-evaluate/", body)["id"]
    run = next(run for run in served.client().prompts.runs.list(1, 7) if run.id == number)
    assert (run.project_subset, run.task_ids) == ("Custom", [1, 2])


def test_only_missing_predictions(served: Served) -> None:
    client = served.client()
    finish(served, client, "HasGT")
    assert finish(served, client, "All", only_missing_predictions=True).total_tasks == 4


def test_poll_and_cancel(served: Served) -> None:
    served.turn(task_s=1.0)
    runs = served.client().prompts.runs
    made = runs.create(1, 7, project=3, project_subset="All")
    served.now += 20.5
    assert (runs.list(1, 7)[0].status, runs.list(1, 7)[0].total_predictions) == ("InProgress", 20)
    assert "canceled" in runs.cancel(1, 7, made.id).detail
    assert runs.list(1, 7)[0].status == "Canceled"


@pytest.mark.parametrize("shape", ["both", "nested"])
def test_results_with_accuracy_and_errors(served: Served, shape: str) -> None:
    served.turn(envelope=shape, fail_share=0.1)
    client = served.client()
    run = finish(served, client, "HasGT", version=6)
    found = client.prompts.subset_tasks(3, project_subset="HasGT", parent_model=1, model_run=run.id)
    rows = found.results[0].task_result_list
    assert found.results[0].task_count == len(rows) == 56
    assert sum(row.score == 1.0 for row in rows) == run.total_correct_predictions
    assert {row.error["error_type"] for row in rows if row.error} == {"Timeout"}
    assert {row.subset: row.count for row in client.prompts.subsets(3)}["HasGT"] == 56


def test_indicators_cost_and_refinement(served: Served) -> None:
    prompts = served.client().prompts
    run = finish(served, served.client(), "HasGT")
    assert prompts.indicators.list(run.id)[0].values["accuracy"] == 1.0
    assert prompts.indicators.get(run.id, "accuracy").title == "Accuracy"
    asked = {"additional_query_parameters": {"project_id": 3, "project_subset": "All"}}
    estimate = prompts.versions.cost_estimate(1, 7, request_options=asked)
    assert (estimate.is_error, float(estimate.total_cost_usd) > 0) == (False, True)
    body = {"project_id": 3, "teacher_model_name": "t", "teacher_model_provider_connection_id": 1}
    refined = prompts.versions.refine_prompt(1, 1, async_=False, **body)
    assert refined.refinement_status == "Completed"
    again = prompts.versions.get_refined_prompt(1, 1, refinement_job_id=refined.refinement_job_id)
    assert again.prompt == refined.prompt


def test_what_the_worker_posts(served: Served) -> None:
    served.turn(worker="outside")
    prompts = served.client().prompts
    made = prompts.runs.create(1, 7, project=3, project_subset="Sample", sample_subset_size=2)
    prompts.batch_predictions(modelrun_id=made.id, results=[{"task_id": 1, "output": {"intent": "billing"}}])
    failed = [{"task_id": 2, "message": "m", "error_type": "E"}]
    prompts.batch_failed_predictions(modelrun_id=made.id, failed_predictions=failed, job_id="j")
    run = prompts.runs.list(1, 7)[0]
    assert (run.status, run.total_correct_predictions, run.job_id) == ("Completed", 1, "j")


def test_tasks_are_paged_to_the_end_with_a_filter(served: Served) -> None:
    client = served.client()
    asked = Filters.create("and", [Filters.item(Column.id, Operator.GREATER, Type.Number, Filters.value(3))])
    pages = client.tasks.list(project=3, page_size=25, query=json.dumps({"filters": asked}))
    assert [task.id for task in pages] == list(range(4, 61))
    assert client.tasks.get(1).annotations[0]["ground_truth"] is True


def test_a_project_with_tasks_ground_truth_and_predictions(served: Served) -> None:
    client = served.client()
    project = client.projects.create(title="moods", label_config=SENTIMENT)
    made = client.projects.import_tasks(project.id, request=[{"data": {"body": "x"}}], return_task_ids=True)
    result = [{"from_name": "mood", "to_name": "t", "type": "choices", "value": {"choices": ["bad"]}}]
    client.annotations.create(made.task_ids[0], result=result, ground_truth=True)
    told = client.projects.import_predictions(project.id, request=[{"task": made.task_ids[0], "result": result}])
    assert told.created == 1
    assert client.predictions.list(project=project.id)[0].result == result
    assert client.projects.get(project.id).ground_truth_number == 1


def test_background_import(served: Served) -> None:
    served.turn(import_mode="background", import_s=5.0)
    client = served.client()
    number = client.projects.import_tasks(3, request=[{"data": {"text": "x"}}]).import_
    served.now += 6
    assert client.tasks.create_many_status(3, number).task_ids == [61]


def test_predictions_are_deleted_by_action_and_views_are_kept(served: Served) -> None:
    client = served.client()
    finish(served, client, "All")
    client.actions.create(id="delete_tasks_predictions", project=3, selected_items={"all": True, "excluded": [1]})
    assert [row.task for row in client.predictions.list(project=3)] == [1]
    view = client.views.create(project=3, data={"title": "v"})
    assert [row.id for row in client.views.list(project=3)] == [view.id]


def test_provider_connections(served: Served) -> None:
    providers = served.client().model_providers
    made = providers.create(provider="Anthropic", api_key="k", scope="User")
    assert providers.get(made.id).scope == "User"
    assert "Anthropic" in providers.list_model_provider_choices().provider_choices
    providers.delete(made.id)
    assert [row.id for row in providers.list()] == [1]


@pytest.mark.filterwarnings("ignore:The `parse_obj` method is deprecated")
def test_a_pat_is_swapped_and_swapped_again_when_it_has_expired(served: Served) -> None:
    served.turn(legacy_tokens=False, token_life_s=0.0)
    client = served.client(personal_access_token("emulator"))
    with pytest.raises(ApiError) as caught:
        client.projects.get(3)
    assert caught.value.status_code == 401
    served.turn(token_life_s=300.0)
    assert client.projects.get(3).title == "support-intent"
    assert served.get("/_emulator/stats")["requests"]["POST /api/token/refresh/"] == 2


def test_community_answers_prompts_with_a_page(served: Served) -> None:
    served.turn(edition="Community")
    with pytest.raises(ApiError) as caught:
        served.client().prompts.get(1)
    assert (caught.value.status_code, caught.value.body[:9]) == (404, "<!DOCTYPE")


def test_the_sdk_repeats_a_run_that_was_answered_503(served: Served) -> None:
    route = "POST /api/prompts/{prompt_id}/versions/{version_id}/inference-runs"
    fault = {"route": route, "status": 503, "when": "after", "headers": {"Retry-After": "0"}}
    served.turn(faults=[fault])
    runs = served.client().prompts.runs
    runs.create(1, 7, project=3, project_subset="All")
    assert len(runs.list(1, 7)) == 2


def test_an_app_of_its_own_for_each_token() -> None:
    assert create(token="a").state.site.tokens.pat != create(token="b").state.site.tokens.pat
