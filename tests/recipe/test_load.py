"""What a recipe becomes: components, stages, run options, what is rendered now and what later."""

from pathlib import Path

import pytest

from runner.model.recipe import Budget, PollRhythm
from runner.recipe import shown
from runner.templating import Template, Tree
from tests.recipe.shop import Shop, load, load_text, one


def test_load_names_become_values_of_their_type(tmp_path: Path) -> None:
    text = (
        "vars: {n: {type: integer, default: 5}, d: {default: data}}\nfilter: {limit: '{{ vars.n }}'}\n"
        "source: {jsonl: {path: '{{ vars.d }}/{{ env.DAY }}-{{ recipe.name }}-{{ vars.n }}.jsonl'}}\n"
    )
    (tmp_path / "runner.yaml").write_text("apiVersion: runner/v1\nkind: Project\nname: t\nenvironment: [DAY]\n")
    (stage,) = one(tmp_path, text, environ={"DAY": "01"}).stages
    assert stage.source.options == {"path": "data/01-r-5.jsonl"}
    assert [(component.kind, component.options) for component in stage.filters] == [("limit", {"count": 5})]


def test_a_text_that_looks_like_a_number_stays_text(tmp_path: Path) -> None:
    recipe = one(tmp_path, "vars: {id: {default: '478'}}\nlabels: {id: '{{ vars.id }}'}\n")
    assert recipe.labels == {"id": "478"}


def test_run_time_names_wait_and_load_names_are_bound(tmp_path: Path) -> None:
    target = "target: {command: {argv: [cat, '{{ vars.a }}', '{{ item.name }}-{{ vars.a }}']}}\n"
    (stage,) = one(tmp_path, "vars: {a: {default: x}}\n" + target).stages
    program, constant, later = stage.target.options["argv"]
    assert (program, constant) == ("cat", "x")
    assert isinstance(later, Template)
    assert later({"item": {"name": "n"}}) == "n-x"
    assert stage.target.plain["argv"][2] == "{{ item.name }}-{{ vars.a }}"


def test_record_fields_are_expressions_or_fixed_values(tmp_path: Path) -> None:
    text = "record:\n  a: '{{ result.x }}'\n  b: fixed\n  c: {d: ['{{ item.y }}', 1]}\n  e: 0\n  f: null\n"
    record = one(tmp_path, text).stages[0].record
    assert record is not None
    assert isinstance(record["c"], Tree)
    values = {
        name: value({"item": {"y": 2}, "result": {"x": 1}}) if callable(value) else value
        for name, value in record.items()
    }
    assert values == {"a": 1, "b": "fixed", "c": {"d": [2, 1]}, "e": 0, "f": None}


def test_an_option_that_becomes_null_is_left_out(tmp_path: Path) -> None:
    text = "vars: {v: {required: false}}\ntarget: {shop.app: {connection: shop, app: a, version: '{{ vars.v }}'}}\n"
    assert one(_shop(tmp_path), text).stages[0].target.options == {"connection": "shop", "app": "a"}


@pytest.mark.parametrize(("wish", "name"), [("connection: ls, ", "ls"), ("", "shop")])
def test_the_connection_to_add_is_the_one_that_is_named(tmp_path: Path, wish: str, name: str) -> None:
    text = f"source: {{jsonl: {{path: in.jsonl}}}}\ntarget: {{shop.app: {{{wish}app: a}}}}\n"
    _, (problem,) = load_text(tmp_path, text)
    assert problem.mend == f"add to runner.yaml: connections: {{{name}: {{platform: shop, ...}}}}"


def _shop(folder: Path) -> Path:
    head = "apiVersion: runner/v1\nkind: Project\n"
    connections = "connections: {shop: {platform: shop, token: {env: T}}, two: {platform: shop, token: {env: T}}}\n"
    (folder / "runner.yaml").write_text(head + connections)
    return folder


def test_filters_stand_in_their_fixed_order(tmp_path: Path) -> None:
    text = "filter: {limit: 3, where: true, subset: all, skip: nothing, sample: {count: 2}, keys: [a]}\n"
    (stage,) = one(tmp_path, text).stages
    assert [component.kind for component in stage.filters] == ["keys", "where", "sample", "limit"]
    assert stage.subset is not None
    assert (stage.subset.options, stage.skip) == ({"name": "all"}, "nothing")


def test_a_condition_may_be_known_at_load(tmp_path: Path) -> None:
    text = "vars: {all: {type: boolean, default: true}}\nfilter: {where: '{{ vars.all }}'}\n"
    assert one(tmp_path, text).stages[0].filters[0].options == {"where": True}


def test_run_options(tmp_path: Path) -> None:
    (tmp_path / "runner.yaml").write_text(
        "apiVersion: runner/v1\nkind: Project\nrun: {timeout: 1h, poll: {first: 2s, max: 5m}, budget: {items: 9}}\n"
    )
    run = one(tmp_path, "run: {timeout: 1h30m, attempts: 3, poll: {max: 1m}, budget: {money: 2.5}}\n").run
    assert (run.timeout_s, run.attempts, run.deadline_s, run.max_in_flight) == (5400.0, 3, None, 64)
    assert run.poll == PollRhythm(2.0, 1.5, 60.0)
    assert run.budget == Budget(items=9, money=2.5)
    assert one(tmp_path, "run: {timeout: never}\n").run.timeout_s is None


def test_stages_share_what_they_do_not_set_and_stand_in_order() -> None:
    (recipe,), problems = load(Path(__file__).parents[1] / "recipes" / "valid" / "stages.yaml")
    assert problems == []
    pilot, everything = recipe.stages
    assert (pilot.name, everything.name, everything.needs) == ("pilot", "all", ["pilot"])
    assert pilot.source is everything.source
    assert pilot.work == everything.work
    assert [sink.kind for sink in everything.sinks] == ["shop.send", "csv"]
    assert (pilot.skip, everything.skip) == ("succeeded", "already_predicted")


def test_a_trigger_is_waited_for_or_filled_in() -> None:
    path = Path(__file__).parents[1] / "recipes" / "valid" / "triggered.yaml"
    (waiting,), _ = load(path)
    assert isinstance(waiting.stages[0].source.options["table"], Template)
    (started,), problems = load(path, trigger={"table": "boxes", "run": "17"})
    assert problems == []
    assert started.stages[0].source.options["table"] == "boxes"
    assert started.notify[0].options["run"] == "17"
    _, problems = load(path, trigger={"run": "17"})
    assert {problem.slug for problem in problems} == {"undefined-value"}


def test_recipes_stand_behind_what_they_read() -> None:
    recipes, _ = load(Path(__file__).parents[1] / "recipes" / "valid" / "chain")
    assert [recipe.name for recipe in recipes] == ["collect", "report"]


def test_a_recipe_that_is_not_given_is_a_warning() -> None:
    recipes, problems = load(Path(__file__).parents[1] / "recipes" / "valid" / "chain" / "a-report.yaml")
    assert [recipe.name for recipe in recipes] == ["report"]
    assert [(problem.slug, problem.severity) for problem in problems] == [("unknown-recipe", "warning")]


def test_folders_are_searched_and_other_documents_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "deep").mkdir()
    (tmp_path / ".hidden" / "x.yaml").write_text("kind: Recipe\nsource: 1")
    (tmp_path / "deep" / "platform.yml").write_text("apiVersion: runner/v1\nkind: Platform\n")
    (tmp_path / "deep" / "compose.yaml").write_text("services: {}\n")
    (tmp_path / "broken.yaml").write_text("a: [\n")
    recipes, problems = load(tmp_path)
    assert recipes == []
    assert sorted((problem.slug, Path(problem.mark.file).name) for problem in problems if problem.mark) == [
        ("not-a-recipe", "compose.yaml"),
        ("yaml-syntax", "broken.yaml"),
    ]


def test_documents_of_other_programs_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("apiVersion: batch/v1\nkind: CronJob\n---\napiVersion: v1\nkind: Secret\n")
    (tmp_path / "gitlab.yaml").write_text("stages: [check, apply]\ncheck: {script: make}\n")
    (tmp_path / "typo.yaml").write_text("apiVersion: runner/v2\nkind: Recipes\n")
    (tmp_path / "bare.yaml").write_text("kind: Recipe\n")
    _, problems = load(tmp_path)
    found = {(Path(problem.mark.file).name, problem.slug) for problem in problems if problem.mark}
    assert {name for name, _ in found} == {"gitlab.yaml", "typo.yaml", "bare.yaml"}
    assert ("bare.yaml", "missing-field") in found
    assert ("gitlab.yaml", "not-a-recipe") in found


def test_no_recipe_at_all_is_told(tmp_path: Path) -> None:
    assert [problem.slug for problem in load(tmp_path)[1]] == ["no-recipes"]


def test_a_file_given_twice_is_loaded_once(tmp_path: Path) -> None:
    one(tmp_path)
    recipes, problems = load(tmp_path / "r.yaml", tmp_path)
    assert (len(recipes), problems) == (1, [])


def test_a_platform_field_out_of_scope_is_told(tmp_path: Path) -> None:
    text = "target: {shop.app: {connection: shop, app: '{{ item.x }}', prompt: '{{ item.x }}'}}\n"
    text += "source: {jsonl: {path: a}}\n"
    _, problems = load_text(_shop(tmp_path), text)
    assert [(problem.slug, problem.mark.column) for problem in problems if problem.mark] == [("out-of-scope", 48)]


@pytest.mark.parametrize("name", ["stages.yaml", "triggered.yaml", "invoices.yaml"])
def test_shown_is_plain_data(name: str) -> None:
    (recipe,), _ = load(Path(__file__).parents[1] / "recipes" / "valid" / name)
    assert "Template(" not in repr(shown(recipe))
    assert "Tree" not in repr(shown(recipe))


def test_a_new_manifest_is_new_work(tmp_path: Path) -> None:
    text = "target: {shop.app: {connection: shop, app: a}}\n"
    old, new = (one(_shop(tmp_path), text, catalog=Shop(version)).stages[0] for version in ("1", "2"))
    assert old.work != new.work
    assert old.publish == new.publish
