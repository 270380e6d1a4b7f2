"""Which changes of a recipe are new work, which publish anew, and which are nothing."""

from pathlib import Path

import pytest

from runner.assembly.loading import load_files
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


DEFAULTED = """\
apiVersion: runner/v1
kind: Platform
name: p
connection: {fields: {base_url: {type: string}}}
targets:
  t:
    options:
      properties:
        model: {type: string, default: small}
        shown: {type: string, default: brief}
        size: {type: integer}
    submit: {call: {post: /x, json: {m: "{{ options.model }}", s: "{{ options.size }}"}}, id: "{{ response.id }}"}
    poll: {call: {get: "/x/{{ job.id }}"}, status: "{{ response.s }}", states: {succeeded: [done]}}
    results: {result: "{{ {'as': options.shown} }}"}
"""


def work_of(folder: Path, manifest: str, options: str = "") -> str:
    (folder / "platforms").mkdir(exist_ok=True)
    (folder / "platforms/p.yaml").write_text(manifest)
    (folder / "runner.yaml").write_text(
        "apiVersion: runner/v1\nkind: Project\nname: t\nconnections: {p: {platform: p, base_url: 'http://127.0.0.1:1'}}\n"
    )
    text = f"source: {{jsonl: {{path: in.jsonl}}}}\ntarget: {{p.t: {{connection: p{options}}}}}\n"
    (folder / "r.yaml").write_text(f"apiVersion: runner/v1\nkind: Recipe\nname: r\n{text}")
    loaded = load_files([folder / "r.yaml"], environ={})
    assert not loaded.errors, loaded.errors
    return loaded.recipes[0].stages[0].work


def test_a_default_that_is_sent_counts_as_if_it_were_given(tmp_path: Path) -> None:
    base = work_of(tmp_path, DEFAULTED)
    other = DEFAULTED.replace("default: small", "default: large")
    assert work_of(tmp_path, DEFAULTED, ", model: small") == base
    assert work_of(tmp_path, other) != base
    assert work_of(tmp_path, other, ", model: small") == base
    assert work_of(tmp_path, other) == work_of(tmp_path, DEFAULTED, ", model: large")


def test_a_default_that_is_not_sent_counts_for_nothing(tmp_path: Path) -> None:
    assert work_of(tmp_path, DEFAULTED) == work_of(tmp_path, DEFAULTED.replace("default: brief", "default: long"))
