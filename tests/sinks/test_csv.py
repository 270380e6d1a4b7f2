import csv

import pytest

from runner.conformance.place import given_place
from runner.conformance.sink import SinkContract, publish
from runner.model.errors import ConfigError
from runner.model.item import Record
from runner.sinks.csv import Csv


def written(root, *rows, size=1000, **options):
    records = [Record(f"k{n}", row) for n, row in enumerate(rows)]
    sink = Csv(Csv.Config("a", **options), given_place(root))
    publish(sink, *(records[at : at + size] for at in range(0, len(records), size)))
    return (root / "a").read_bytes().decode()


class TestContract(SinkContract):
    def make(self, root, path="out/rows", **place):
        return Csv(Csv.Config(path), given_place(root, **place))

    def read(self, path):
        with path.open(newline="") as file:
            return list(csv.DictReader(file))


def test_names_come_from_the_first_rows(tmp_path):
    assert written(tmp_path, {"b": 1, "a": 2}, {"c": 3}) == "b,a,c\n1,2,\n,,3\n"


def test_a_name_that_comes_late_is_a_column_of_all_rows(tmp_path):
    rows = [{"a": 'x"\n,y'}, {"b": None, "a": ""}, {"c": "\ud800", "a": "\r"}]
    assert written(tmp_path, *rows, size=1) == 'a,b,c\n"x""\n,y",,\n,,\n"\r",,\\ud800\n'
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_late_name_among_many_rows_keeps_every_value(tmp_path):
    rows = [{"n": str(n), "t": "x" * n} for n in range(2500)] + [{"n": "last", "late": "y"}]
    found = list(csv.DictReader(written(tmp_path, *rows).splitlines()))
    assert found == [{"t": "", "late": "", **row} for row in rows]


def test_a_row_without_fields_before_a_late_name_is_a_row(tmp_path):
    assert written(tmp_path, {}, {"a": 1}, size=1) == 'a\n""\n1\n'


def test_fields_choose_and_order(tmp_path):
    assert written(tmp_path, {"a": 1, "b": 2, "c": 3}, {"d": 4}, size=1, fields=["c", "a"]) == "c,a\n3,1\n,\n"


def test_fields_stand_there_without_rows(tmp_path):
    assert written(tmp_path, fields=["c", "a"]) == "c,a\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a,b", '"a,b"'),
        ('"', '""""'),
        ("a\nb", '"a\nb"'),
        ("\r", '"\r"'),
        (None, '""'),
        (True, "true"),
        (1.5, "1.5"),
        (2**200, str(2**200)),
        ([1, {"a": "ä"}], '"[1,{""a"":""ä""}]"'),
        ("\ud800", "\\ud800"),
        (float("nan"), "nan"),
        ("=1+1", "=1+1"),
    ],
)
def test_values(tmp_path, value, text):
    assert written(tmp_path, {"a": value}) == f"a\n{text}\n"


@pytest.mark.parametrize(("value", "text"), [("=1+1", "'=1+1"), ("-1", "'-1"), ("@x", "'@x"), (-1, "-1"), ("a=", "a=")])
def test_formulas_are_guarded_on_request(tmp_path, value, text):
    assert written(tmp_path, {"a": value}, guard_formulas=True) == f"a\n{text}\n"


def test_another_delimiter(tmp_path):
    assert written(tmp_path, {"a": "1;2", "b": "1,2"}, delimiter=";") == 'a;b\n"1;2";1,2\n'
    with pytest.raises(ConfigError):
        written(tmp_path, delimiter="::")
