"""SIGSTOP of the holder for longer than its lease, at every numbered moment of the protocol, and an apply meanwhile.

The server keeps idle connections open: what the holder sends when it wakes up would be accepted.
"""

import pytest

from tests.faults.torment import sound
from tests.faults.world import World, stopped

pytestmark = pytest.mark.faults
STRIDE = {"array": 1, "item": 2, "container": 2, "lines": 3, "blind": 2}
"""Every moment of the array form; of the others, which share its protocol, every few."""


def small(folder, form):
    return World(folder, form=form, items=4, per_job=4, in_flight=1, seed=2)


def protocol(folder, form):
    """Return the moments from the intent of the first job to the acceptance of the last one."""
    with small(folder, form) as world:
        assert world.live(FAULTS_MOMENTS=str(folder / "moments")).code == 0
    names = (folder / "moments").read_text().splitlines()
    looks = [at for at, name in enumerate(names, 1) if name == "before look"]
    return range(looks[0] - 8, looks[-1] + 7), names


@pytest.mark.parametrize("form", STRIDE)
def test_a_stop_at_every_moment_pays_nothing_twice(tmp_path, form):
    (tmp_path / "count").mkdir()
    moments, names = protocol(tmp_path / "count", form)
    wrong, overtaken = {}, 0
    for at in moments[:: STRIDE[form]]:
        folder = tmp_path / str(at)
        folder.mkdir()
        with small(folder, form) as world:
            freeze = world.stop(stopped, FAULTS_STOP_AT=str(at))
            overtaken += freeze.second is not None and freeze.second.code in (0, 15)
            world.end()
            if found := sound(world.ends(), may_hold=form == "blind"):
                wrong[f"{at} {names[at - 1]}"] = found
    assert wrong == {}
    assert overtaken > 0
