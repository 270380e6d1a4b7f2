"""Which changes of a recipe are new work, which publish anew, and which are nothing."""

from pathlib import Path

import pytest

from tests.recipe.shop import load_text

BASE = """\
description: text
labels: {a: b}
vars: {v: {default: x}, w: {type: number, default: 1}}
source: {jsonl: {path: in.jsonl}}
filter: {limit: 5}
target: {command: {argv: [cat, "{{ item.a }}{{ vars.v }}"], timeout: 10m}}
run: {max_in_flight: 3}
record: {a: "{{ result.a }}", b: "{{ vars.w }}"}
checks: [{items_failed: {max_ratio: 0.1}}]
sinks: [{jsonl: {path: out/a.jsonl}}]
"""


def digests(folder: Path, text: str, **more: object) -> tuple[str, str]:
    (recipe,), _ = load_text(folder, text, **more)
    (stage,) = recipe.stages
    assert len(stage.work) == len(stage.publish) == 32
    return stage.work, stage.publish


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("description: text", "# comment\ndescription: another text"),
        ("labels: {a: b}\n", ""),
        ("max_in_flight: 3", "max_in_flight: 30"),
        ("limit: 5", "limit: 50"),
        ("in.jsonl", "other.jsonl"),
        (
            '{command: {argv: [cat, "{{ item.a }}{{ vars.v }}"], timeout: 10m}}',
            "\n  command:\n    timeout: '10m'\n    argv:\n    - cat\n    - '{{ item.a }}{{ vars.v }}'",
        ),
        ("default: 1}", "default: 1.0}"),
        ("max_ratio: 0.1", "max_ratio: 1e-1"),
        ("default: x", "default: x, help: something"),
    ],
)
def test_nothing_new(old: str, new: str, tmp_path: Path) -> None:
    assert old in BASE
    assert digests(tmp_path, BASE) == digests(tmp_path, BASE.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "is_work"),
    [
        ("argv: [cat,", "argv: [tac,", True),
        ("timeout: 10m", "timeout: 11m", True),
        ("default: x", "default: y", True),
        ("item.a", "item.b", True),
        ("result.a", "result.b", False),
        ("default: 1}", "default: 2}", False),
        ("max_ratio: 0.1", "max_ratio: 0.2", False),
        ("out/a", "out/b", False),
    ],
)
def test_something_new(old: str, new: str, is_work: bool, tmp_path: Path) -> None:
    (work, publish), (new_work, new_publish) = digests(tmp_path, BASE), digests(tmp_path, BASE.replace(old, new))
    assert (work != new_work) == is_work
    assert (publish != new_publish) == (not is_work)


def test_a_variable_counts_where_it_is_used(tmp_path: Path) -> None:
    assert digests(tmp_path, BASE, vars={"v": "x"}) == digests(tmp_path, BASE)
    assert digests(tmp_path, BASE, vars={"v": "z"})[0] != digests(tmp_path, BASE)[0]
    assert digests(tmp_path, BASE, vars={"w": "7"})[0] == digests(tmp_path, BASE)[0]
