"""What is asked before a job: its price, and what it would change on the platform."""

import asyncio

import httpx
import pytest

from runner.model.contracts import Comparing, Estimating
from runner.model.errors import AuthError
from runner.model.job import Change
from tests.platforms.made import PLACE, manifest, over

PLATFORM = """\
apiVersion: runner/v1
kind: Platform
name: p
connection: {fields: {base_url: {type: string}, token: {type: secret}}}
targets:
  t:
    options: {properties: {version: {type: string}, text: {type: string}, model: {type: string}}}
    submit: {call: {post: /jobs}, id: "{{ response.id }}"}
    poll: {call: {get: /jobs}, status: "{{ response.status }}", states: {succeeded: [DONE]}}
    results: {result: "{{ response }}"}
    compare:
      before:
        call: {get: /versions}
        each: "{{ response }}"
        match: "{{ found.title == options.version }}"
        keep: {there: "{{ found }}"}
      what: version {{ options.version }}
      wanted: "{{ none if options.text is none else {'text': options.text, 'model': options.model or 'small'} }}"
      found: "{{ kept.there }}"
    estimate:
      call: {get: /price}
      money: "{{ none if response.error else response.each * count }}"
      how: "{{ response.error or 'as the platform says' }}"
"""
VERSIONS = [{"title": "one", "text": "Say it.", "model": "small", "id": 1}]


def target(reply=VERSIONS, status=200, **options):
    return over(lambda _: httpx.Response(status, json=reply), manifest(PLATFORM)).target("p.t", options, PLACE)


def changes(reply=VERSIONS, status=200, **options):
    return asyncio.run(target(reply, status, **options).compare())


def test_the_powers_are_there():
    assert isinstance(target(), Comparing) and isinstance(target(), Estimating)


def test_only_what_differs_is_a_change():
    assert changes(version="one", text="Say it!") == [Change("version one", {"text": "Say it."}, {"text": "Say it!"})]


def test_what_is_not_there_is_new():
    wanted = {"text": "x", "model": "big"}
    assert changes(version="two", text="x", model="big") == [Change("version two", None, wanted)]


@pytest.mark.parametrize("options", [{"version": "one", "text": "Say it."}, {"version": "one"}])
def test_nothing_wanted_and_nothing_different_is_no_change(options):
    assert changes(**options) == ()


def test_what_may_not_be_seen_stops_before_anything_is_paid():
    with pytest.raises(AuthError, match="404"):
        changes({}, 404, version="one", text="x")


def test_a_price_is_asked():
    estimate = asyncio.run(target({"each": 0.5, "error": None}).estimate(4))
    assert (estimate.money, estimate.how) == (2.0, "as the platform says")


def test_a_platform_may_say_why_it_has_no_price():
    estimate = asyncio.run(target({"error": "no price for this model"}).estimate(4))
    assert (estimate.money, estimate.how) == (None, "no price for this model")


@pytest.mark.parametrize(("reply", "status"), [({}, 200), ({"each": "x", "error": ""}, 200), ({}, 404), ({}, 503)])
def test_a_price_that_cannot_be_told_stops_nothing(reply, status):
    estimate = asyncio.run(target(reply, status).estimate(4))
    assert (estimate.money, estimate.how.startswith("unknown: ")) == (None, True)
