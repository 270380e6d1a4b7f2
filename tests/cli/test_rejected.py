"""Rejected rows and rows that go, as a user sees them."""

import json

import pytest

from tests.cli.shell import Shell, write_small

SINK = "sinks: [{jsonl: {path: out.jsonl}}]\n"


def write(shell: Shell, *lines: str) -> None:
    write_small(shell, 0)
    shell.write("in.jsonl", "".join(f"{line}\n" for line in lines))
    shell.write("r.yaml", shell.read("r.yaml") + SINK)


def test_a_plan_with_rejected_rows_ends_with_11(shell: Shell):
    write(shell, '{"id": "a"}', "{", *["[]"] * 8)
    assert shell("plan", "-f", "r.yaml").code == 0
    said = shell("plan", "-f", "r.yaml", "--exit-code")
    assert said.code == 11
    assert "9 rows without a usable item" in said.out and "and 4 more (runner status --rejected)" in said.out


def test_a_plan_says_how_many_rows_will_go(shell: Shell):
    write(shell, '{"id": "a"}', '{"id": "b"}', '{"id": "c"}')
    assert shell("apply", "-f", "r.yaml").code == 0
    shell.write("in.jsonl", '{"id": "b"}\n')
    assert "- 2 rows of 3" in shell("plan", "-f", "r.yaml").out
    assert "- 2 rows" in shell("plan", "-f", "r.yaml", "-o", "markdown").out.splitlines()[1]
    (stage,) = json.loads(shell("plan", "-f", "r.yaml", "-o", "json").out)["stages"]
    assert stage["rows"] == {"before": 3, "gone": 2, "allow_empty": False}


def test_a_source_that_became_empty_leaves_the_rows(shell: Shell):
    write(shell, '{"id": "a"}')
    shell("apply", "-f", "r.yaml")
    shell.write("in.jsonl", "")
    assert shell("apply", "-f", "r.yaml").code == 12
    assert shell.lines("out.jsonl") == ['{"id":"a"}']
    shell.write("r.yaml", shell.read("r.yaml") + "allow_empty: true\n")
    assert (shell("apply", "-f", "r.yaml").code, shell.read("out.jsonl")) == (0, "")


def test_a_typo_in_the_key_ends_with_3(shell: Shell):
    write(shell, '{"id": "a"}')
    shell("apply", "-f", "r.yaml")
    shell.write("r.yaml", shell.read("r.yaml").replace("key: id", "key: idd"))
    said = shell("apply", "-f", "r.yaml")
    assert (said.code, shell.lines("out.jsonl")) == (3, ['{"id":"a"}'])
    assert "not one row of the source is usable; the first: in.jsonl:1: the key is missing or empty" in said.out


def test_all_rejected_rows_are_listed(shell: Shell):
    write(shell, '{"id": "a"}', '{"id": "a"}', *["[]"] * 1500)
    said = shell("apply", "-f", "r.yaml")
    assert "done, but rows were rejected" in said.out and "and 1,491 more (runner status --rejected)" in said.out
    assert "1,501 rejected" in shell("status", "-f", "r.yaml").out
    said = shell("status", "-f", "r.yaml", "--rejected")
    assert "in.jsonl:2: the key 'a' was already given by in.jsonl:1" in said.out and "in.jsonl:1502: " in said.out
    (stage,) = json.loads(shell("status", "-f", "r.yaml", "--rejected", "-o", "json").out)["stages"]
    assert (stage["rejected"]["count"], len(stage["rejected"]["rows"])) == (1501, 1501)
    (stage,) = json.loads(shell("status", "-f", "r.yaml", "-o", "json").out)["stages"]
    assert stage["rejected"] == {"count": 1501, "rows": None}


def test_of_very_many_problems_the_first_are_printed_and_all_are_in_the_document(shell: Shell):
    write(shell, '{"id": "a"}')
    shell.write("r.yaml", shell.read("r.yaml") + "".join(f"odd{number}: 1\n" for number in range(240)))
    said = shell("validate", "-f", "r.yaml")
    assert (said.code, said.err.count("error[")) == (3, 50)
    assert "and 190 more (all of them: runner validate -o json)" in said.err
    assert len(json.loads(shell("validate", "-f", "r.yaml", "-o", "json").out)["problems"]) == 240


def test_a_saved_plan_is_stale_when_other_rows_would_go(shell: Shell):
    write(shell, '{"id": "a"}', '{"id": "b"}')
    shell("apply", "-f", "r.yaml")
    assert shell("plan", "-f", "r.yaml", "--out", "p.json").code == 0
    recipe = shell.read("r.yaml")
    shell.write("r.yaml", recipe + "allow_empty: true\n")
    assert "`allow_empty` has changed since" in shell("apply", "p.json").err
    shell.write("r.yaml", recipe)
    shell.write("in.jsonl", '{"id": "a"}\n')
    said = shell("apply", "p.json")
    assert (said.code, len(shell.lines("out.jsonl"))) == (17, 2)
    assert "the rows that go have changed since: 0 then, 1 now" in said.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id;text\n1;a\n2;b\n", 'in.csv:1: there is no column "id", only "id;text"'),
        ('id,text\n1,"a "b" c\n2,tail"\n2,real\n', "in.csv:2: the quotes of this row do not match"),
        ('id,text\n1,a\n2,"b\n3,c\n', "the quote of line 3 is never closed: lines 3 to 4 are not read"),
    ],
)
def test_a_table_that_is_in_doubt_ends_with_3_and_the_sink_keeps_its_rows(shell: Shell, content: str, said: str):
    write(shell)
    shell.write("r.yaml", shell.read("r.yaml").replace("jsonl: {path: in.jsonl", "csv: {path: in.csv"))
    shell.write("in.csv", "id,text\n1,a\n2,b\n")
    assert shell("apply", "-f", "r.yaml").code == 0
    before = shell.read("out.jsonl")
    shell.write("in.csv", content)
    for command in ("plan", "apply"):
        told = shell(command, "-f", "r.yaml")
        assert (told.code, shell.read("out.jsonl")) == (3, before)
        assert said in told.err


def test_a_quick_plan_names_the_command_that_lists_the_rejected_rows(shell: Shell):
    write(shell, '{"id": "a"}', "{")
    assert shell("apply", "-f", "r.yaml").code == 11
    said = shell("plan", "-f", "r.yaml").out
    assert "unchanged since the last apply" in said and "1 row without a usable item" in said
    assert "runner status --rejected lists them" in said and "more (" not in said


def test_status_tells_an_empty_selection_from_none(shell: Shell):
    write(shell)
    assert "none yet" in shell("status", "-f", "r.yaml").out
    shell("apply", "-f", "r.yaml")
    said = shell("status", "-f", "r.yaml").out
    assert "items      none\n" in said and "none yet" not in said


def test_one_row_is_not_rows(shell: Shell):
    write(shell, '{"id": "a"}')
    shell("apply", "-f", "r.yaml")
    assert "    1 row, " in shell("status", "-f", "r.yaml").out


def test_a_plan_tells_a_first_publication_over_a_file_that_is_there(shell: Shell):
    write(shell, '{"id": "a"}')
    assert "out.jsonl (new): written" in shell("plan", "-f", "r.yaml").out
    shell.write("out.jsonl", "precious")
    assert "out.jsonl (new, replaces what is there): written" in shell("plan", "-f", "r.yaml").out
    assert shell("apply", "-f", "r.yaml").code == 0
    assert "up to date" in shell("plan", "-f", "r.yaml").out
