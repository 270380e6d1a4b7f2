import json

import pytest

from runner.conformance.place import given_place
from runner.conformance.sink import SinkContract, publish
from runner.model.errors import ConfigError
from runner.model.item import Record
from runner.sinks.jsonl import Jsonl


class TestContract(SinkContract):
    def make(self, root, path="out/rows", **place):
        return Jsonl(Jsonl.Config(path), given_place(root, **place))

    def read(self, path):
        return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    "row",
    [{}, {"big": 2**200}, {"t": "\ud800"}, {"t": "a\nb\u2028"}, {"deep": json.loads("[" * 499 + "]" * 499)}],
    ids=["empty", "big", "surrogate", "breaks", "deep"],
)
def test_a_row_is_one_line_without_loss(tmp_path, row):
    publish(Jsonl(Jsonl.Config("a"), given_place(tmp_path)), [Record("k", row)])
    (line,) = (tmp_path / "a").read_bytes().split(b"\n")[:-1]
    assert json.loads(line) == row


def test_what_is_no_json_is_told_with_its_key(tmp_path):
    with pytest.raises(ConfigError, match="row of 'k7' is no JSON"):
        publish(Jsonl(Jsonl.Config("a"), given_place(tmp_path)), [Record("k7", {"a": float("nan")})])
