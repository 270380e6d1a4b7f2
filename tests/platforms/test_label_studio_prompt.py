"""The target `label_studio.prompt`: which tasks are run and paid, and how their results come back."""

import asyncio

import pytest

from runner.emulators.label_studio import personal_access_token
from runner.model.contracts import Cancelling, Comparing, Estimating, Finding, PollingMany
from runner.model.errors import AuthError, Indeterminate, JobLost, Refused, StopRun
from runner.model.job import Change, JobStatus
from tests.platforms.made import finished, job, sent
from tests.platforms.studio import Studio, task, with_truth

RUNS = "POST /api/prompts/{prompt_id}/versions/{version_id}/inference-runs"


def subsets(studio):
    return [(run.subset, len(run.tasks)) for run in studio.runs]


# -- only what was selected is run
def test_all_tasks_are_one_run_over_all():
    studio = Studio()
    state, results = studio.done(studio.items())
    assert (state.status, subsets(studio), len(results)) == (JobStatus.SUCCEEDED, [("All", 60)], 60)
    assert set(studio.paid.values()) == {1}


def test_the_tasks_with_ground_truth_are_a_run_over_them():
    studio = Studio()
    _, results = studio.done(with_truth(studio.items()), "has_ground_truth")
    assert subsets(studio) == [("HasGT", 56)]
    assert {one.value["score"] for one in results.values()} == {1.0}
    assert results["1"].value["run"] == {
        **{"id": "1", "version": 7, "subset": "HasGT"},
        **{"tasks": 56, "predictions": 56, "correct": 56},
    }


@pytest.mark.parametrize("subset", ["all", "has_ground_truth", "sample", "custom", None])
def test_what_is_not_a_whole_subset_is_run_by_its_numbers(subset):
    studio = Studio()
    some = with_truth(studio.items())[3:20]
    _, results = studio.done(some, subset)
    assert subsets(studio) == [("Custom", 17)]
    assert sorted(studio.paid) == [int(one.key) for one in some]
    assert set(results) == {one.key for one in some}


def test_a_number_of_items_that_happens_to_fit_is_no_proof():
    studio = Studio()
    others = [one for one in studio.items() if one.value["ground_truth"] is None] + with_truth(studio.items())[:52]
    studio.done(others)
    assert subsets(studio) == [("Custom", 56)]


def test_numbers_can_be_asked_for():
    studio = Studio()
    studio.done(studio.items(), over="tasks")
    assert subsets(studio) == [("Custom", 60)]


def test_a_sample_is_pushed_down_when_the_items_are_the_first_tasks():
    studio = Studio()
    studio.done(studio.items()[:12], "sample", over="subset")
    assert [(run.subset, run.sample_size, len(run.tasks)) for run in studio.runs] == [("Sample", 12, 12)]
    studio.done(studio.items()[1:13], "sample", over="subset")
    assert subsets(studio)[1] == ("Custom", 12)


def test_filters_are_pushed_down_when_they_mean_just_the_items():
    filters = [{"column": "data.text", "operator": "contains", "value": "order"}]
    studio = Studio()
    items = studio.items(filters=filters)
    studio.done(items, over="subset", filters=filters)
    studio.done(items[1:], over="subset", filters=filters)
    assert subsets(studio) == [("Filtered", len(items)), ("Custom", len(items) - 1)]
    assert studio.runs[0].filters["items"][0]["filter"] == "filter:tasks:data.text"


def test_what_was_predicted_already_is_not_paid_again_but_read():
    studio = Studio()
    studio.done(studio.items()[:50])
    _, results = studio.done(studio.items(), "all", "already_predicted")
    assert subsets(studio) == [("Custom", 50), ("All", 10)]
    assert (set(studio.paid.values()), len(results)) == ({1}, 60)


def test_when_all_are_predicted_no_run_is_made():
    studio = Studio()
    studio.done(studio.items())
    state, results = studio.done(studio.items()[:30], "all", "already_predicted")
    assert (state.status, len(studio.runs), len(results)) == (JobStatus.SUCCEEDED, 1, 30)
    assert results["1"].value["answer"] == {"intent": "billing"}


def test_some_of_them_with_some_predicted_are_run_by_their_numbers():
    studio = Studio()
    studio.done(studio.items()[:10])
    _, results = studio.done(studio.items()[5:15], "custom", "already_predicted")
    assert (subsets(studio)[1], len(results), set(studio.paid.values())) == (("Custom", 5), 10, {1})


# -- shapes that sources disagree about
@pytest.mark.parametrize("envelope", ["both", "nested", "flat", "page", "array"])
@pytest.mark.parametrize("count", [3, 100, 250])
def test_every_envelope_of_results_is_read(envelope, count):
    studio = Studio(seed=250, envelope=envelope)
    _, results = studio.done(studio.items()[:count])
    assert len(results) == count


@pytest.mark.parametrize(
    "knobs",
    [
        {"subset_scope": "subset"},
        {"created_by": "id"},
        {"run_shows_version": False},
        {"prompts_list": "array"},
        {"overwrite": "version"},
        {"counters": "end"},
    ],
)
def test_every_reading_of_the_documents_works(knobs):
    studio = Studio(**knobs)
    state, results = studio.done(with_truth(studio.items())[:20], prompt="Support intent")
    assert (state.status, len(results), set(studio.paid.values())) == (JobStatus.SUCCEEDED, 20, {1})


def test_a_re_evaluation_that_repeats_the_request_is_found_at_once():
    studio = Studio(re_evaluate_answer="echo")
    _, results = studio.done(studio.items()[:5])
    assert (len(studio.runs), len(results)) == (1, 5)


def test_prompt_and_version_may_be_named_by_title():
    studio = Studio()
    title = studio.site.store.versions[6].title
    studio.done(studio.items()[:3], prompt="Support intent", version=title)
    assert studio.runs[0].version_id == 6


# -- what can go wrong
def test_a_task_that_fails_fails_alone():
    studio = Studio(fail_share=0.3)
    state, results = studio.done(studio.items())
    failed = [one for one in results.values() if one.error]
    assert state.status is JobStatus.SUCCEEDED
    assert 5 < len(failed) < 35 and len(results) == 60
    assert failed[0].error == "The model timed out on this task (Timeout)"


def test_a_run_that_fails_half_way_keeps_what_was_paid():
    studio = Studio(run_ends="Failed")
    state, results = studio.done(studio.items())
    assert (state.status, state.error, len(results)) == (JobStatus.FAILED, "the run ended as Failed", 30)


def test_a_run_can_be_cancelled():
    studio = Studio(run_ends="InProgress")
    target = studio.target()

    items = studio.items()

    async def cancelled():
        one, _ = await sent(target, job(*items))
        assert (await target.poll(one)).status is JobStatus.RUNNING
        await target.cancel(one)
        await target.cancel(one)  # it has ended by now, which is no failure
        return await target.poll(one)

    assert isinstance(target, Cancelling)
    assert asyncio.run(cancelled()).status is JobStatus.CANCELLED


def test_progress_and_counters_are_told_while_it_runs():
    studio = Studio(run_ends="InProgress")
    items = studio.items()

    async def polled():
        one, _ = await sent(studio.target(), job(*items))
        return await studio.target().poll(one)

    state = asyncio.run(polled())
    assert (state.word, state.progress) == ("InProgress", 0.5)
    assert state.counters["predictions"] == 30


def test_a_bearer_is_renewed_while_a_long_run_is_polled():
    studio = Studio(token=personal_access_token("emulator"), task_s=20.0)
    items = studio.items()

    async def watched():
        one, _ = await sent(studio.target(), job(*items))
        polls = 0
        while not (state := await studio.target().poll(one)).is_terminal:
            studio.clock.at, polls = studio.clock.at + 100, polls + 1
        return state.status, polls

    assert asyncio.run(watched()) == (JobStatus.SUCCEEDED, 12)
    assert studio.desk.requests["POST /api/token/refresh/"] == 5


def test_indicators_are_kept_with_the_job():
    studio = Studio()
    items = with_truth(studio.items())

    async def ended():
        one, state = await sent(studio.target("has_ground_truth"), job(*items))
        return (await finished(studio.target(), one, state))[0]

    assert asyncio.run(ended()).kept["indicators"] == {"Accuracy": 1.0, "Predictions": 56}


def test_a_word_that_nobody_knows_is_held():
    studio = Studio(run_ends="InProgress")
    items = studio.items()[:2]

    async def odd():
        one, _ = await sent(studio.target(), job(*items))
        studio.runs[0].status = "Paused"
        return await studio.target().poll(one)

    assert asyncio.run(odd()).status is JobStatus.HELD


def test_a_run_that_is_gone_is_lost():
    studio = Studio()
    items = studio.items()[:2]

    async def gone():
        one, _ = await sent(studio.target(), job(*items))
        studio.site.store.runs.clear()
        return await studio.target().poll(one)

    with pytest.raises(JobLost, match="the listing has no job '1'"):
        asyncio.run(gone())


async def prepared(studio, items):
    one = job(*items)
    return job(*items, kept=dict(await studio.target().prepare(one)), sent_at=studio.clock.now())


@pytest.mark.parametrize(
    ("count", "route"), [(60, RUNS), (7, "POST /api/inference-runs/re-evaluate/")], ids=["All", "Custom"]
)
def test_a_run_whose_reply_was_lost_is_found(count, route):
    studio = Studio()
    items = studio.items()[:count]
    studio.done(items)
    studio.desk.turn({"faults": [{"route": route, "when": "after", "status": 502}]})

    async def lost():
        one = await prepared(studio, items)
        with pytest.raises(Indeterminate):
            await studio.target().submit(one)
        return await studio.target().find(one)

    assert isinstance(studio.target(), Finding)
    assert (asyncio.run(lost()).id, len(studio.runs)) == ("2", 2)


def test_a_run_whose_reply_is_malformed_is_found_at_once():
    studio = Studio(faults=[{"route": RUNS, "when": "after", "status": 201, "body": "{"}])
    _, results = studio.done(studio.items())
    assert (len(studio.runs), len(results)) == (1, 60)


def test_an_older_run_of_the_same_kind_is_not_taken_for_a_lost_one():
    studio = Studio()
    items = studio.items()
    studio.done(items)

    async def never_sent():
        return await studio.target().find(await prepared(studio, items))

    assert asyncio.run(never_sent()) is None


def test_a_number_that_is_none_fails_its_item_alone():
    studio = Studio()
    _, results = studio.done([*studio.items()[:2], task("x")])
    assert ({key for key, one in results.items() if one.error}, subsets(studio)) == ({"x"}, [("Custom", 2)])


def test_tasks_of_two_projects_are_no_run():
    studio = Studio()
    with pytest.raises(Refused, match="tasks of one project"):
        studio.done([task(1), task(2, project=4)])


# -- before anything is paid
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"prompt": 9}, "No ModelInterface matches"),
        ({"prompt": "Nobody's prompt"}, "there is no prompt with the title Nobody's prompt"),
        ({"version": 99}, "prompt 1 has no version 99"),
        ({"version": "v99"}, "to have it made give its title, text and model"),
    ],
)
def test_what_the_recipe_names_must_be_there(options, words):
    studio = Studio()
    with pytest.raises(AuthError, match=words):
        asyncio.run(studio.target(**options).check())
    assert studio.runs == []


def test_the_open_source_edition_says_what_it_lacks_and_the_way_round():
    with pytest.raises(AuthError, match=r"open-source edition.*no prompts.*label_studio.predictions"):
        asyncio.run(Studio(edition="Community").target().check())


def test_a_server_that_hides_its_edition_says_that_it_has_no_prompts():
    studio = Studio(
        edition="Community", faults=[{"route": "GET /api/version/", "status": 200, "body": {}, "times": None}]
    )
    with pytest.raises(StopRun, match=r"404.*HTML") as told:
        asyncio.run(studio.target().check())
    assert "prompts need the Enterprise edition" in told.value.mend


def test_a_cost_is_the_platforms_estimate_in_proportion():
    studio = Studio()
    assert isinstance(studio.target(), Estimating)
    whole, half = (asyncio.run(studio.target().estimate(count)) for count in (60, 30))
    assert whole.how == "the platform's estimate"
    assert whole.money == pytest.approx(2 * half.money) and whole.money > 0


def test_a_price_that_the_platform_does_not_know_is_said():
    studio = Studio(estimate_fails=True)
    assert asyncio.run(studio.target().estimate(5)).how == "unknown: Model gpt-4.1-mini is not mapped to a price"


def test_a_prompt_of_several_projects_has_no_price_without_the_project():
    studio = Studio()
    studio.site.store.prompts[1].associated_projects = []
    assert asyncio.run(studio.target().estimate(5)).how == "unknown: the prompt has not just one project; give project"
    assert asyncio.run(studio.target(project=3).estimate(5)).money > 0


# -- prompts as data
TEXT = "Which team?\n{text}\nbilling: invoice, charge\nOtherwise other.\n"
AS_DATA = {"text": TEXT, "model": "gpt-4.1-mini", "provider": "OpenAI"}


def test_a_version_that_is_not_there_is_shown_and_made_once():
    studio = Studio()
    target = studio.target(version="short", **AS_DATA)
    assert isinstance(target, Comparing) and isinstance(target, Estimating)
    fields = {"prompt": TEXT.strip(), "provider_model_id": "gpt-4.1-mini", "provider": "OpenAI"}
    assert asyncio.run(target.compare()) == [Change("version short of prompt 1", None, fields)]
    assert asyncio.run(target.estimate(5)).how == "unknown until the version is made"
    for _ in range(2):
        studio.done(studio.items()[:5], version="short", **AS_DATA)
    made = [one for one in studio.site.store.versions.values() if one.title == "short"]
    assert ([one.prompt for one in made], {run.version_id for run in studio.runs}) == ([TEXT.strip()], {made[0].id})
    assert asyncio.run(target.compare()) == ()


def test_a_version_whose_text_differs_is_shown_and_changed():
    studio = Studio()
    studio.done(studio.items()[:5], version="short", **AS_DATA)
    changed = {**AS_DATA, "text": TEXT.replace("charge", "charge, bill"), "few_shot": 2}
    (change,) = asyncio.run(studio.target(version="short", **changed).compare())
    assert (set(change.after), change.before["prompt"]) == ({"prompt", "max_few_shot_examples"}, TEXT.strip())
    studio.done(studio.items()[:5], version="short", **changed)
    (version,) = [one for one in studio.site.store.versions.values() if one.title == "short"]
    assert ("charge, bill" in version.prompt, version.max_few_shot_examples) == (True, 2)


def test_a_version_that_the_recipe_only_names_is_left_alone():
    studio = Studio()
    before = studio.site.store.versions[7].updated_at
    studio.done(studio.items()[:2])
    assert asyncio.run(studio.target().compare()) == ()
    assert studio.site.store.versions[7].updated_at == before


def test_one_run_at_a_time():
    capabilities = Studio().target().capabilities
    assert (capabilities.jobs_at_once, capabilities.max_items_per_job) == (1, None)
    assert not isinstance(Studio().target(), PollingMany)
