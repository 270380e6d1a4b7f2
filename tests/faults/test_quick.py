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
