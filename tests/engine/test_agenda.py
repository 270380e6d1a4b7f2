"""What sleeps, what is due, and what is brought forward."""

import asyncio

from runner.engine.agenda import Action, Agenda, Step
from runner.model.job import Job
from tests.engine.world import FastClock


def step(key, action=Action.POLL, **facts):
    return Step(action, Job(key, 1, ()), **facts)


def taken(agenda, clock, until):
    """Return the keys of the steps that are due by then, in order."""

    async def take():
        clock.time = until
        waker = asyncio.create_task(agenda.run())
        await asyncio.sleep(0)
        found = [(await agenda.next()).job.key for _ in range(len(agenda._due))]
        agenda.close()
        await waker
        return found

    return asyncio.run(take())


def test_steps_come_when_they_are_due():
    clock = FastClock(0.0)
    agenda = Agenda(clock)
    agenda.later(step("c"), 30.0)
    agenda.later(step("a"), 10.0)
    agenda.later(step("now"), 0.004)
    assert taken(agenda, clock, 20.0) == ["now", "a"]


def test_sleepers_are_brought_forward_but_never_put_off():
    clock = FastClock(0.0)
    agenda = Agenda(clock)
    for key, delay_s in (("late", 50.0), ("soon", 5.0)):
        agenda.later(step(key), delay_s)
    agenda.sooner(Action.POLL, lambda each: 10.0)
    assert taken(agenda, clock, 20.0) == ["soon", "late"]


def test_who_was_put_off_by_the_platform_or_failed_sleeps_on():
    clock = FastClock(0.0)
    agenda = Agenda(clock)
    agenda.later(step("hinted", is_put_off=True), 50.0)
    agenda.later(step("failed", tries=1), 50.0)
    agenda.later(step("other", Action.RECONCILE), 50.0)
    agenda.later(step("mine"), 50.0)
    agenda.sooner(Action.POLL, lambda each: 0.0)
    assert taken(agenda, clock, 20.0) == ["mine"]


def test_submits_go_first_but_the_others_have_their_turn():
    async def take():
        agenda = Agenda(FastClock(0.0))
        for number in range(3):
            agenda.now(step(f"poll {number}"))
        for number in range(16):
            agenda.now(step(f"submit {number}", Action.SUBMIT))
        return [(await agenda.next()).job.key for _ in range(len(agenda))]

    order = asyncio.run(take())
    assert [place for place, key in enumerate(order) if key.startswith("poll")] == [7, 15, 18]
    assert [key for key in order if key.startswith("submit")] == [f"submit {number}" for number in range(16)]
