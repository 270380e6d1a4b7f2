"""Targets with several modes, steps after a poll, and looks before anything is paid."""

import asyncio

import httpx
import pytest

from runner.model.contracts import Leaving
from runner.model.errors import AuthError, ConfigError
from runner.model.job import Find, JobStatus
from runner.platforms.identity import digest
from runner.templating import compile_template
from tests.platforms.made import PLACE, done, finished, item, job, manifest, over, problems, sent

PLATFORM = """\
apiVersion: runner/v1
kind: Platform
name: p
connection: {fields: {base_url: {type: string}, token: {type: secret}}}
targets:
  t:
    options: {properties: {mode: {enum: [one, many], default: one}, id: {x-scope: [item]}, keep: {type: boolean}}}
    mode: "{{ options.mode }}"
    modes:
      one:
        submit: {call: {post: /one, json: {id: "{{ options.id or item.key }}"}}, id: "{{ response.id }}"}
        poll:
          call: {get: "/one/{{ (job.newer or job.id) | segment }}"}
          status: "{{ response.status }}"
          states: {running: [again], succeeded: [done]}
          then:
            when: "{{ response.status == 'again' }}"
            call: {get: /jobs}
            each: "{{ response }}"
            match: "{{ found.after == job.id }}"
            keep: {newer: "{{ found.id }}"}
        results: {result: "{{ response }}"}
      many:
        capabilities: {items_per_job: {max: 10}}
        leaves: "{{ 'a room for each job' if options.keep else none }}"
        check: {call: {get: /rooms}, expect: "{{ 'blue' in response }}", error: "there is no blue room"}
        token: "{{ options.id or item.key }}"
        element: "{{ item.token }}"
        submit: {call: {post: /many, json: {ids: "{{ items }}"}}, id: "{{ response.id }}"}
        poll: {call: {get: "/many/{{ job.id }}"}, status: "{{ response.s }}", states: {succeeded: [done]}}
        results: {each: "{{ response.rows }}", item: "{{ found.id }}", result: "{{ found.v }}"}
"""


def answers(table):
    return lambda request: httpx.Response(200, json=table[request.url.path])


def target(table, **options):
    return over(answers(table), manifest(PLATFORM)).target("t", options, PLACE)


def test_an_option_chooses_the_mode():
    assert target({}).capabilities.max_items_per_job == 1
    assert target({}, mode="many").capabilities.max_items_per_job == 10
    with pytest.raises(ConfigError, match="no mode 'few'"):
        target({}, mode="few")


def test_steps_after_a_poll_keep_what_the_next_poll_reads():
    table = {
        "/one": {"id": "j1"},
        "/one/j1": {"status": "again"},
        "/jobs": [{"id": "j2", "after": "j1"}],
        "/one/j2": {"status": "done"},
    }
    one, state = asyncio.run(_ended(target(table), job(item("a"))))
    assert (state.status, one.kept) == (JobStatus.SUCCEEDED, {"newer": "j2"})


async def _ended(made, one):
    return await finished(made, *await sent(made, one))


def test_options_over_the_item_count_in_tokens():
    table = {"/many": {"id": 1}, "/many/1": {"s": "done", "rows": [{"id": "B", "v": 2}, {"id": "A", "v": 1}]}}
    made = target(table, mode="many", id=compile_template("{{ item.name }}"))
    _, results = asyncio.run(done(made, job(item("a", {"name": "A"}), item("b", {"name": "B"}))))
    assert {key: result.value for key, result in results.items()} == {"a": 1, "b": 2}


def test_what_a_look_before_the_work_misses_is_told():
    asyncio.run(target({"/rooms": ["blue"]}, mode="many").check())
    with pytest.raises(AuthError, match="there is no blue room"):
        asyncio.run(target({"/rooms": []}, mode="many").check())


@pytest.mark.parametrize(
    ("old", "new", "slug"),
    [
        ('    mode: "{{ options.mode }}"\n', "", "missing-field"),
        ('        results: {result: "{{ response }}"}\n', "", "missing-field"),
        ("{{ options.mode }}", "{{ options.mod }}", "unknown-name"),
        ("job.newer or", "job.older or", "unknown-name"),
    ],
)
def test_what_is_wrong_in_a_mode_is_told(old, new, slug):
    assert slug in [found for found, _ in problems(PLATFORM.replace(old, new))]


def test_the_digest_covers_what_every_mode_sends():
    value = manifest(PLATFORM).value
    assert digest(value, "t") == digest(manifest(PLATFORM.replace("succeeded: [done]", "succeeded: [over]")).value, "t")
    assert digest(value, "t") != digest(manifest(PLATFORM.replace("{post: /many", "{post: /more")).value, "t")


def test_without_a_word_the_first_mode_speaks_for_the_target():
    spec = manifest(PLATFORM).targets["t"]
    assert (list(spec.modes), spec.capabilities.find) == (["one", "many"], Find.NONE)


def test_a_target_says_what_it_leaves_behind():
    assert not isinstance(target({}), Leaving)
    assert target({}, mode="many").leaves() == ""
    assert target({}, mode="many", keep=True).leaves() == "a room for each job"
