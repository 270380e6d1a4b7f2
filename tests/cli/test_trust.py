"""What a pull request may do: from a stranger nothing, from the team no more than the main branch."""

import json
from pathlib import Path

import pytest

from runner.conformance.offline import watched_network
from runner.documents import load_schema
from tests.cli.shell import Shell
from tests.gitops.work_tree import commit, git

STEAL = "touch stolen; echo s3same-s3same\n"
HOSTILE = """\
apiVersion: runner/v1
kind: Project
name: t
allow: {commands: [[sh, steal.sh]]}
allow_paths: [/]
environment: [LEAK]
ledger: {command: [sh, steal.sh]}
secrets: {hook: {command: [sh, steal.sh]}}
connections: {jobs: {platform: jobs, base_url: "http://192.0.2.7", token: {command: [sh, steal.sh]}}}
"""
RECIPE = """\
apiVersion: runner/v1
kind: Recipe
name: r
run: {budget: {items: 5}, poll: {first: 10ms}}
source: {jsonl: {path: in.jsonl, key: id}}
target: TARGET
sinks: [{jsonl: {path: "out/SINK.jsonl"}}]
"""
PAID = "{jobs.keyed: {connection: jobs}}"
LOCAL = "{command: {argv: [sh, steal.sh]}}"


@pytest.fixture
def hostile(examples: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("LEAK", "l34k-l34k")
    own = Shell(examples.folder / "own", examples._capsys)
    own.write("runner.yaml", HOSTILE)
    own.write("platforms/jobs.yaml", examples.read("platforms/jobs.yaml"))
    own.write("steal.sh", STEAL)
    own.write("in.jsonl", '{"id": "k1", "text": "pr1vate"}\n{"id": "k2"}\n{"oops": "pr1vate"}\n')
    own.write("r.yaml", RECIPE.replace("TARGET", PAID).replace("SINK", "{{ env.LEAK | default('x') }}"))
    monkeypatch.chdir(own.folder)
    return own


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
@pytest.mark.parametrize("target", [PAID, LOCAL])
def test_a_plan_of_a_stranger_touches_nothing(hostile: Shell, form: str, target: str):
    hostile.write("r.yaml", RECIPE.replace("TARGET", target).replace("SINK", "{{ env.LEAK | default('x') }}"))
    with watched_network() as tried:
        said = hostile("plan", "--untrusted", "-o", form)
    assert (said.code, tried) == (0, []), said
    assert "unknown (no ledger)" in said.out
    for word in ("s3same", "l34k", "pr1vate", "k1", "USD", "cost"):
        assert word not in said.out + said.err
    assert not any((hostile.folder / name).exists() for name in ("stolen", ".runner", "out"))


def test_its_number_of_items_is_told(hostile: Shell):
    said = hostile("plan", "--untrusted", "-o", "json")
    document = json.loads(said.out)
    assert load_schema("output/untrusted_plan").fits(document)
    (stage,) = document["stages"]
    assert (stage["source"]["items"], stage["rejected"], stage["sinks"]) == (2, 1, ["jsonl out/x.jsonl"])


@pytest.mark.parametrize(
    "more", [("--out", "p.plan"), ("--emulate",), ("--trusted", "main"), ("--select", "state:held")]
)
def test_it_cannot_be_saved_nor_asks_a_ledger(hostile: Shell, more: tuple[str, ...]):
    assert hostile("plan", "--untrusted", *more).code == 2
    assert not (hostile.folder / "p.plan").exists()


def test_it_reads_no_file_outside_the_project(hostile: Shell, tmp_path: Path):
    outside = tmp_path / "outside.jsonl"
    outside.write_text('{"id": "pr1vate"}\n')
    hostile.write("r.yaml", RECIPE.replace("TARGET", PAID).replace("in.jsonl", str(outside)).replace("SINK", "x"))
    said = hostile("plan", "--untrusted")
    assert (said.code, "pr1vate" in said.out + said.err) == (3, False)


def test_cases_of_a_stranger_run_no_command(hostile: Shell):
    hostile.write("r.yaml", RECIPE.replace("TARGET", LOCAL).replace("SINK", "x"))
    hostile.write(
        "r.test.yaml",
        "apiVersion: runner/v1\nkind: Test\ncases: [{name: c, items: [{id: a}], expect: {outcome: done}}]\n",
    )
    said = hostile("test", "--untrusted")
    assert (said.code, "skip" in said.out, (hostile.folder / "stolen").exists()) == (0, True, False), said


def test_cases_of_a_stranger_read_no_file_outside(hostile: Shell, tmp_path: Path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files/a.txt").write_text("pr1vate")
    case = f"cases: [{{name: c, files: {tmp_path}/files, expect: {{records: []}}}}]\n"
    hostile.write("r.yaml", RECIPE.replace("TARGET", PAID).replace("SINK", "x"))
    hostile.write("r.test.yaml", f"apiVersion: runner/v1\nkind: Test\n{case}")
    said = hostile("test", "--untrusted")
    assert (said.code, "pr1vate" in said.out) == (12, False), said


def test_cases_of_a_stranger_reach_no_host(hostile: Shell):
    assert hostile("test", "--untrusted", "--against", "http://192.0.2.7").code == 2


TEAM = """\
apiVersion: runner/v1
kind: Project
name: t
allow: {commands: [cat, [sh, tools/ledger.sh]]}
ledger: {command: [sh, tools/ledger.sh]}
connections: {jobs: {platform: jobs, base_url: "http://192.0.2.7", token: {env: JOBS_TOKEN}}}
"""
CAT = "{command: {argv: [cat]}}"


@pytest.fixture
def team(hostile: Shell) -> Shell:
    """A branch with its work tree, whose main branch has a ledger that a script names."""
    hostile.write("runner.yaml", TEAM)
    hostile.write("tools/ledger.sh", "echo .runner/books.db\n")
    hostile.write("in.jsonl", '{"id": "k1"}\n{"id": "k2"}\n')
    hostile.write("r.yaml", RECIPE.replace("TARGET", CAT).replace("SINK", "r"))
    hostile.write(".gitignore", ".runner/\nout/\np.plan\n")
    git(hostile.folder, "init", "-q")
    commit(hostile.folder, "first")
    git(hostile.folder, "checkout", "-qb", "topic")
    return hostile


def test_a_branch_is_planned_with_what_main_says_and_applied_after_the_merge(team: Shell):
    team.write("runner.yaml", HOSTILE)
    team.write("tools/ledger.sh", STEAL)
    team.write("in.jsonl", '{"id": "k1"}\n{"id": "k2"}\n{"id": "k3"}\n{"oops": "pr1vate"}\n')
    commit(team.folder, "more data, and a project file that counts for nothing")
    said = team("plan", "--trusted", "main", "--out", "p.plan")
    assert (said.code, "+ 3 new" in said.out, "pr1vate" in said.out) == (0, True, False), said
    assert not any((team.folder / name).exists() for name in ("stolen", ".runner"))
    git(team.folder, "checkout", "-q", "main")
    git(team.folder, "checkout", "-q", "topic", "--", "in.jsonl")
    applied = team("apply", "p.plan")
    assert applied.code == 11, applied
    assert len(team.lines("out/r.jsonl")) == 3
    assert (team.folder / ".runner/books.db").is_file()


def test_items_are_in_the_saved_plan_only(team: Shell):
    said = team("plan", "--trusted", "main", "-o", "json", "--out", "p.plan")
    assert "items" not in json.loads(said.out)["stages"][0]
    assert len(json.loads(team.read("p.plan"))["stages"][0]["items"]) == 2


@pytest.mark.parametrize(
    ("target", "slug"),
    [
        ("{jobs.keyed: {connection: other}}", "unknown-connection"),
        ("{new.keyed: {connection: new}}", "unknown-kind"),
        ("{command: {argv: [sh, steal.sh]}}", "command-not-allowed"),
        ("{command: {argv: [cat], env: {TO: 'https://evil.example/x'}}}", "untrusted-host"),
    ],
)
def test_its_recipe_names_nothing_that_main_does_not_have(team: Shell, target: str, slug: str):
    team.write(
        "runner.yaml",
        HOSTILE.replace("connections: {", "connections: {other: {platform: jobs}, new: {platform: new}, "),
    )
    team.write("platforms/new.yaml", team.read("platforms/jobs.yaml").replace("name: jobs", "name: new"))
    team.write("r.yaml", RECIPE.replace("TARGET", target).replace("SINK", "r"))
    commit(team.folder, "a recipe that wants more")
    said = team("plan", "--trusted", "main")
    assert (said.code, f"error[{slug}]" in said.err) == (3, True), said


def test_its_paths_outside_are_those_of_main(team: Shell, tmp_path: Path):
    (tmp_path / "outside.jsonl").write_text('{"id": "k"}\n')
    team.write("runner.yaml", HOSTILE)
    team.write(
        "r.yaml", RECIPE.replace("TARGET", CAT).replace("SINK", "r").replace("in.jsonl", f"{tmp_path}/outside.jsonl")
    )
    said = team("plan", "--trusted", "main")
    assert (said.code, "outside" in said.err) == (3, True), said


def test_the_ref_must_be_there(team: Shell):
    assert team("plan", "--trusted", "nothing").code == 2
    assert team("plan", "--trusted", "--help").code == 2
