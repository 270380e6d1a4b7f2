"""Paying requests go with the place that their job took before it was written down as sent."""

import asyncio
from random import Random

import httpx

from runner.model.job import Job
from runner.platforms.turns import Turns
from runner.transport.limits import Limits, Rules
from tests.platforms.made import PLACE, item, job, manifest, over
from tests.transport.doubles import Ticks

PLATFORM = """\
apiVersion: runner/v1
kind: Platform
name: p
connection:
  limits: {concurrency: 1}
  fields: {base_url: {type: string}, token: {type: secret}}
  auth:
    call: {post: /token, json: {refresh: "{{ connection.token }}"}}
    token: "{{ response.access }}"
    headers: {Authorization: "Bearer {{ auth.token }}"}
targets:
  t:
    capabilities: {find: exact, items_per_job: {max: 1}}
    submit:
      call: {post: /jobs, json: {key: "{{ job.key }}"}}
      id: "{{ response.id }}"
    find:
      call: {get: /jobs}
      each: "{{ response }}"
      match: "{{ found.key == job.key }}"
      id: "{{ found.id }}"
    poll:
      call: {get: "/jobs/{{ job.id | segment }}"}
      status: "{{ response.status }}"
      states: {running: [running], succeeded: [done]}
    results: {result: "{{ found.r }}"}
"""

ONE, OTHER = Job("one", 1, ()), Job("other", 1, ())


def turns(**rules):
    return Turns(Limits(Rules(**rules), Ticks(), Random(1)))


def test_a_turn_is_a_place_of_the_connection():
    limited = turns(concurrency=1)
    assert (limited.entered(ONE), ONE in limited, limited.entered(OTHER)) == (True, True, False)
    limited.leave(ONE)
    assert (ONE in limited, limited.entered(OTHER)) == (False, True)


def test_who_waits_for_a_turn_has_none_yet():
    async def wait():
        limited = turns(concurrency=1)
        limited.entered(ONE)
        waiting = asyncio.create_task(limited.enter(OTHER))
        await asyncio.sleep(0)
        before = OTHER in limited
        limited.leave(ONE)
        await waiting
        return before, OTHER in limited

    assert asyncio.run(wait()) == (False, True)


def test_a_turn_is_given_back_once():
    limited = turns(concurrency=1)
    limited.leave(ONE)
    limited.entered(ONE)
    limited.leave(ONE)
    limited.leave(ONE)
    assert (limited.entered(ONE), limited.entered(OTHER)) == (True, False)


def test_with_one_place_the_login_and_the_search_for_a_job_find_theirs():
    one = job(item("a", {"v": 1}))

    def answer(request):
        if request.url.path == "/token":
            return httpx.Response(200, json={"access": "t1"})
        if request.method == "POST":
            return httpx.Response(201, json={"id": ""})
        return httpx.Response(200, json=[{"id": "r1", "key": one.key}])

    async def run():
        made = over(answer, manifest(PLATFORM)).target("p.t", {}, PLACE)
        assert made.turns.entered(one)
        return await asyncio.wait_for(made.submit(one), 5), one in made.turns

    submitted, has_turn = asyncio.run(run())
    assert (submitted.id, has_turn) == ("r1", False)
