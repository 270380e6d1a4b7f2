"""The recipe support-intent as a user runs it: the gate, lost replies, and what a server may do to us."""

import json
import re
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from runner.emulators import create
from runner.emulators.label_studio import personal_access_token
from tests.cli.shell import Shell, copy_examples
from tests.emulators.labelbox_talk import served

MANIFEST = Path(__file__).parents[2] / "runner/platforms/manifests/label_studio.yaml"
RUNS = "POST /api/prompts/{prompt_id}/versions/{version_id}/inference-runs"
ROWS = "out/support-intent.jsonl"


class Site:
    """A copy of the examples, and the emulator that they lead to."""

    def __init__(self, shell: Shell, app):
        self.shell, self.desk, self.store = shell, app.state.desk, app.state.site.store

    def __call__(self, *arguments):
        return self.shell(arguments[0], "-f", "support-intent.yaml", *arguments[1:])

    def edit(self, old, new, name="support-intent.yaml"):
        text = self.shell.read(name)
        assert old in text
        self.shell.write(name, text.replace(old, new))

    @property
    def runs(self):
        return [(run.subset, len(run.tasks)) for run in self.store.runs.values()]

    @property
    def most(self):
        """How often the task was accepted that was accepted most often, by one version."""
        return max(self.desk.submits.values(), default=0)


@pytest.fixture
def studio(shell, monkeypatch):
    """Open a site with knobs; the manifest is the house's but for the minutes that a lost run may stay unseen."""

    @contextmanager
    def opened(token="emulator", **knobs):
        copy_examples(shell.folder)
        manifest = re.sub(r"visible_within: \d+s", "visible_within: 100ms", MANIFEST.read_text(encoding="utf-8"))
        shell.write("platforms/label_studio.yaml", manifest)
        app = create("label_studio", **{"task_s": 0.0, **knobs})
        with served(app) as url:
            monkeypatch.setenv("LABEL_STUDIO_URL", url)
            monkeypatch.setenv("LABEL_STUDIO_API_KEY", token)
            yield Site(shell, app)

    return opened


# -- the gate
def test_the_gate_passes_and_every_task_is_paid_once(studio):
    with studio() as site:
        said = site("apply", "-o", "json")
        pilot, rest = json.loads(said.out)["stages"]
        assert (said.code, site.runs, site.most) == (0, [("HasGT", 56), ("Custom", 4)], 1)
        assert pilot["counters"]["1"]["correct"] == 56
        assert pilot["counters"]["1"]["indicators"] == {"Accuracy": 1.0, "Predictions": 56}
        accuracy = pilot["checks"][0]
        assert accuracy["what"] == "56 of 56 are right (1), safe is 0.9358 at 0.95, wanted: at least 0.93"
        assert accuracy["details"]["by"] == "platform"
        assert accuracy["details"]["classes"]["billing"]["right"] > 5
        assert (rest["sinks"], len(site.shell.lines(ROWS))) == (
            {f"jsonl {ROWS}": 60, "csv out/support-intent.csv": 60},
            60,
        )


def test_a_second_apply_does_nothing(studio):
    with studio() as site:
        site("apply")
        before = site.shell.read(ROWS)
        again = site("apply")
        assert (again.code, again.out.count("nothing to do"), len(site.runs)) == (0, 2, 2)
        assert site.shell.read(ROWS) == before


def test_a_failed_gate_writes_nothing_and_the_rest_is_not_paid(studio):
    with studio() as site:
        said = site("apply", "--var", "version=6")
        assert (said.code, site.runs) == (12, [("HasGT", 56)])
        assert "FAIL 37 of 56 are right" in said.out
        assert "not applied: stage pilot has not passed" in said.out
        assert not (site.shell.folder / ROWS).exists()


def test_what_was_paid_before_a_failed_gate_is_kept(studio):
    with studio() as site:
        site("apply", "--var", "version=6")
        site.edit("min: 0.93", "min: 0.5")
        assert site("apply", "--var", "version=6").code == 0
        assert (site.runs, site.most) == ([("HasGT", 56), ("Custom", 4)], 1)


def test_no_version_may_be_worse_than_the_one_before(studio):
    with studio() as site:
        site.edit("min: 0.93", "min: 0.5")
        assert site("apply").code == 0
        said = site("apply", "--var", "version=6")
        assert (said.code, "is 0.6607, before it was 1, allowed: 0.02 less" in said.out) == (12, True)


def test_a_lost_ledger_pays_nothing_again_that_the_platform_has(studio):
    with studio() as site:
        site("apply")
        for file in (site.shell.folder / ".runner").glob("*"):
            file.unlink()
        site.edit(
            "    filter: {subset: has_ground_truth}", "    filter: {subset: has_ground_truth, skip: already_predicted}"
        )
        assert site("apply").code == 0
        assert (len(site.runs), site.most) == (2, 1)


def test_a_plan_counts_what_apply_will_send_not_what_the_platform_has(studio):
    with studio() as site:
        site("apply")
        for file in (site.shell.folder / ".runner").glob("*"):
            file.unlink()
        site.edit("subset: has_ground_truth}", "subset: has_ground_truth, skip: already_predicted}")
        plan = json.loads(site("plan", "-o", "json").out)
        assert [(stage["to_submit"], stage["counts"], stage["cost"]["money"]) for stage in plan["stages"]] == [
            (0, {"predicted": 56}, None),
            (0, {"shared": 56, "predicted": 4}, None),
        ]
        said = site("plan", "--exit-code")
        assert (said.code, said.out.count("cost       nothing to pay")) == (10, 2)
        assert "60 results to collect that the platform already has" in said.out
        assert (site("apply").code, len(site.runs), len(site.shell.lines(ROWS))) == (0, 2, 60)
        assert json.loads(site("plan", "-o", "json").out)["stages"][1]["counts"] == {"done": 60}


def test_a_plan_counts_the_rest_when_the_platform_has_some(studio):
    with studio() as site:
        site("apply")
        for file in (site.shell.folder / ".runner").glob("*"):
            file.unlink()
        for prediction in list(site.store.projects[3].tasks[1].predictions):
            del site.store.projects[3].tasks[1].predictions[prediction]
        site.edit("subset: has_ground_truth}", "subset: has_ground_truth, skip: already_predicted}")
        pilot = json.loads(site("plan", "-o", "json").out)["stages"][0]
        assert pilot["counts"] == {"new": 1, "predicted": 55}
        assert (pilot["to_submit"], pilot["target"]["jobs"]) == (1, 1)


# -- what is sent when
def test_a_plan_sends_nothing_and_knows_the_price(studio):
    with studio() as site:
        said = site("plan")
        assert "about 0.0052208 USD (the platform's estimate)" in said.out
        assert "lost jobs are looked for by time and parameters" in said.out
        assert not [route for route in site.desk.requests if route.startswith(("POST", "PATCH", "DELETE"))]


def test_a_prompt_in_the_recipe_is_shown_as_a_difference_and_brought_about(studio):
    with studio() as site:
        text = "Which team?\\n{text}\\nbilling: invoice, charge\\nOtherwise other."
        wanted = f'prompt: 1, version: lab, model: gpt-4.1-mini, text: "{text}"'
        site.edit('prompt: 1, version: "{{ vars.version }}"', wanted)
        assert "changes    version lab of prompt 1: new" in site("plan").out
        site("apply")
        site.edit("invoice, charge", "invoice, charge, bill")
        plan = site("plan").out
        assert "    -billing: invoice, charge" in plan and "    +billing: invoice, charge, bill" in plan
        site("apply")
        assert [one.prompt.count("bill,") for one in site.store.versions.values() if one.title == "lab"] == [0]
        assert "changes" not in site("plan").out


def test_small_jobs_go_one_after_the_other(studio):
    with studio(task_s=0.002) as site:
        site.edit("run:\n", "run:\n  items_per_job: 20\n")
        assert site("apply").code == 0
        runs = sorted(site.store.runs.values(), key=lambda run: run.created_at)
        assert [run.subset for run in runs] == ["Custom"] * 4
        assert all(a.completed_at <= b.created_at for a, b in pairwise(runs))


# -- what can go wrong
def test_a_wrong_token_ends_with_4(studio):
    with studio(token="wrong") as site:
        said = site("apply")
        assert (said.code, "401" in said.err, "check base_url and token" in said.err) == (4, True, True)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [("project: 3", "project: 33", "No Project matches"), ("prompt: 1", "prompt: 9", "No ModelInterface matches")],
)
def test_a_missing_project_or_prompt_ends_with_4_before_anything_is_paid(studio, old, new, words):
    with studio() as site:
        site.edit(old, new)
        said = site("apply")
        assert (said.code, words in said.err, site.runs) == (4, True, [])
        assert "check the numbers of project, prompt and version" in said.err


def test_the_open_source_edition_is_told_with_the_way_round(studio):
    with studio(edition="Community") as site:
        said = site("apply")
        assert (said.code, "has no prompts. The way round" in said.err) == (4, True)


def test_an_expired_bearer_is_renewed_in_the_middle(studio):
    with studio(token=personal_access_token("emulator"), token_life_s=2.0, task_s=0.05) as site:
        said = site("apply")
        assert said.code == 0, said.out + said.err
        assert (site.desk.requests["POST /api/token/refresh/"] >= 2, site.most) == (True, 1)


def test_a_429_without_headers_is_waited_out(studio):
    with studio(faults=[{"route": "* /api/*", "status": 429, "times": 4, "every": 3}]) as site:
        assert (site("apply").code, site.most) == (0, 1)


def test_an_html_404_stops_and_loses_nothing(studio):
    page = {"status": 404, "body": "<html><title>Not found</title>", "headers": {"content-type": "text/html"}}
    with studio(faults=[{"route": RUNS, **page}]) as site:
        said = site("apply")
        assert (said.code, "an HTML page titled 'Not found'" in said.out, "base_url must be" in said.out) == (
            4,
            True,
            True,
        )
        assert site("apply").code == 0
        assert (len(site.runs), site.most) == (2, 1)


@pytest.mark.parametrize("route", ["GET */inference-runs", "GET */subset-tasks", "GET /api/tasks/", "GET */subsets"])
def test_malformed_json_is_asked_again(studio, route):
    with studio(faults=[{"route": route, "status": 200, "body": "{", "times": 1}]) as site:
        said = site("apply")
        assert (said.code, site.most) == (0, 1), said.out + said.err


def test_a_malformed_reply_to_the_paying_request_is_no_second_run(studio):
    with studio(faults=[{"route": RUNS, "when": "after", "status": 201, "body": "{"}]) as site:
        assert (site("apply").code, len(site.runs), site.most) == (0, 2, 1)


@pytest.mark.parametrize("lost", [{"status": 502}, {"drop": True}])
def test_a_lost_reply_is_held_and_named_never_sent_again(studio, lost):
    with studio(faults=[{"route": RUNS, "when": "after", **lost}]) as site:
        said = site("apply")
        assert (said.code, "the platform has '1', which may be this job" in said.out) == (15, True)
        assert (site("apply").code, site.runs, site.most) == (15, [("HasGT", 56)], 1)


def test_a_lost_request_is_sent_again_when_the_list_shows_that_it_never_arrived(studio):
    with studio(faults=[{"route": RUNS, "status": 502}]) as site:
        assert (site("apply").code, site.most) == (0, 1)


def test_failed_tasks_are_told_one_by_one(studio):
    with studio(fail_share=0.1) as site:
        site.edit("min: 0.93", "min: 0.5")
        site.edit("max_ratio: 0.02", "max_ratio: 0.5")
        said = site("apply")
        assert (said.code, "The model timed out on this task (Timeout)" in said.out) == (11, True)
        assert 40 < len(site.shell.lines(ROWS)) < 60


def test_a_run_that_failed_keeps_what_was_paid(studio):
    with studio(run_ends="Failed") as site:
        said = site("apply")
        assert (said.code, "28 succeeded" in said.out, "the run ended as Failed" in said.out) == (12, True, True)
