"""The recipe of a case."""

from pathlib import Path

import pytest

from runner.assembly.loading import Loaded
from runner.assembly.trial.subject import platforms_of, subject_of
from runner.model.errors import ConfigError, RecipeError
from tests.assembly.trial.trials import RECIPE, case, project

ABOUT_JOBS = "platforms/jobs.test.yaml"


def subject(folder: Path, body: str, name: str = "loud.test.yaml") -> Loaded:
    trial, one = case(folder, body, name)
    (folder / "place").mkdir()
    return subject_of(trial, one, folder / "place", {})


def test_a_recipe_loses_its_sinks_and_its_ledger(tmp_path: Path):
    loaded = subject(tmp_path, "cases: [{name: a}]\n")
    (stage,) = loaded.recipes[0].stages
    assert (stage.sinks, stage.source.options["path"], loaded.project.ledger) == ((), "in.jsonl", "memory:")


def test_no_window_without_applies_keeps_a_case_from_running(tmp_path: Path):
    project(tmp_path)
    frozen = "freeze: [{from: mon 00:00, until: sun 23:59, reason: always}]\n"
    (tmp_path / "runner.yaml").write_text((tmp_path / "runner.yaml").read_text() + frozen)
    assert subject(tmp_path, "cases: [{name: a}]\n").project.freeze == ()


def test_items_take_the_place_of_the_source(tmp_path: Path):
    loaded = subject(tmp_path, "cases: [{name: a, key: nr, items: [{nr: 1, t: ä}]}]\n")
    source = loaded.recipes[0].stages[0].source
    assert (source.kind, source.options["key"]) == ("jsonl", "nr")
    assert Path(source.options["path"]).read_text(encoding="utf-8") == '{"nr": 1, "t": "ä"}\n'


def test_files_take_the_place_of_the_source(tmp_path: Path):
    loaded = subject(tmp_path, "cases: [{name: a, files: platforms}]\n")
    source = loaded.recipes[0].stages[0].source
    assert (source.kind, source.options["path"]) == ("files", str((tmp_path / "platforms").resolve()))


def test_run_is_laid_over_field_by_field(tmp_path: Path):
    project(tmp_path)
    (tmp_path / "loud.yaml").write_text(RECIPE + "run: {timeout: 5m, poll: {first: 3s, max: 9s}, budget: {items: 7}}\n")
    run = "{deadline: 1h, attempts: 2, poll: {first: 1s}, budget: {money: 2}}"
    options = subject(tmp_path, f"cases: [{{name: a, run: {run}}}]\n").recipes[0].run
    assert (options.timeout_s, options.deadline_s, options.attempts) == (300.0, 3600.0, 2)
    assert (options.poll.first_s, options.poll.max_s) == (1.0, 9.0)
    assert (options.budget.items, options.budget.money) == (7, 2)


def test_a_manifest_gets_a_recipe_around_its_target(tmp_path: Path):
    body = "cases: [{name: a, target: {jobs.batch: {note: n}}, items: [{id: 1}]}]\n"
    loaded = subject(tmp_path, body, ABOUT_JOBS)
    (recipe,) = loaded.recipes
    assert (recipe.stages[0].target.kind, platforms_of(recipe)) == ("jobs.batch", ["jobs"])


@pytest.mark.parametrize(
    ("target", "column", "slug"),
    [("{jobs.batch: {nota: n}}", 41, "unknown-field"), ("{jobs.bach: {}}", 28, "unknown-kind")],
)
def test_what_is_wrong_with_a_target_is_told_where_the_user_wrote_it(
    tmp_path: Path, target: str, column: int, slug: str
):
    with pytest.raises(RecipeError) as caught:
        subject(tmp_path, f"cases: [{{name: a, target: {target}, items: [{{id: 1}}]}}]\n", ABOUT_JOBS)
    (problem,) = caught.value.problems
    assert problem.mark is not None
    assert (problem.slug, Path(problem.mark.file).name, problem.mark.line) == (slug, "jobs.test.yaml", 3)
    assert problem.mark.column == column


def test_what_is_wrong_with_a_manifest_is_told_in_its_file(tmp_path: Path):
    project(tmp_path)
    path = tmp_path / "platforms/jobs.yaml"
    path.write_text(path.read_text().replace("title: Generic jobs", "titel: Generic jobs"))
    with pytest.raises(RecipeError) as caught:
        subject(tmp_path, "cases: [{name: a, target: {jobs.job: {}}, items: [{id: 1}]}]\n", ABOUT_JOBS)
    assert [Path(each.mark.file) for each in caught.value.problems if each.mark] == [path]


def test_a_recipe_that_waits_for_a_trigger_needs_one(tmp_path: Path):
    project(tmp_path)
    triggered = RECIPE.replace("{{ item.text }}", "{{ trigger.n }}") + "triggers: [{schedule: {cron: '0 1 * * *'}}]\n"
    (tmp_path / "loud.yaml").write_text(triggered)
    with pytest.raises(ConfigError, match="nothing has"):
        subject(tmp_path, "cases: [{name: a}]\n")
    (tmp_path / "place").rmdir()
    assert subject(tmp_path, "trigger: {n: x}\ncases: [{name: a}]\n").recipes[0].trigger == {"n": "x"}


def test_records_of_another_recipe_must_be_given(tmp_path: Path):
    project(tmp_path)
    (tmp_path / "loud.yaml").write_text(RECIPE.replace("jsonl: {path: in.jsonl, key: id}", "recipe: {name: other}", 1))
    with pytest.raises((ConfigError, RecipeError), match="other"):
        subject(tmp_path, "cases: [{name: a}]\n")


def test_what_is_no_recipe_is_not_tried(tmp_path: Path):
    project(tmp_path)
    (tmp_path / "other.yaml").write_text("kind: Project\n")
    with pytest.raises(ConfigError, match="no recipe"):
        subject(tmp_path, "recipe: other.yaml\ncases: [{name: a}]\n")
