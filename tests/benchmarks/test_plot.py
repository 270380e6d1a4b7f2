"""The plot, and the files of batches that are compared."""

import json
from xml.etree import ElementTree

import pytest

from tests.benchmarks import light
from tests.benchmarks.peers import files
from tests.benchmarks.plot import Panel, svg


def test_the_plot_is_a_picture_with_a_point_for_every_size():
    text = svg([Panel("seconds", "s", [(1000, 0.9), (10_000, 4.2), (1_000_000, 400)])], "growth")
    circles = ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}circle")
    assert [(float(one.get("cx")), float(one.get("cy")) > 0) for one in circles] == [
        (0, True),
        (110, True),
        (330, True),
    ]


def test_one_point_is_no_trouble():
    assert "circle" in svg([Panel("seconds", "s", [(1000, 1)])], "one")


@pytest.mark.parametrize("way", ["json", "orjson"])
def test_the_files_of_a_batch_are_written_read_and_made_rows(tmp_path, way):
    items = light.write_items(tmp_path / "items.jsonl", 5)
    files.main(way, items, tmp_path, tmp_path / "out.jsonl", 2)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert rows[4] == {"id": "item-0000004", "of": "item-0000004", "length": len(light.TEXT)}
    assert len((tmp_path / "2.jsonl").read_text().splitlines()) == 1
