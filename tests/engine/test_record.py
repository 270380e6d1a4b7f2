"""What a row may say of the job that made it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.documents import load_schema
from runner.ledger import open_ledger
from runner.model.job import Job, Submitted
from runner.templating import compile_template
from tests.engine.world import FakeTarget, FastClock, Platform, applied, item, work_on

SCHEMA = load_schema("recipe")
MEMBERS = list(SCHEMA.data["definitions"]["record"]["x-members"]["job"]) if SCHEMA else []


class KeepingTarget(FakeTarget):
    """A target whose jobs keep a page and can be looked at."""

    async def submit(self, job: Job) -> Submitted:
        submitted = await super().submit(job)
        return Submitted(submitted.id, {"page": f"p-{submitted.id}"})

    def url(self, job: Job) -> str | None:
        return f"https://shop.example/{job.id}/{job.kept['page']}"


def row(folder: Path, record: dict[str, str], target: type[FakeTarget] = KeepingTarget) -> dict[str, object]:
    """Return the row that an apply makes of one item."""
    stores: dict[str, list] = {}
    ledger = open_ledger(str(folder / "ledger.db"), clock=FastClock())
    compiled = {name: compile_template(text) for name, text in record.items()}
    report = applied(work_on(ledger, [item("a")], target(Platform()), stores, record=compiled, platform="shop"))
    assert report.outcome == "done"
    return json.loads(json.dumps(stores["rows"][0].row))


@pytest.mark.parametrize("member", MEMBERS)
def test_every_member_of_job_that_the_schema_lists_is_there(member: str, tmp_path: Path) -> None:
    assert len(MEMBERS) == 12
    assert list(row(tmp_path, {"x": "{{ job." + member + " }}"})) == ["x"]


def test_a_row_says_which_job_made_it(tmp_path: Path) -> None:
    names = ("id", "platform", "url", "kept", "item")
    assert row(tmp_path, {name: "{{ job." + name + " }}" for name in names}) == {
        "id": "r1",
        "platform": "shop",
        "url": "https://shop.example/r1/p-r1",
        "kept": {"page": "p-r1"},
        "item": "a",
    }


def test_a_target_without_a_place_to_look_at_has_no_url(tmp_path: Path) -> None:
    assert row(tmp_path, {"url": "{{ job.url }}"}, FakeTarget) == {"url": None}
