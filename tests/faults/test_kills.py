"""SIGKILL at random under 30 % faults, in every form of job: nothing lost, nothing paid twice, every row exact."""

from random import Random

import pytest

from tests.faults.torment import sound, torment
from tests.faults.world import World

pytestmark = pytest.mark.faults
FORMS = ("item", "found", "array", "container", "lines", "likely", "blind", "array_blind")
CANNOT = ("likely", "blind", "array_blind")


@pytest.mark.parametrize("form", FORMS)
def test_kills_at_random(tmp_path, form):
    with World(tmp_path, form=form, items=150, faults=0.3, seed=len(form), per_job=10, in_flight=8) as world:
        killed = torment(world, 12, Random(f"kills {form}"))
        world.end()
        ends = world.ends()
        assert sound(ends, may_hold=form in CANNOT) == []
        assert killed > 0
        submits = world.server.audit()["requests"]
        world.end()
        assert {route: n for route, n in world.server.audit()["requests"].items() if route.startswith("POST")} == {
            route: n for route, n in submits.items() if route.startswith("POST")
        }


@pytest.mark.parametrize("seed", [1, 2])
def test_faults_without_kills_cost_few_requests(tmp_path, seed):
    with World(tmp_path, form="found", items=200, faults=0.3, seed=seed) as world:
        assert world.live().code == 0
        ends = world.ends()
        assert sound(ends) == []
        assert ends.submits <= 1.6 * ends.jobs


def test_poisoned_stuck_and_failing_items_end_in_one_state_each(tmp_path):
    more = ", timeout: 4s, attempts: 1"
    with World(tmp_path, form="item", items=200, faults=0.1, seed=9, more=more) as world:
        world.server.turn(failing=0.05, stuck=0.02)
        life = world.end()
        ends = world.ends()
        assert (life.code, sound(ends)) == (11, [])
        assert 4 <= ends.failed <= 40


def test_a_reply_that_cannot_be_read_brings_nobody_elses_result(tmp_path):
    with World(tmp_path, form="likely", items=150, faults=0.3, seed=3) as world:
        world.server.turn(only=["malformed", "truncated"])
        world.end()
        ends = world.ends()
        assert sound(ends, may_hold=True) == []
        assert ends.held > 0


def test_a_word_that_nobody_knows_is_held(tmp_path):
    with World(tmp_path, form="item", items=100, faults=0.1, seed=4) as world:
        world.server.turn(odd_word=0.1)
        life = world.end()
        ends = world.ends()
        assert (life.code, sound(ends, may_hold=True)) == (15, [])
        assert ends.held > 0


def test_a_dead_server_stops_the_run_soon_and_cheaply(tmp_path):
    with World(tmp_path, form="found", items=200, faults=1.0, seed=4) as world:
        world.server.turn(only=["reset before"])
        life = world.live()
        assert (life.code in (4, 14), life.seconds < 75) == (True, True)
        assert sum(world.server.audit()["requests"].values()) <= 2 * 200 + 500
        world.server.turn(share=0.0)
        world.end()
        assert sound(world.ends()) == []
