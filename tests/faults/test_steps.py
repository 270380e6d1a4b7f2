"""SIGKILL at every numbered moment of the protocol, on the installed command."""

import pytest

from tests.faults.torment import sound
from tests.faults.world import World

pytestmark = pytest.mark.faults
STRIDE = {"array": 1, "item": 4, "container": 3, "lines": 3, "blind": 3}
"""Every moment of the array form; of the others, which share its protocol, every few."""


def small(folder, form):
    return World(folder, form=form, items=4, per_job=2, in_flight=2, seed=2)


def moments(folder, form):
    with small(folder, form) as world:
        assert world.live(FAULTS_MOMENTS=str(folder / "moments")).code == 0
        return (folder / "moments").read_text().splitlines()


@pytest.mark.parametrize("form", STRIDE)
def test_death_at_every_moment(tmp_path, form):
    (tmp_path / "count").mkdir()
    names = moments(tmp_path / "count", form)
    wrong = {}
    for at in range(1, len(names) + 1, STRIDE[form]):
        folder = tmp_path / str(at)
        folder.mkdir()
        with small(folder, form) as world:
            life = world.live(FAULTS_DIE_AT=str(at))
            world.end()
            found = sound(world.ends(), may_hold=form == "blind")
            if found or (not life.was_killed and at < len(names) - 10):
                wrong[f"{at} {names[at - 1]}"] = found or life
    assert wrong == {}
