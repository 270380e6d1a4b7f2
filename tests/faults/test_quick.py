"""A quick look at what `pytest -m faults` proves: a few kills under faults, of jobs that can or cannot be found."""

from random import Random

import pytest

from tests.faults.torment import sound, torment
from tests.faults.world import World


@pytest.mark.parametrize(("form", "may_hold"), [("array", False), ("array_blind", True)])
def test_a_few_kills_under_faults(tmp_path, form, may_hold):
    with World(tmp_path, form=form, items=60, faults=0.2, seed=5, per_job=10, in_flight=4) as world:
        torment(world, 3, Random(5))
        world.end()
        assert sound(world.ends(), may_hold=may_hold) == []
        before = world.sinks(), world.server.audit()["requests"].get("POST /batches")
        world.end()
        assert (world.sinks(), world.server.audit()["requests"].get("POST /batches")) == before


def test_what_a_power_cut_may_not_undo_is_synced(tmp_path):
    with World(tmp_path, form="array", items=2) as world:
        assert world.live(FAULTS_MOMENTS=str(tmp_path / "moments")).code == 0
    names = (tmp_path / "moments").read_text().splitlines()
    sink = [f"{when} {what}" for what in ("sync file", "rename", "sync folder out") for when in ("before", "after")]
    ends = [at for at, name in enumerate(names) if name == "after sync folder out"]
    assert [names[at - 5 : at + 1] for at in ends] == [sink, sink]
    assert names.index("after sync folder .runner") < names.index("before POST /batches")
