"""The plan says how many jobs can be in flight, and who says so, when that is fewer than the recipe asks for."""

import asyncio

import pytest

from runner.engine.survey import survey
from runner.ledger.memory import MemoryLedger
from runner.model.recipe import RunOptions
from runner.model.secret import Secret
from tests.engine.test_replies_that_misfit import INSTANT, PLATFORM
from tests.engine.world import FastClock, item, work_on
from tests.platforms.made import PLACE, manifest, over

PLAIN = {"base_url": "https://api.example.com", "token": Secret("t")}


def notes(text, fields=PLAIN, items=100, in_flight=64):
    target = over(None, manifest(text), fields).target("p.t", {}, PLACE)
    run = RunOptions(items_per_job=1, max_in_flight=in_flight)
    work = work_on(MemoryLedger(), [item(f"i{at}") for at in range(items)], target, clock=FastClock(), run=run)
    return list(asyncio.run(survey(work)).notes)


LIMITED = INSTANT.replace("  headers:", "  limits: {concurrency: 7}\n  headers:")
ALONE = PLATFORM.replace("find: exact}", "find: exact, jobs_at_once: 1}")


@pytest.mark.parametrize(
    ("text", "fields", "words"),
    [
        (INSTANT, PLAIN, "at most 32 jobs at one time, not run.max_in_flight (64): each takes a request until it is"),
        (INSTANT, PLAIN, "the default of limits.concurrency of a connection is 32"),
        (LIMITED, PLAIN, "limits.concurrency of the platform p is 7"),
        (LIMITED, {**PLAIN, "limits": {"concurrency": 5}}, "limits.concurrency of the connection is 5"),
        (ALONE, PLAIN, "at most 1 job at one time, not run.max_in_flight (64): the platform allows no more"),
    ],
    ids=["default", "who", "manifest", "connection", "platform"],
)
def test_a_limit_below_max_in_flight_is_told(text, fields, words):
    (note,) = notes(text, fields)
    assert words in note


@pytest.mark.parametrize(("text", "items", "in_flight"), [(PLATFORM, 100, 64), (INSTANT, 32, 64), (INSTANT, 100, 32)])
def test_a_limit_that_changes_nothing_is_not_told(text, items, in_flight):
    assert notes(text, items=items, in_flight=in_flight) == []
