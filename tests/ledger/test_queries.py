import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import runner.ledger
from runner.ledger.queries import PARAMETER, migrations, queries
from runner.ledger.sqlite import _with_given

ROOM = Path(runner.ledger.__file__).parent
LARGE = "item|value|result|job|job_item|kept|selection"


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_every_query_says_what_it_does(dialect):
    assert {name: query.about for name, query in queries(dialect).items() if not query.about.endswith(".")} == {}


def test_every_query_is_used_and_every_used_one_exists():
    code = "".join(path.read_text() for path in ROOM.glob("*.py"))
    used = set(re.findall(r'(?:fetch|change|_Step|wave\.add|setdefault)\(\s*"(\w+)"', code))
    used |= set(re.findall(r'"(jobs_all|jobs_open|any_held)"', code))
    assert used == set(queries("sqlite")) | set(queries("postgres"))


@pytest.mark.parametrize("size", [1, 8, 1024])
@pytest.mark.parametrize("name", sorted(queries("sqlite")))
def test_no_query_walks_over_a_large_table(name, size):
    """SQLite estimates, so the plan may depend on the number of values."""
    query = queries("sqlite")[name]
    sql = _with_given(query, PARAMETER.sub("?", query.text), size)
    values = [None] * (size * len(query.given) + len(PARAMETER.findall(query.text)))
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for step in migrations("sqlite"):
            connection.executescript(step.text)
        connection.execute("PRAGMA automatic_index = OFF")
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    assert [
        line for line in plan if re.match(rf"SCAN ({LARGE})\b(?! USING INDEX job_held)|.*(AUTOMATIC|BLOOM)", line)
    ] == []
    scans = [line for line in plan if line == "SCAN given"]
    assert (
        not scans
        or plan.index("SCAN given")
        < min((place for place, line in enumerate(plan) if re.match(rf"SEARCH ({LARGE}|same)\b", line)), default=99999)
        or name in ("kept_dropped", "reset_all")
    )
