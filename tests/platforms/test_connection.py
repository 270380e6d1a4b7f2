import asyncio
import re

import httpx
import pytest

from runner.model.errors import ConfigError, Refused
from runner.model.secret import Secret
from tests.platforms.made import PLACE, SECRET, manifest, over, problems

PLATFORM = """\
apiVersion: runner/v1
kind: Platform
name: p
title: The platform
connection:
  fields:
    base_url: {type: string, default: "https://api.example.com/v1/"}
    app_url: {type: string, default: "https://app.example.com"}
    user: {type: string}
    token: {type: secret, required: true}
    pages: {type: integer}
  origins: ["{{ connection.app_url }}"]
  headers: {Authorization: "Basic {{ (connection.user ~ ':' ~ connection.token) | b64 }}", X-None: "{{ none }}"}
  query: {pages: "{{ connection.pages }}"}
  limits: {per_minute: 600, concurrency: 4, honour: [Retry-After]}
  timeouts: {connect: 1s, total: 1m}
  retries: {attempts: 2}
  max_reply: 4096
  check: {get: "{{ connection.app_url }}/me"}
"""


def connection(handler=lambda _: httpx.Response(200, json={}), **fields):
    return over(handler, manifest(PLATFORM), {"token": Secret(SECRET), "user": "me", **fields})


def test_fields_make_the_client():
    settings = connection(pages=Secret("7"))._client.settings
    assert settings.headers == {"Authorization": "Basic bWU6c2stdmVyeS1zZWNyZXQtMDEyMzQ1Njc4OQ=="}
    assert (settings.base_url, settings.query) == ("https://api.example.com/v1", [("pages", "7")])
    assert (settings.timeouts.connect_s, settings.timeouts.total_s, settings.max_reply) == (1, 60, 4096)
    assert settings.retries.attempts == 2


def test_an_account_is_named_by_its_base_url_which_is_not_shown():
    here, there = connection(), connection(base_url=f"https://{SECRET}.example.com")
    assert here.identity == connection(user="you").identity
    assert here.identity.startswith("p@")
    assert there.identity != here.identity
    assert SECRET not in there.identity


def test_a_user_may_lower_the_limits():
    rules = connection(limits={"concurrency": 1, "per_second": 2})._client.limits._rules
    assert (rules.concurrency, rules.per_second, rules.honour) == (1, 2, frozenset({"retry-after"}))


def test_credentials_go_to_all_hosts_that_are_the_platforms_own():
    seen = []
    asyncio.run(connection(lambda request: seen.append(request) or httpx.Response(200, json={})).check())
    assert (seen[0].url.host, "authorization" in seen[0].headers) == ("app.example.com", True)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"token": None}, "needs the field 'token'"),
        ({"token": Secret("")}, "needs the field 'token'"),
        ({"tokn": "x"}, "no field 'tokn'"),
        ({"pages": Secret("many")}, "of type integer"),
        ({"base_url": "ftp://x"}, "no http or https URL"),
        ({"base_url": None}, "no http or https URL"),
    ],
)
def test_what_is_wrong_with_the_fields_is_told(fields, words):
    with pytest.raises(ConfigError, match=words) as caught:
        connection(**fields)
    assert SECRET not in str(caught.value)


def test_a_kind_that_is_not_there_is_told():
    with pytest.raises(ConfigError, match="The platform has no target"):
        connection().target("p.none", {}, PLACE)


def test_it_can_be_closed_twice():
    async def run():
        made = connection()
        await made.close()
        await made.close()

    asyncio.run(run())


def test_a_reply_beyond_the_bound_is_refused():
    with pytest.raises(Refused, match="4,096 bytes"):
        asyncio.run(connection(lambda _: httpx.Response(200, content=bytes(5000))).check())


TWO_KEYS = """\
apiVersion: runner/v1
kind: Platform
name: p
connection:
  fields:
    base_url: {type: string}
    token: {type: secret}
    is_long: {type: boolean, matches: token, pattern: "[a-z]+-[a-z0-9-]+"}
  headers: {Authorization: "{{ ('Bearer ' if connection.is_long else 'Token ') ~ connection.token }}"}
"""


@pytest.mark.parametrize(("token", "sent"), [("sk-0", "Bearer sk-0"), ("sk-0 ", "Token sk-0 "), (None, "Token x")])
def test_a_field_may_be_worked_out_from_a_secret(token, sent):
    fields = {"base_url": "https://api.example.com", "token": Secret(token or "x")}
    made = over(lambda _: httpx.Response(200), manifest(TWO_KEYS), fields)
    assert made._client.settings.headers == {"Authorization": sent}


def test_a_field_that_is_worked_out_cannot_be_given():
    with pytest.raises(ConfigError, match="no field 'is_long'"):
        over(lambda _: httpx.Response(200), manifest(TWO_KEYS), {"base_url": "https://a.b", "is_long": True})


@pytest.mark.parametrize(("part", "slug"), [("matches: tokn", "bad-field"), ('pattern: "["', "bad-pattern")])
def test_a_field_that_cannot_be_worked_out_is_told(part, slug):
    name = part.partition(":")[0]
    text = re.sub(rf'{name}: ("[^"]*"|\w+)', lambda _: part, TWO_KEYS)
    assert problems(text) == [(slug, 8)]


@pytest.mark.parametrize("status", [404, 405])
def test_an_address_that_leads_nowhere_is_a_setting_to_mend(status):
    with pytest.raises(ConfigError) as caught:
        asyncio.run(connection(lambda _: httpx.Response(status)).check())
    assert caught.value.mend == "look at base_url of the connection"
