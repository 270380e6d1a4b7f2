"""Which recipes changed since a commit."""

from pathlib import Path

import pytest

from runner.assembly.loading import load_files
from runner.gitops.changed import changed_recipes, reloading
from runner.model.errors import ConfigError
from tests.gitops.work_tree import PROJECT, RECIPE, add_recipe, commit, git, new_project


def changed(folder: Path, ref: str = "HEAD") -> list[str]:
    loaded = load_files([folder / "recipes"], environ={})
    return sorted(changed_recipes(loaded, ref, reloading({}, {}, "")))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return new_project(tmp_path / "shop", "a", "b", "c")


def test_nothing_changed(shop: Path):
    assert changed(shop) == []


def test_a_changed_option_of_the_target(shop: Path):
    add_recipe(shop, "b", letters="B-Z")
    assert changed(shop) == ["b"]
    commit(shop, "b")
    assert (changed(shop), changed(shop, "HEAD~1")) == ([], ["b"])


def test_a_comment_is_no_change(shop: Path):
    file = shop / "recipes/b.yaml"
    file.write_text("# why\n" + file.read_text())
    assert changed(shop) == []


def test_changed_data_of_a_local_source(shop: Path):
    (shop / "data/c.jsonl").write_text('{"id": "1", "text": "other"}\n')
    assert changed(shop) == ["c"]


def test_a_new_recipe_that_git_does_not_know_yet(shop: Path):
    add_recipe(shop, "d")
    assert changed(shop) == ["d"]


def test_a_sink_belongs_to_what_is_compared(shop: Path):
    file = shop / "recipes/a.yaml"
    file.write_text(file.read_text().replace("out/a.jsonl", "out/other.jsonl"))
    assert changed(shop) == ["a"]


def test_leave_to_empty_a_sink_belongs_to_what_is_compared(shop: Path):
    file = shop / "recipes/a.yaml"
    file.write_text(file.read_text() + "allow_empty: true\n")
    assert changed(shop) == ["a"]


def test_a_touched_project_file_makes_all_be_compared_but_not_changed(shop: Path):
    (shop / "runner.yaml").write_text(PROJECT + "description: ours\n")
    assert changed(shop) == []


def test_a_wrong_ref_is_told(shop: Path):
    with pytest.raises(ConfigError, match="no commit 'nowhere'"):
        changed(shop, "nowhere")
    with pytest.raises(ConfigError, match="no Git ref"):
        changed(shop, "--output=/tmp/x")


def test_outside_of_a_work_tree(tmp_path: Path):
    add_recipe(tmp_path, "a")
    with pytest.raises(ConfigError, match="not a git repository"):
        changed(tmp_path)


def test_a_project_below_the_top_of_the_work_tree(tmp_path: Path):
    git(tmp_path, "init", "-q")
    new_project(tmp_path / "team" / "shop", "a")
    commit(tmp_path, "all")
    (tmp_path / "team/shop/data/a.jsonl").write_text("{}\n")
    assert changed(tmp_path / "team/shop") == ["a"]


def test_who_reads_the_records_of_a_changed_recipe_has_changed(shop: Path):
    report = RECIPE.format(name="report", letters="A-Z").replace(
        "jsonl: {path: data/report.jsonl, key: id}", "recipe: {name: b}"
    )
    (shop / "recipes/report.yaml").write_text(report)
    commit(shop, "report")
    add_recipe(shop, "b", letters="B-Z")
    assert changed(shop) == ["b", "report"]
    add_recipe(shop, "b")
    add_recipe(shop, "c", letters="B-Z")
    assert changed(shop) == ["c"]
