"""Which files are recipes."""

from pathlib import Path

import pytest

from runner.recipe.files import documents_of

RECIPE = "apiVersion: runner/v1\nkind: Recipe\n"


def found(*paths: Path) -> tuple[list[str], list[str]]:
    documents, problems = documents_of(paths)
    return [Path(each.file).name for each in documents], [each.what for each in problems]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.yaml").write_text(RECIPE)
    for kind in ("Platform", "Project", "Test", "Plan"):
        (tmp_path / f"{kind}.yaml").write_text(f"apiVersion: runner/v1\nkind: {kind}\n")
    return tmp_path


def test_other_kinds_of_document_in_a_folder_are_passed_over(folder: Path):
    assert found(folder) == (["a.yaml"], [])


def test_they_may_be_named_with_recipes_as_a_star_does(folder: Path):
    assert found(*sorted(folder.glob("*.yaml"))) == (["a.yaml"], [])


@pytest.mark.parametrize(
    ("kind", "what"),
    [("Platform", "a manifest"), ("Project", "a project file"), ("Test", "a test"), ("Plan", "a saved plan")],
)
def test_named_alone_they_are_told(folder: Path, kind: str, what: str):
    assert found(folder / f"{kind}.yaml") == ([], [f"the file is {what}, not a recipe"])
