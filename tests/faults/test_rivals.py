"""Several applies at once, signals, and a plan beside an apply."""

import json
import signal
import time

import pytest

from tests.faults.torment import sound
from tests.faults.world import World

pytestmark = pytest.mark.faults


@pytest.fixture
def world(tmp_path):
    with World(tmp_path, form="array", items=400, faults=0.1, seed=3, in_flight=2) as world:
        world.server.turn(run_s=1.0)
        yield world


def begun(world):
    """Start an apply, and wait until it has submitted something."""
    process = world.start()
    until = time.monotonic() + 20
    while not world.server.audit()["jobs"] and time.monotonic() < until:
        time.sleep(0.05)
    return process


def test_one_works_and_the_others_say_who(world):
    first = begun(world)
    others = [world.live(), world.live("retry"), world.live("cancel")]
    assert [life.code for life in others] == [16, 16, 16]
    assert all(f"process {first.pid} on " in life.err and "since " in life.err for life in others)
    assert max(life.seconds for life in others) < 2.0
    first.communicate(timeout=120)
    world.end()
    assert sound(world.ends()) == []


def test_three_at_the_same_moment(world):
    processes = [world.start() for _ in range(3)]
    codes = sorted(process.wait(120) for process in processes)
    for process in processes:
        process.communicate()
    assert codes[1:] == [16, 16] or codes.count(0) >= 1
    world.end()
    assert sound(world.ends()) == []


def test_plan_and_status_answer_while_an_apply_works(world):
    first = begun(world)
    plan, status = world.live("plan", "-o", "json"), world.live("status")
    holder = json.loads(plan.out)["stages"][0]["holder"]
    assert (plan.code, holder["pid"], str(first.pid) in status.out) == (0, first.pid, True)
    first.communicate(timeout=120)
    world.end()
    assert sound(world.ends()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_ten_seconds(world, number):
    process = begun(world)
    world.server.turn(share=1.0, only=["hang after"])
    time.sleep(0.3)
    began = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, time.monotonic() - began < 10, "again to go on" in err) == (130, True, True)
    world.server.turn(share=0.0, only=[])
    world.end()
    assert sound(world.ends()) == []


def test_a_second_signal_ends_it_within_a_second(world):
    process = begun(world)
    world.server.turn(share=1.0, only=["hang after"])
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert (process.returncode, time.monotonic() - began < 1) == (130, True)
    world.server.turn(share=0.0, only=[])
    world.end()
    assert sound(world.ends()) == []


@pytest.mark.parametrize("after_s", [0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5])
def test_a_signal_at_any_time_of_the_start(world, after_s):
    process = world.start()
    time.sleep(after_s)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode in (130, -signal.SIGTERM)
    assert "Traceback" not in err


def test_a_holder_that_died_is_followed_at_once(world):
    process = begun(world)
    process.kill()
    process.communicate()
    assert world.live(limit_s=120).code in (0, 14)
    world.end()
    assert sound(world.ends()) == []


def test_a_holder_that_was_stopped_past_its_lease_pays_nothing_twice(world):
    """The lease of a live process is taken by hand; when it wakes up it must write and pay nothing."""
    process = begun(world)
    process.send_signal(signal.SIGSTOP)
    assert world.live("state", "unlock", "--yes").code == 0
    world.end()
    process.send_signal(signal.SIGCONT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in err) == (16, False)
    world.end()
    assert sound(world.ends()) == []


def test_cancel_ends_what_runs_and_retry_sends_it_again(world):
    world.server.turn(stuck=1.0)
    assert world.live("apply", "--wait", "3s").code == 14
    held = json.loads(world.live("state", "list", "-o", "json").out)["jobs"]
    assert len(held) >= 2
    cancelled = world.live("cancel", "--wait", "60s")
    assert (cancelled.code, "cancelled" in cancelled.out) == (0, True)
    world.server.turn(stuck=0.0)
    words = world.server.audit()["words"]
    assert words.get("running", 0) == 0
    assert world.live("retry").code == 0
    world.end()
    assert world.ends().rows == 400
