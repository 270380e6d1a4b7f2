"""Recipes over Labelbox as a user runs them, against an emulator with faults."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from runner.emulators import create
from tests.cli.shell import Shell
from tests.emulators.labelbox_talk import served

ROOT = Path(__file__).parents[2]
PREDICT = "POST /api/v1/foundry-app/{app}/predict"
POLL = "GET /api/v1/foundry-app/prediction/{job}"
MANIFEST = (ROOT / "runner/platforms/manifests/labelbox.yaml").read_text(encoding="utf-8")
"""As it is, but for the minute after which a lost job must have become visible."""
PROJECT = """\
apiVersion: runner/v1
kind: Project
name: t
connections:
  lb: {platform: labelbox, base_url: URL, app_url: URL, token: {env: LABELBOX_API_KEY}}
"""
RECIPE = """\
apiVersion: runner/v1
kind: Recipe
name: r
source: {labelbox.data_rows: {connection: lb, dataset: clx0street0scenes}}
filter: {limit: 6}
target: {labelbox.foundry_app: {connection: lb, app: bfe3927c-1f60-44ec-9114-c6a5f6ff0de2, mode: MODE}}
run: {poll: {first: 20ms, max: 100ms}}
record: {id: "{{ item.id }}", lighting: "{{ result.answers.lighting }}", price: "{{ job.cost }}"}
sinks: [{jsonl: {path: out.jsonl}}]
"""


class Lab:
    """A project in a folder, the emulator that its connection leads to, and the commands over it."""

    def __init__(self, shell: Shell, url: str):
        self.shell, self.url = shell, url
        shell.write("runner.yaml", PROJECT.replace("URL", url))
        shell.write("platforms/labelbox.yaml", re.sub(r"visible_within: \d+s", "visible_within: 100ms", MANIFEST))

    def recipe(self, mode="per_row", **changes):
        text = RECIPE.replace("MODE", mode)
        for old, new in changes.items():
            text = text.replace(old, new)
        self.shell.write("r.yaml", text)
        return self

    def apply(self):
        return self.shell("apply", "-f", "r.yaml")

    def turn(self, **knobs):
        httpx.post(f"{self.url}/_emulator/knobs", json=knobs).raise_for_status()

    def counts(self):
        return httpx.get(f"{self.url}/_emulator/stats").json()["counts"]

    def rows(self):
        return [json.loads(line) for line in self.shell.lines("out.jsonl")]


@pytest.fixture
def lab(shell, monkeypatch):
    """Give a maker of labs: `with lab(job_s=3) as one`."""
    monkeypatch.setenv("LABELBOX_API_KEY", "emulator")

    @contextmanager
    def open_lab(**knobs):
        with served(create("labelbox", **knobs)) as url:
            yield Lab(shell, url)

    return open_lab


@pytest.mark.parametrize("mode", ["per_row", "model_run"])
def test_rows_are_predicted_once(lab, mode):
    with lab() as one:
        assert one.recipe(mode).apply().code == 0
        assert [row["lighting"] for row in one.rows()] == ["day", "day", "day", "night", "day", "day"]
        before = one.counts()["predictions"]
        again = one.apply()
        assert (again.code, "nothing to do" in again.out, one.counts()["predictions"]) == (0, True, before)


def test_a_moved_platform_makes_no_new_work(lab):
    with lab() as one:
        one.recipe().apply()
    with lab() as moved:
        assert "nothing to do" in moved.apply().out
        assert "predictions" not in moved.counts()


def test_the_price_of_a_prediction_is_its_cost(lab):
    with lab(price=0.25) as one:
        assert "cost 1.5" in one.recipe().apply().out
        assert {row["price"] for row in one.rows()} == {0.25}
    with lab(price=0.25) as one:
        assert "cost 1.5" in one.recipe("model_run", **{"name: r": "name: s"}).apply().out


# -- each fault ends in one message and a code that says what kind of thing it is
FAULTS = [
    ("wrong token", {"faults": [{"status": 401, "times": None}]}, 4, "check the token"),
    ("no role", {"faults": [{"route": PREDICT, "status": 403}]}, 11, "the role of the token's owner"),
    ("quota", {"faults": [{"route": PREDICT, "status": 426}]}, 4, "quota"),
    ("429 without headers", {"faults": [{"route": PREDICT, "status": 429, "times": 3}]}, 0, ""),
    ("502 at a poll", {"faults": [{"route": POLL, "status": 502, "times": 2}]}, 0, ""),
    ("no JSON at a poll", {"faults": [{"route": POLL, "status": 200, "body": "{", "times": 2}]}, 0, ""),
    (
        "HTML at a poll",
        {"faults": [{"route": POLL, "status": 404, "body": "<html>", "times": None}]},
        15,
        "an HTML page",
    ),
    ("404 at a poll", {"faults": [{"route": POLL, "status": 404, "times": None}]}, 15, "no longer knows"),
    ("no JSON at a submit", {"faults": [{"route": PREDICT, "when": "after", "body": "{"}]}, 15, "may be this job"),
    ("lost reply", {"faults": [{"route": PREDICT, "when": "after", "drop": True}]}, 15, "may be this job"),
    ("failed rows", {"fail_share": 0.4}, 11, "The model could not answer"),
    ("canceled", {"status": "canceled"}, 11, "ended as canceled"),
    ("retried", {"status": "retried"}, 0, ""),
]


@pytest.mark.parametrize(("knobs", "code", "words"), [pytest.param(*each, id=name) for name, *each in FAULTS])
def test_each_fault_ends_in_one_message(lab, knobs, code, words):
    with lab() as one:
        one.recipe().turn(**knobs)
        said = one.apply()
    assert said.code == code, said.out + said.err
    assert words in said.out + said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"clx0street0scenes": "none"}, "no dataset none"),
        ({"bfe3927c-1f60-44ec-9114-c6a5f6ff0de2": "none"}, "Model app none not found"),
        (
            {"{jsonl: {path: out.jsonl}}": "labelbox.annotate: {connection: lb, project: none, task_queue: Done}"},
            "no project none",
        ),
    ],
)
def test_what_is_not_there_is_told_before_anything_is_paid(lab, change, words):
    with lab() as one:
        said = one.recipe(**change).apply()
        assert (said.code, words in said.err) == (4, True), said.out + said.err
        assert not [name for name in one.counts() if name.startswith("submits")]


def test_annotate_without_a_queue_is_refused_at_validate(lab):
    with lab() as one:
        sink = "labelbox.annotate: {connection: lb, project: p}"
        said = one.recipe(**{"{jsonl: {path: out.jsonl}}": sink}).shell("validate", "-f", "r.yaml")
    assert (said.code, "task_queue" in said.err) == (3, True)


def test_failed_rows_inside_a_complete_run_fail_alone(lab):
    with lab(fail_share=0.4) as one:
        said = one.recipe("model_run").apply()
        assert (said.code, "no prediction for this data row" in said.out + said.err) == (11, True)
        assert 0 < len(one.rows()) < 6


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 503}, {"body": "{"}])
def test_a_run_whose_reply_was_lost_is_adopted(lab, fault):
    faults = [{"route": "createModelJobForDataRows", "when": "after", **fault}]
    with lab(graphql_faults=faults) as one:
        said = one.recipe("model_run").apply()
        assert (said.code, one.counts()["model_jobs"]) == (0, 1), said.out + said.err
        assert len(one.rows()) == 6


def test_a_killed_apply_makes_no_second_run(lab, shell):
    now = [1.8e9]
    with lab(job_s=1000, clock=lambda: now[0]) as one:
        one.recipe("model_run")
        command = [sys.executable, "-m", "runner", "apply", "-f", "r.yaml"]
        process = subprocess.Popen(
            command, cwd=shell.folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL
        )
        while not one.counts().get("model_jobs"):
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        now[0] += 2000
        assert one.apply().code == 0
        assert (one.counts()["model_jobs"], len(one.rows())) == (1, 6)


SINK = "labelbox.model_run_predictions: {connection: lb, model_run: 9e3f331a-551b-0e24-6ab5-f69855df64ea}"
TICKETS = {
    "labelbox.data_rows: {connection: lb, dataset: clx0street0scenes}": (
        "labelbox.model_run_rows: {connection: lb, model_run: 9e3f331a-551b-0e24-6ab5-f69855df64ea}"
    ),
    'lighting: "{{ result.answers.lighting }}", price: "{{ job.cost }}"': (
        'predictions: [{name: topic, answer: {name: "{{ item.answers.topic }}"}}]'
    ),
    "{jsonl: {path: out.jsonl}}": f"{{{SINK}}}, {{jsonl: {{path: out.jsonl}}}}",
}


def test_refused_lines_are_told_and_what_was_paid_is_kept(lab):
    with lab(fail_lines=0.5) as one:
        said = one.recipe(**TICKETS).apply()
        assert (said.code, "lines were refused" in said.err) == (11, True), said.out + said.err
        paid = one.counts()["predictions"]
        again = one.apply()
        assert (again.code, one.counts()["predictions"], one.counts()["imports.mea"]) == (11, paid, 1)
