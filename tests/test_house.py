"""The house keeps its order: sizes, names, tables, schemas and examples agree."""

import ast
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from runner import checks, filters, sinks, sources, targets
from runner.cli.program import COMMANDS
from runner.documents import parse
from runner.emulators import EMULATORS

ROOT = Path(__file__).parents[1]
CODE = sorted((ROOT / "runner").rglob("*.py"))
ROOMS = {"sources": sources, "filters": filters, "targets": targets, "checks": checks, "sinks": sinks}
MANIFESTS = sorted([*ROOT.glob("runner/platforms/manifests/*.yaml"), *ROOT.glob("recipes/platforms/*.yaml")])
RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "base", "core", "manager"}
GIVEN = {"pyproject.toml", "runner", "schemas", "recipes", "tests", "README.md", "LICENSE"}


def test_no_file_is_longer_than_one_sitting():
    long = {str(path.relative_to(ROOT)): size for path in CODE if (size := len(path.read_text().splitlines())) > 400}
    assert long == {}


def test_no_name_says_nothing():
    assert [path for path in CODE if path.stem in VAGUE or path.parent.name in VAGUE] == []


def test_every_file_says_what_it_is():
    silent = [str(path) for path in CODE if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []


def test_the_top_level_is_the_given_one():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    tops = {name.split("/")[0] for name in listed.split("\0") if name}
    assert {top for top in tops if not top.startswith(".")} <= GIVEN


@pytest.mark.parametrize("room", ROOMS)
def test_the_word_in_the_recipe_is_the_path(room):
    for kind, place in ROOMS[room].KINDS.items():
        assert place.startswith(f"runner.{room}.{kind}:")
        assert (ROOT / f"schemas/{room}/{kind}.json").is_file()
        assert (ROOT / f"tests/{room}/test_{kind}.py").is_file()


def test_every_schema_file_is_json_with_title_and_description():
    for path in (ROOT / "schemas").rglob("*.json"):
        schema = json.loads(path.read_text())
        assert schema.get("title") and schema.get("description"), path


def test_every_emulator_has_a_manifest_and_a_test():
    for name in EMULATORS:
        places = [ROOT / folder / f"{name}.yaml" for folder in ("runner/platforms/manifests", "recipes/platforms")]
        assert any(place.is_file() for place in places), name
        assert list((ROOT / "tests/emulators").glob(f"test_{name}*.py"))


def test_every_command_has_help_with_an_example_and_stands_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    for name, (module, _) in COMMANDS.items():
        path = ROOT / (module.replace(".", "/") + ".py")
        text = path.read_text() if path.is_file() else (path.with_suffix("") / "__init__.py").read_text()
        assert f"runner {name}" in text, name
        assert name in readme, name


@pytest.mark.parametrize("path", [*RECIPES, *MANIFESTS], ids=lambda path: path.name)
def test_every_document_names_its_schema_for_editors(path):
    first = path.read_text().splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (path.parent / first.partition("=")[2]).resolve().is_file()


@pytest.mark.parametrize("path", [*RECIPES, *MANIFESTS], ids=lambda path: path.name)
def test_every_document_can_be_read(path):
    assert list(parse(path.read_bytes(), path.name).problems) == []


def test_ci_pins_every_dependency_and_names_no_place_of_packages():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    wanted = {re.split(r"[^\w.-]", one)[0].lower().replace("_", "-") for one in listed} - {"runner"}
    pinned = [line for line in (ROOT / ".ci/constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert [line for line in pinned if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    assert wanted <= {line.partition("==")[0].lower().replace("_", "-") for line in pinned}
