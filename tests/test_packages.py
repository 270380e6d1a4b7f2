"""Kinds of another package: found by their entry points, checked by the schema that they ship, tested by our suites."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.cli.main import run
from runner.conformance.place import given_place
from runner.conformance.source import SourceContract

PACKAGE = '''
from dataclasses import dataclass
from hashlib import blake2b

from runner.model.errors import ConfigError
from runner.model.item import Batch, Item


class Numbers:
    """The numbers up to a limit."""

    schema = {
        "title": "Numbers",
        "type": "object",
        "required": ["up_to"],
        "additionalProperties": False,
        "properties": {
            "up_to": {"type": "integer", "minimum": 0},
            "text": {"type": "string", "x-scope": ["item"]},
        },
    }

    @dataclass(frozen=True)
    class Config:
        up_to: int
        text: str = ""

    def __init__(self, config, place):
        self._up_to = config.up_to

    async def read(self):
        if self._up_to > 1000:
            raise ConfigError("too many numbers", mend="up_to: 1000")
        items = [Item(str(n), blake2b(b"%d" % n, digest_size=16).digest(), {"n": n}) for n in range(self._up_to)]
        for start in range(0, len(items), 100):
            yield Batch(items[start : start + 100])


class Bare:
    """It ships no schema."""
'''
RECIPE = """\
apiVersion: runner/v1
kind: Recipe
name: r
source: {numbers: {up_to: 3}}
target: {command: {argv: [cat]}}
sinks: [{jsonl: {path: out.jsonl}}]
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an installed package."""
    folder = tmp_path_factory.mktemp("site")
    info = folder / "numbers_kinds-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: numbers-kinds\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[runner.sources]\nnumbers = numbers_kinds:Numbers\nbare = numbers_kinds:Bare\n"
    )
    (folder / "numbers_kinds.py").write_text(PACKAGE)
    return folder


@pytest.fixture(autouse=True)
def installed(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(package))


class TestNumbers(SourceContract):
    """The suite that a package inherits."""

    def numbers(self, root: Path, up_to: int) -> object:
        import numbers_kinds  # type: ignore[import-not-found]

        return numbers_kinds.Numbers(numbers_kinds.Numbers.Config(up_to), given_place(root))

    def make(self, root: Path) -> object:
        return self.numbers(root, 250)

    def make_empty(self, root: Path) -> object:
        return self.numbers(root, 0)

    def make_missing(self, root: Path) -> object:
        return self.numbers(root, 2000)


def said(folder: Path, capsys: pytest.CaptureFixture[str], command: str, recipe: str = RECIPE) -> tuple[int, str]:
    (folder / "r.yaml").write_text(recipe)
    code = run([command, "-f", str(folder / "r.yaml"), "-o", "json"])
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def test_a_kind_of_another_package_is_validated_and_planned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(tmp_path, capsys, "validate")[0] == 0
    code, plan = said(tmp_path, capsys, "plan")
    assert (code, json.loads(plan)["stages"][0]["counts"]) == (0, {"new": 3})


@pytest.mark.parametrize(
    ("old", "new", "slug"),
    [
        ("up_to: 3", "upto: 3", "unknown-field"),
        ("up_to: 3", "up_to: many", "wrong-type"),
        ("{up_to: 3}", "{}", "missing-field"),
        ("up_to: 3", 'up_to: 3, text: "{{ result.x }}"', "out-of-scope"),
        ("numbers", "nombers", "unknown-kind"),
    ],
)
def test_its_options_are_checked_by_its_schema(
    old: str, new: str, slug: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = said(tmp_path, capsys, "validate", RECIPE.replace(old, new))
    assert code == 3
    assert slug in {problem["slug"] for problem in json.loads(text)["problems"]}


def test_an_unknown_kind_is_compared_with_those_of_packages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, text = said(tmp_path, capsys, "validate", RECIPE.replace("numbers", "nombers"))
    assert 'did you mean "numbers"?' in json.loads(text)["problems"][0]["mend"]


def test_a_class_without_a_schema_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = said(tmp_path, capsys, "validate", RECIPE.replace("numbers", "bare"))
    assert (code, "numbers_kinds.Bare has no `schema` with properties" in text) == (3, True)
