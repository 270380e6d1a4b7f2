"""The table of coverage tells which room has too few branches covered."""

from tests.branch_coverage import table


def of(branches: int, covered: int, lines: int = 9) -> dict:
    counted = {"num_statements": 10, "covered_lines": lines, "num_branches": branches, "covered_branches": covered}
    return {"summary": counted}


def test_a_guarded_room_below_the_floor_is_told():
    files = {"runner/engine/a.py": of(90, 90), "runner/engine/b.py": of(10, 4), "runner/cli/a.py": of(10, 1)}
    lines, low = table({"files": files})
    assert (low, lines[2].split()) == (["engine"], ["engine", "90.0%", "94.0%", "93.3%", "95%", "wanted"])
    assert lines[1].split() == ["cli", "90.0%", "10.0%", "50.0%"]


def test_a_guarded_room_with_few_branches_covered_is_marked():
    lines, low = table(
        {
            "files": {
                "runner/ledger/a.py": {
                    "summary": {
                        "num_statements": 900,
                        "covered_lines": 900,
                        "num_branches": 100,
                        "covered_branches": 94,
                    }
                }
            }
        }
    )
    assert (low, lines[1].split()[-2:]) == ([], ["95%", "wanted"])


def test_a_room_without_branches_is_covered():
    assert table({"files": {"runner/ledger/a.py": of(0, 0, 10), "runner/kinds.py": of(0, 0)}})[1] == []
