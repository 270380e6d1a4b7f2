"""Cases of a trial, run."""

import asyncio
from pathlib import Path

import pytest

from runner.assembly.trial.running import run_case
from runner.assembly.trial.stands import HastyClock, Means
from runner.emulators.serve import serving
from tests.assembly.trial.acme import MANIFEST, Acme
from tests.assembly.trial.trials import RECIPE, project, said, trial, tried

ABOUT_JOBS = "platforms/jobs.test.yaml"
JOB = "name: a, target: {jobs.job: {}}, items: [{id: a, text: hi}, {id: b, text: yo}]"
SINKS = "sinks: [{jsonl: {path: out.jsonl}}]\n"
STAGES = """\
stages:
  - {name: pilot, filter: {limit: 1}, checks: [{not_null: {fields: [FIELD]}}]}
  - {name: all, needs: [pilot]}
"""


def test_a_recipe_is_applied_and_nothing_stays(tmp_path: Path):
    (one,) = tried(tmp_path, "cases:\n  - {name: a, expect: {records: [{loud: T0}, {loud: T1}, {loud: T2}]}}\n")
    assert (one.findings, one.skipped) == ([], "")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "in.jsonl",
        "loud.test.yaml",
        "loud.yaml",
        "platforms",
        "runner.yaml",
    ]


def test_what_differs_is_told_with_its_line(tmp_path: Path):
    body = "cases:\n  - name: a\n    keys: [k1]\n    expect:\n      records:\n        - {loud: TT}\n"
    assert said(tmp_path, body) == ['8 wrong-value: records[0].loud is "T1", not "TT"']


def test_a_wrong_recipe_is_a_finding_in_its_own_file(tmp_path: Path):
    project(tmp_path)
    (tmp_path / "loud.yaml").write_text(RECIPE.replace("name: loud", "nmae: loud"))
    (one,) = tried(tmp_path, "cases: [{name: a}]\n")
    assert {Path(each.mark.file).name for each in one.findings if each.mark} == {"loud.yaml"}


def test_keys_that_name_nothing_fail_the_case(tmp_path: Path):
    assert said(tmp_path, "cases: [{name: a, keys: [k9]}]\n") == [
        "3 nothing-tried: no item was selected, so nothing was tried"
    ]


def test_a_fault_that_meets_no_request_fails_the_case(tmp_path: Path):
    body = f"cases:\n  - {{{JOB}, emulator: {{faults: [{{route: GET /jbos}}]}}}}\n"
    assert said(tmp_path, body, ABOUT_JOBS) == ["4 unused-fault: no request met the fault of GET /jbos"]


def test_a_lost_reply_is_found_again(tmp_path: Path):
    lost = "{route: POST /jobs, when: after, drop: true}"
    expect = "{rows: 2, accepted: 2}"
    assert (
        said(tmp_path, f"cases:\n  - {{{JOB}, emulator: {{faults: [{lost}]}}, expect: {expect}}}\n", ABOUT_JOBS) == []
    )


def test_a_long_job_does_not_take_its_time(tmp_path: Path):
    (one,) = tried(tmp_path, f"cases:\n  - {{{JOB}, emulator: {{duration_s: 120}}}}\n", ABOUT_JOBS)
    assert (one.findings, one.seconds < 30) == ([], True)


def test_what_is_refused_is_an_outcome_with_its_error(tmp_path: Path):
    refused = "emulator: {faults: [{route: GET /jobs, status: 401, times: null}]}"
    body = f"cases:\n  - {{{JOB}, {refused}, expect: {{outcome: stopped, error: '401', accepted: 0}}}}\n"
    assert said(tmp_path, body, ABOUT_JOBS) == []


def test_promises_are_tried_after_all_else(tmp_path: Path):
    late = "emulator: {list_lag_s: 60}, promises: true"
    found = said(tmp_path, f"cases:\n  - {{{JOB}, {late}}}\n", ABOUT_JOBS)
    assert [each.partition(": job")[0] for each in found] == ["4 broken-promise: find"]


@pytest.mark.parametrize(("field", "outcome", "rows"), [("loud", "done", 3), ("none", "check_failed", 1)])
def test_of_several_stages_the_first_that_is_not_done_counts(tmp_path: Path, field: str, outcome: str, rows: int):
    project(tmp_path)
    text = RECIPE.replace('{loud: "{{ result.text }}"}', '{loud: "{{ result.text }}", none: null}')
    (tmp_path / "loud.yaml").write_text(text.replace(SINKS, STAGES.replace("FIELD", field)))
    assert said(tmp_path, f"cases: [{{name: a, expect: {{outcome: {outcome}, rows: {rows}}}}}]\n") == []


def test_without_emulator_or_exchange_a_case_is_skipped(tmp_path: Path):
    project(tmp_path)
    text = (tmp_path / "platforms/jobs.yaml").read_text().replace("name: jobs", "name: acme")
    (tmp_path / "platforms/acme.yaml").write_text(text)
    body = f"cases:\n  - {{{JOB.replace('jobs.', 'acme.')}}}\n"
    (one,) = tried(tmp_path, body, "platforms/acme.test.yaml")
    assert "there is no emulator of acme" in one.skipped
    (other,) = tried(tmp_path, body, "platforms/acme.test.yaml", against="http://127.0.0.1:9")
    assert [each.slug for each in other.findings] == ["wrong-outcome"]


def test_knobs_cannot_be_turned_at_an_address(tmp_path: Path):
    body = f"cases:\n  - {{{JOB}, emulator: {{duration_s: 1}}}}\n"
    (one,) = tried(tmp_path, body, ABOUT_JOBS, against="http://127.0.0.1:9")
    assert (one.skipped, one.findings) == ("it turns knobs of the emulator", [])


def promised(folder: Path, kind: str, fault: str) -> list[str]:
    """Try the promises of acme's manifest at an address where a platform breaks one of them."""
    project(folder)
    (folder / "platforms/acme.yaml").write_text(MANIFEST)
    body = f"cases:\n  - {{name: a, target: {{acme.{kind}: {{}}}}, items: [{{id: a}}], promises: true}}\n"

    async def all_of_it() -> list[str]:
        found = trial(folder, body, "platforms/acme.test.yaml")
        async with serving(Acme(fault).app()) as url:
            tried = await run_case(found, found.cases[0], Means(url, {}, clock=HastyClock()))
            return [each.what for each in tried.findings]

    return asyncio.run(all_of_it())


@pytest.mark.parametrize("kind", ["keyed", "listed"])
def test_a_manifest_that_keeps_its_promises(tmp_path: Path, kind: str):
    assert promised(tmp_path, kind, "") == []


@pytest.mark.parametrize(
    ("kind", "fault", "what"),
    [
        ("keyed", "forgets keys", "find: key, but the same key made a second job: job-1, then job-2"),
        ("listed", "hides jobs", "find: job job-1 is not found within 3 s"),
        ("keyed", "knows strangers", "poll: an unknown job is said to be running"),
        ("listed", "brings strangers", "results: '(unknown) stranger' is no item of the job"),
        ("keyed", "cancels in vain", "cancel: job job-2 went on all the same, and has succeeded"),
    ],
)
def test_a_manifest_that_breaks_a_promise(tmp_path: Path, kind: str, fault: str, what: str):
    assert promised(tmp_path, kind, fault) == [what]
