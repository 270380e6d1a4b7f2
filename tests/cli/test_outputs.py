"""Every output of every command stays as it is, and every JSON document is what its published schema says.

To change an output on purpose: UPDATE_GOLDEN=1 pytest tests/cli/test_outputs.py, and look at the difference.
"""

import json
import os
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from runner.cli.forms.sarif import SCHEMA
from runner.documents import all_schema_names, load_schema
from tests.cli.outputs import BAD, TRIED, faults, lasting, new_shop
from tests.cli.shell import Said, Shell
from tests.gitops.work_tree import commit, git

GOLDEN = Path(__file__).parent / "golden"
ALL = ("-f", "recipes")
OUTPUTS = sorted(name for name in all_schema_names() if name.startswith("output/"))


@pytest.fixture
def shop(shell: Shell) -> Shell:
    return new_shop(shell)


@pytest.fixture
def applied(shop: Shell) -> Shell:
    shop("apply", *ALL)
    return shop


def is_golden(name: str, said: Said, shell: Shell) -> None:
    """Compare; how often a job tells its progress depends on the machine."""
    said = said._replace(out="".join(line for line in said.out.splitlines(True) if '"event": "progress"' not in line))
    text = lasting(
        said.out + (f"--- stderr\n{said.err}" if said.err else "") + f"--- exit code {int(said.code)}\n", shell
    )
    file = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), "on purpose? UPDATE_GOLDEN=1"


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_plan(shop: Shell, form: str):
    is_golden(f"plan.{form}", shop("plan", *ALL, "-o", form), shop)


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "markdown", "junit"])
def test_apply(shop: Shell, form: str):
    is_golden(f"apply.{form}", shop("apply", *ALL, "-o", form), shop)


@pytest.mark.parametrize("form", ["text", "json", "markdown", "junit"])
def test_apply_again(applied: Shell, form: str):
    is_golden(f"apply-again.{form}", applied("apply", "-f", "recipes/tickets.yaml", "-o", form), applied)


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_status(applied: Shell, form: str):
    is_golden(f"status.{form}", applied("status", *ALL, "--failed", "-o", form), applied)


@pytest.mark.parametrize("form", ["text", "json", "sarif"])
def test_validate(shop: Shell, form: str):
    shop.write("recipes/bad.yaml", BAD)
    is_golden(f"validate.{form}", shop("validate", *ALL, "-o", form), shop)


@pytest.mark.parametrize("form", ["text", "json", "junit"])
def test_test(shop: Shell, form: str):
    shop.write("recipes/tickets.test.yaml", TRIED)
    is_golden(f"test.{form}", shop("test", *ALL, "-o", form), shop)


@pytest.mark.parametrize("form", ["text", "jsonl"])
def test_sync(shop: Shell, form: str):
    git(shop.folder, "init", "-q")
    commit(shop.folder, "all")
    said = shop(
        "sync", "--repo", str(shop.folder), "--path", "recipes/tickets.yaml", "--folder", "c", "--once", "-o", form
    )
    is_golden(f"sync.{form}", said, shop)


def test_saved_plan_and_what_was_applied_of_it(shop: Shell):
    assert shop("plan", *ALL, "--out", "plan.json").code == 0
    assert faults("plan", json.loads(shop.read("plan.json"))) == []
    said = shop("apply", "plan.json", "-o", "json")
    assert faults("apply", json.loads(said.out)) == []


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("plan", ("plan", *ALL)),
        ("apply", ("apply", *ALL)),
        ("apply", ("retry", *ALL)),
        ("status", ("status", *ALL, "--failed")),
        ("validate", ("validate", *ALL)),
        ("jobs", ("state", "list", *ALL, "--all")),
        ("cancel", ("cancel", *ALL)),
        ("render", ("render", *ALL)),
        ("platforms", ("platforms",)),
        ("test", ("test", *ALL)),
    ],
)
def test_a_document_is_what_its_schema_says(applied: Shell, name: str, command: tuple[str, ...]):
    applied.write("recipes/tickets.test.yaml", TRIED)
    document = json.loads(applied(*command, "-o", "json").out)
    assert faults(name, document) == []
    assert document["kind"] == name.capitalize()


def test_a_job_is_what_its_schema_says(applied: Shell):
    (job, *_) = json.loads(applied("state", "list", *ALL, "--all", "-o", "json").out)["jobs"]
    document = json.loads(applied("state", "show", job["job"], *ALL, "-o", "json").out)
    assert (faults("job", document), document["job"]) == ([], job["job"])


@pytest.mark.parametrize(
    ("name", "command"), [("event", ("apply", *ALL, "-o", "jsonl")), ("ledger", ("state", "export", *ALL))]
)
def test_every_line_is_what_its_schema_says(shop: Shell, name: str, command: tuple[str, ...]):
    if name == "ledger":
        shop("apply", *ALL)
    lines = [json.loads(line) for line in shop(*command).out.splitlines()]
    assert [fault for line in lines for fault in faults(name, line)] == []
    assert len(lines) > 10


def test_a_sync_is_what_its_schema_says(shop: Shell):
    git(shop.folder, "init", "-q")
    commit(shop.folder, "all")
    said = shop("sync", "--repo", str(shop.folder), "--path", "recipes", "--folder", "c", "--once", "-o", "jsonl")
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert [fault for line in lines for fault in faults("sync" if line["event"] == "sync" else "event", line)] == []
    assert {line["event"] for line in lines} == {"sync", "stage_ended"}


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_schema_is_draft_07_and_describes_every_field(name: str):
    schema = load_schema(name)
    assert schema is not None
    jsonschema.Draft7Validator.check_schema(schema.data)
    assert schema.data["$id"] == f"{name}.json"
    assert list(undescribed(schema.data)) == []


def undescribed(schema: object, place: str = "", is_field: bool = True):
    if isinstance(schema, dict):
        for name in ("properties", "definitions"):
            for field, each in schema.get(name, {}).items() if not place.endswith("if") else ():
                if "$ref" not in each and not (each.get("title") and each.get("description")):
                    yield f"{place}/{field}"
        for name, each in schema.items():
            if name not in ("if", "examples"):
                yield from undescribed(each, f"{place}/{name}")


def test_a_stage_is_described_alike_in_both_documents_of_an_apply():
    apply, event = load_schema("output/apply"), load_schema("output/event")
    assert apply is not None and event is not None
    stage = apply.data["definitions"]["stage"]["properties"]
    told = event.data["properties"]
    assert {name: told.get(name) for name in stage if name not in ("plan", "why")} == {
        name: each for name, each in stage.items() if name not in ("plan", "why")
    }


def test_junit_can_be_read_and_counts(shop: Shell):
    root = ElementTree.fromstring(shop("apply", *ALL, "-o", "junit").out)
    suites = {suite.get("name"): suite for suite in root}
    assert list(suites) == ["numbers/pilot", "numbers/all", "numbers/never", "tickets"]
    failed = suites["numbers/all"]
    assert (failed.get("tests"), failed.get("failures"), failed.get("errors")) == ("4", "3", "0")
    assert suites["numbers/never"].find("testcase/skipped") is not None
    assert root.get("failures") == "4"
    assert [case.get("name") for case in suites["tickets"]] == [
        "apply",
        "check not_null",
        "rejected data/tickets.jsonl:4",
    ]


def test_the_log_for_code_hosts_names_its_standard(shop: Shell):
    assert json.loads(shop("validate", *ALL, "-o", "sarif").out)["$schema"] == SCHEMA


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "markdown", "junit"])
def test_no_output_lets_a_name_steer_the_terminal(shop: Shell, form: str):
    said = shop("apply", *ALL, "-o", form)
    assert not set(said.out + said.err) & set("\x1b\x07\u202e")
    assert not [line for line in said.out.splitlines() if line.startswith("::")]


def test_every_schema_can_be_printed(shell: Shell):
    names = shell("schema").out.splitlines()
    assert {"recipe", "output/plan", "sources/jsonl"} <= set(names)
    assert all(json.loads(shell("schema", name).out)["title"] for name in OUTPUTS)


def test_a_repository_may_be_named_from_here(shop: Shell):
    git(shop.folder, "init", "-q", "repository")
    shop.write("repository/recipes/tickets.yaml", shop.read("recipes/tickets.yaml"))
    shop.write("repository/data/tickets.jsonl", '{"id": "t1", "text": "hello"}\n')
    shop.write("repository/runner.yaml", shop.read("runner.yaml"))
    commit(shop.folder / "repository", "all")
    assert shop("sync", "--repo", "repository", "--folder", "clone", "--once").code == 0
    assert shop.read("clone/out/tickets.jsonl") == '{"id":"t1","loud":"HELLO"}\n'
