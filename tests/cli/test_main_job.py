"""The main job as the README tells it: twenty invoices through the stand-in of AI Hub."""

import json

import pytest

from tests.cli.shell import Shell

INVOICES = ("-f", "invoices.yaml", "--emulate")
JSONL, CSV = "out/invoices-2026-08.jsonl", "out/invoices-2026-08.csv"


def test_twenty_invoices_are_extracted_once(examples: Shell):
    assert examples("apply", *INVOICES).code == 0
    rows = [json.loads(line) for line in examples.lines(JSONL)]
    assert len(rows) == 20
    assert [row["file"] for row in rows] == sorted(row["file"] for row in rows)
    assert rows[0]["number"].startswith("INV-2026-")
    again = examples("apply", *INVOICES)
    assert (again.code, "nothing to do" in again.out) == (0, True)


def test_one_changed_file_is_one_changed_item(examples: Shell):
    examples("apply", *INVOICES)
    invoice = examples.folder / "data/invoices/2026-08/paper/northwind 0803.txt"
    invoice.write_text(invoice.read_text().replace("272.75", "300.00"), encoding="utf-8")
    said = examples("plan", *INVOICES)
    assert "~ 1 changed (content)   = 19 done" in said.out
    assert examples("apply", *INVOICES).code == 0
    assert '"total":300.0' in examples.read(JSONL)


def test_a_lost_sink_file_is_written_again_without_a_call(examples: Shell):
    examples("apply", *INVOICES)
    before = examples.read(CSV)
    (examples.folder / CSV).unlink()
    said = examples("apply", *INVOICES, "-o", "json")
    stage = json.loads(said.out)["stages"][0]
    assert (stage["requests"], examples.read(CSV)) == (0, before)


def test_a_changed_record_costs_nothing(examples: Shell):
    examples("apply", *INVOICES)
    recipe = examples.folder / "invoices.yaml"
    recipe.write_text(recipe.read_text().replace("  vendor:", "  supplier:"), encoding="utf-8")
    said = examples("apply", *INVOICES, "-o", "json")
    assert json.loads(said.out)["stages"][0]["requests"] == 0
    assert "supplier" in examples.lines(CSV)[0]


def test_a_removed_file_leaves_the_sinks(examples: Shell):
    examples("apply", *INVOICES)
    (examples.folder / "data/invoices/2026-08/services/café zoë, reçu illisible.txt").unlink()
    assert examples("apply", *INVOICES).code == 0
    assert len(examples.lines(JSONL)) == 19


def test_a_failed_check_leaves_the_sinks_alone(examples: Shell):
    recipe = examples.folder / "invoices.yaml"
    recipe.write_text(recipe.read_text().replace("min_ratio: 0.95", "min_ratio: 0.99"), encoding="utf-8")
    said = examples("apply", *INVOICES)
    assert (said.code, (examples.folder / JSONL).exists()) == (12, False)
    assert "FAIL total" in said.out


def test_plan_writes_nothing_and_tells_by_its_exit_code(examples: Shell):
    assert examples("plan", *INVOICES, "--exit-code").code == 10
    assert not (examples.folder / "out").exists()
    examples("apply", *INVOICES)
    assert examples("plan", *INVOICES, "--exit-code").code == 0


def test_plan_as_json_lists_the_items(examples: Shell):
    document = json.loads(examples("plan", *INVOICES, "-o", "json").out)
    stage = document["stages"][0]
    assert (document["format_version"], len(stage["items"]), stage["target"]["jobs"]) == (1, 20, 4)


def test_events_come_as_json_lines(examples: Shell):
    events = [json.loads(line) for line in examples("apply", *INVOICES, "-o", "jsonl").out.splitlines()]
    names = [event["event"] for event in events]
    assert names.count("job_finished") == 4
    assert names[-1] == "stage_ended"


def test_results_of_the_stand_in_never_count_for_the_platform(examples: Shell, monkeypatch: pytest.MonkeyPatch):
    examples("apply", *INVOICES)
    monkeypatch.setenv("AIHUB_TOKEN", "secret-token")
    said = examples("plan", "-f", "invoices.yaml")
    assert (said.code, "+ 20 new" in said.out) == (0, True)
    assert "secret-token" not in said.out + said.err


def test_without_a_token_the_message_says_where_it_was_looked_for(examples: Shell, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AIHUB_TOKEN", raising=False)
    said = examples("apply", "-f", "invoices.yaml")
    assert (said.code, "AIHUB_TOKEN" in said.err) == (3, True)


def test_status_tells_what_the_ledger_knows(examples: Shell):
    examples("apply", *INVOICES)
    said = examples("status", *INVOICES)
    assert "20 succeeded" in said.out
    assert "20 rows" in said.out


def test_another_month_is_a_variable(examples: Shell):
    (examples.folder / "data/invoices/2026-09").mkdir()
    said = examples("plan", *INVOICES, "--var", "month=2026-09")
    assert "0 items" in said.out
    assert examples("plan", *INVOICES, "--var", "month=September").code == 3
