"""The table of coverage tells which room has too few branches covered."""

from tests.branch_coverage import table


def of(branches: int, covered: int) -> dict:
    counted = {"num_statements": 10, "covered_lines": 9, "num_branches": branches, "covered_branches": covered}
    return {"summary": counted}


def test_a_guarded_room_below_the_floor_is_told():
    files = {"runner/engine/a.py": of(90, 90), "runner/engine/b.py": of(10, 4), "runner/cli/a.py": of(10, 1)}
    lines, low = table({"files": files})
    assert (low, lines[2]) == (["engine"], "engine         90.0%     94.0%  below 95%")
    assert lines[1].split() == ["cli", "90.0%", "10.0%"]


def test_a_room_without_branches_is_covered():
    assert table({"files": {"runner/ledger/a.py": of(0, 0), "runner/kinds.py": of(0, 0)}})[1] == []
