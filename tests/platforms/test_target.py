"""What targets of manifests must survive: odd replies, foreign hosts, secrets, logins that end."""

import asyncio
import json
import logging
import random
import traceback
from dataclasses import replace

import httpx
import pytest

from runner.model.errors import (
    AuthError,
    ConfigError,
    Indeterminate,
    JobLost,
    Refused,
    RunnerError,
    StopRun,
    Unavailable,
    UnexpectedReply,
)
from runner.model.job import JobState, JobStatus
from runner.model.secret import Secret
from runner.templating import compile_template
from tests.platforms.made import PLACE, SECRET, finished, gathered, item, job, manifest, over, sent
from tests.transport.doubles import Ticks

PLATFORM = """\
apiVersion: runner/v1
kind: Platform
name: p
title: The platform
connection:
  fields: {base_url: {type: string}, token: {type: secret}}
  headers: {Authorization: "Bearer {{ connection.token }}"}
errors:
  - {status: [400], when: "{{ response.code == 'slow' }}", is: retry_later}
  - {status: [402], is: stop_run, mend: pay the bill}
  - {when: "{{ response.fault is defined }}", is: item_permanent}
message: ["{{ response.message }}", "{{ response.error.text }}"]
targets:
  t:
    options: {properties: {prompt: {type: string, x-scope: [item]}, size: {type: integer, default: 3}}}
    capabilities: {find: probable, cost: job, items_per_job: {max: 10}}
    element: {k: "{{ item.token }}", v: "{{ item.v }}", p: "{{ options.prompt }}", size: "{{ options.size }}"}
    submit:
      call: {post: /jobs, json: {items: "{{ items }}"}}
      id: "{{ response.id }}"
      keep: {files: "{{ response.files | default(none) }}"}
      outcome: {not_created: [400, 401, 402, 403, 404, 422, 429, "{{ response.fault is defined }}"]}
    find:
      call: {get: /jobs, query: {page: "{{ page.number }}"}}
      pages: {number: {until: empty}}
      each: "{{ response }}"
      match: "{{ found.key == job.key }}"
      id: "{{ found.id }}"
    poll:
      call: {get: "/jobs/{{ job.id | segment }}"}
      states:
        - {when: "{{ response.done is undefined or not response.done }}", is: running}
        - {when: "{{ response.error is defined }}", is: failed}
        - {when: "{{ response.done is true }}", is: succeeded}
      error: "{{ response.error.text }}"
      progress: "{{ response.progress }}"
      cost: "{{ response.price }}"
      counters: {rows: "{{ response.rows }}"}
      keep: {files: "{{ response.files }}"}
    results:
      when: "{{ job.files }}"
      call: {get: "{{ job.files }}", read: jsonl}
      item: "{{ found.k }}"
      failed: "{{ found.bad | default(false) }}"
      error: "{{ found.why }}"
      cost: "{{ found.price | default(none) }}"
      result: "{{ found.r }}"
"""


def target(handler, options=None, **more):
    return over(handler, manifest(PLATFORM), **more).target("p.t", options or {}, PLACE)


def answering(status=200, body=b"", headers=None):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda _: httpx.Response(status, stream=httpx.ByteStream(body), headers=headers or {})


ONE = job(item("a", {"v": 1}))


@pytest.mark.parametrize(
    ("status", "body", "expected", "words"),
    [
        (200, {"id": ""}, Indeterminate, "no id"),
        (200, {"other": 1}, UnexpectedReply, 'submit.id cannot be read.*"id".*holds .*other'),
        (200, {"id": {"is": 1}}, UnexpectedReply, "gives no text or number, but dict"),
        (200, {"no": 1, "message": "quota exceeded"}, UnexpectedReply, "and no job: quota exceeded"),
        (200, b"OK", UnexpectedReply, "not JSON but 'OK'"),
        (200, b"<html><title>Login</title>", UnexpectedReply, "HTML page titled 'Login'"),
        (200, b'{"id": ', Indeterminate, "not JSON"),
        (200, {"fault": "x"}, Refused, "The platform answered 200"),
        (500, {"message": "oh"}, Indeterminate, "oh"),
        (503, b"", Indeterminate, "empty body"),
        (409, {"message": "twice"}, Indeterminate, "twice"),
        (302, b"", Indeterminate, "302"),
        (303, b"", Indeterminate, "303"),
        (307, b"", ConfigError, "moved to nowhere"),
        (407, b"", StopRun, "407"),
        (406, b"", Indeterminate, "406"),
        (411, b"", Refused, "411"),
        (501, b"", Indeterminate, "501"),
        (511, b"", StopRun, "511"),
        (400, {"code": "slow"}, Unavailable, "400"),
        (400, {"error": {"text": "wrong \x1b[31mfield"}}, Refused, "wrong field"),
        (401, {"message": "no"}, Refused, "no"),
        (402, {"message": "no"}, StopRun, "no"),
        (404, b"<html>", Refused, "HTML page"),
        (429, b"slow down", Unavailable, "slow down"),
    ],
)
def test_what_the_reply_to_a_submit_means(status, body, expected, words):
    seen = []
    answer = answering(status, body)
    with pytest.raises(expected, match=words) as caught:
        asyncio.run(target(lambda request: seen.append(request.method) or answer(request)).submit(ONE))
    assert type(caught.value) is expected
    assert seen.count("POST") == 1


@pytest.mark.parametrize(
    ("error", "expected"), [(httpx.ConnectError("x"), Unavailable), (httpx.ReadTimeout("x"), Indeterminate)]
)
def test_a_submit_that_breaks_says_whether_it_left(error, expected):
    def broken(_):
        raise error

    with pytest.raises(expected):
        asyncio.run(target(broken).submit(ONE))


class Past:
    def left_s(self):
        return 0.0


def test_a_submit_after_its_not_after_is_not_sent():
    seen = []
    with pytest.raises(Unavailable, match="lease was about to end"):
        asyncio.run(target(lambda request: seen.append(request.method)).submit(replace(ONE, not_after=Past())))
    assert seen == []


@pytest.mark.parametrize(
    "headers", [{"retry-after": "3600"}, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "3600"}], ids=str
)
@pytest.mark.parametrize(("status", "body"), [(201, {"id": "r1"}), (500, {}), (409, {})])
def test_a_pause_that_a_reply_asks_for_does_not_change_what_it_means(status, body, headers):
    submitting = target(answering(status, body, headers)).submit(ONE)
    if status == 201:
        assert asyncio.run(submitting).id == "r1"
    else:
        with pytest.raises(Indeterminate):
            asyncio.run(submitting)


def test_a_paying_get_is_not_sent_on_behind_a_redirect():
    seen = []
    text = PLATFORM.replace('{post: /jobs, json: {items: "{{ items }}"}}', "{get: /start}")
    text = text.replace('    element: {k: "{{ item.token }}"', '    unused: {k: "{{ item.token }}"')
    text = "\n".join(line for line in text.splitlines() if "unused:" not in line)

    def answer(request):
        seen.append(str(request.url))
        return httpx.Response(302, headers={"location": "ftp://x/y"})

    with pytest.raises(Indeterminate):
        asyncio.run(over(answer, manifest(text)).target("p.t", {}, PLACE).submit(job(item("a", {}))))
    assert len(seen) == 1


def test_a_token_that_cannot_be_sent_is_a_setting_to_mend():
    answer = answering(200, {"access": "two\nlines", "expires_in": 300})
    with pytest.raises(ConfigError) as caught:
        asyncio.run(over(answer, manifest(LOGIN)).check())
    assert "two" not in str(caught.value)


def test_retry_after_is_told():
    with pytest.raises(Unavailable) as caught:
        asyncio.run(target(answering(429, b"", {"retry-after": "11"})).submit(ONE))
    assert caught.value.retry_after_s == 11


def test_an_option_of_the_recipe_may_read_the_item_and_defaults_are_filled():
    seen = []
    made = target(
        lambda request: seen.append(json.loads(request.content)) or httpx.Response(200, json={"id": 7}),
        {"prompt": compile_template("say {{ item.v }}")},
    )
    submitted = asyncio.run(made.submit(job(item("a", {"v": 1}), item("b", {"v": 2}))))
    assert submitted.id == "7"
    assert seen[0]["items"] == [
        {"k": "a", "v": 1, "p": "say 1", "size": 3},
        {"k": "b", "v": 2, "p": "say 2", "size": 3},
    ]


def test_an_item_without_what_is_needed_is_refused_alone():
    made = target(answering(200, {"id": 7}))
    submitted = asyncio.run(made.submit(job(item("a", {"v": 1}), item("b"))))
    assert "v" in submitted.kept["refused"]["b"]
    with pytest.raises(Refused, match='no field "v"'):
        asyncio.run(made.submit(job(item("b"))))


def poll(body, status=200, headers=None):
    return asyncio.run(target(answering(status, body, headers)).poll(replace(ONE, id="7", accepted_at=1.0)))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, JobStatus.RUNNING),
        ({"done": False}, JobStatus.RUNNING),
        ({"done": True}, JobStatus.SUCCEEDED),
        ({"done": True, "error": {"text": "x"}}, JobStatus.FAILED),
        ({"done": "maybe"}, JobStatus.HELD),
    ],
)
def test_states_by_rules(body, status):
    assert poll(body).status is status


def test_what_a_poll_tells():
    state = poll({"progress": 0.5, "price": "0.12", "rows": 3, "files": "/f"}, headers={"retry-after": "4"})
    expected = (0.5, 0.12, {"rows": 3}, {"files": "/f"}, 4.0)
    assert (state.progress, state.cost, state.counters, state.kept, state.poll_after_s) == expected


@pytest.mark.parametrize("status", [404, 410])
def test_a_job_that_the_platform_forgot_is_lost(status):
    with pytest.raises(JobLost):
        poll({}, status)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"7", b'"x"', b"{", b"<html>", b"\xff\x00", b"[" * 9000])
@pytest.mark.parametrize("step", ["submit", "poll", "find", "results"])
def test_odd_replies_are_errors_of_ours(body, step):
    made = target(answering(200, body))
    one = replace(ONE, id="7", sent_at=1.0, accepted_at=1.0, kept={"files": "/f"})
    steps = {
        "submit": lambda: made.submit(ONE),
        "poll": lambda: made.poll(one),
        "find": lambda: made.find(one),
        "results": lambda: gathered(made, one, JobState(JobStatus.SUCCEEDED)),
    }
    try:
        asyncio.run(steps[step]())
    except RunnerError as error:
        assert str(error)


def test_fuzzed_replies_never_end_in_a_traceback():
    rng = random.Random(5)
    good = json.dumps(
        [{"id": "7", "key": ONE.key, "done": True, "files": "/f", "k": "a", "r": {"x": [1, None, "ü"]}}]
    ).encode()
    one = replace(ONE, id="7", sent_at=1.0, accepted_at=1.0, kept={"files": "/f"})
    for _ in range(150):
        body = bytearray(good)
        for _ in range(rng.randrange(1, 6)):
            body[rng.randrange(len(body))] = rng.randrange(256)
        made = target(answering(rng.choice([200, 200, 404, 500]), bytes(body[: rng.randrange(1, len(body) + 1)])))
        for verb in (
            made.submit,
            made.poll,
            made.find,
            lambda each, made=made: gathered(made, each, JobState(JobStatus.SUCCEEDED)),
        ):
            try:
                asyncio.run(verb(one))
            except RunnerError as error:
                assert str(error)


def result_lines(*lines):
    body = "\n".join(map(json.dumps, lines)).encode()
    one = replace(job(item("a", {"v": 1}), item("b", {"v": 1})), id="7", kept={"files": "/f"})
    return asyncio.run(gathered(target(answering(200, body)), one, JobState(JobStatus.SUCCEEDED)))


def test_results_by_line():
    found = result_lines({"k": "b", "r": 2, "price": 0.1}, {"k": "a", "bad": True, "why": "no\x1b[2J"})
    assert (found["b"].value, found["b"].cost, found["a"].error, found["a"].value) == (2, 0.1, "no", None)


def test_a_secret_that_the_platform_repeats_is_hidden():
    assert result_lines({"k": "a", "bad": True, "why": f"key {SECRET} is bad"})["a"].error == "key *** is bad"
    assert poll({"done": True, "error": {"text": f"key {SECRET} is bad"}}).error == "key *** is bad"


def test_a_result_for_nobody_is_no_result_of_anybody():
    assert set(result_lines({"k": "z", "r": 1}, {"r": 1})) == {"(unknown) z", "(unknown)"}


def test_a_line_that_lacks_its_result_fails_its_item():
    assert 'no field "r"' in result_lines({"k": "a"}, {"k": "b", "r": 1})["a"].error


def test_no_place_for_results_is_legal():
    one = replace(ONE, id="7", kept={"files": ""})
    assert asyncio.run(gathered(target(answering(500)), one, JobState(JobStatus.SUCCEEDED))) == {}


def test_all_jobs_that_may_be_a_lost_one_are_told():
    rows = [[{"id": n, "key": ONE.key if n % 2 else "x"} for n in range(start, start + 100)] for start in (0, 100, 200)]

    def listed(request):
        page = int(request.url.params["page"])
        return httpx.Response(200, json=rows[page - 1] if page <= len(rows) else [])

    found = asyncio.run(target(listed).find_all(replace(ONE, sent_at=1.0)))
    assert [one.id for one in found] == [str(n) for n in range(1, 200, 2)]
    assert asyncio.run(target(listed).find(replace(ONE, sent_at=1.0))).id == "1"


def test_a_401_while_looking_is_never_not_there():
    for status, expected in ((401, AuthError), (404, Unavailable), (500, Unavailable)):
        with pytest.raises(expected):
            asyncio.run(target(answering(status)).find(replace(ONE, sent_at=1.0)))


def test_results_on_another_host_are_fetched_without_credentials():
    seen = []

    def handler(request):
        seen.append(request)
        return httpx.Response(200, content=b'{"k": "a", "r": 1}')

    one = replace(ONE, id="7", kept={"files": "https://files.example.org/r?sig=1"})
    found = asyncio.run(gathered(target(handler), one, JobState(JobStatus.SUCCEEDED)))
    assert found["a"].value == 1
    assert SECRET not in str(seen[0].headers.raw)


def test_a_platform_may_not_lead_us_inside():
    one = replace(ONE, id="7", kept={"files": "http://169.254.169.254/latest"})
    with pytest.raises(Refused, match="private address"):
        asyncio.run(gathered(target(answering(200)), one, JobState(JobStatus.SUCCEEDED)))


def test_a_secret_appears_nowhere(caplog):
    caplog.set_level(logging.DEBUG)
    echo = answering(401, {"message": f"bad token {SECRET}"})
    connection = over(echo, manifest(PLATFORM))
    made = connection.target("p.t", {}, PLACE)
    shown = [
        repr(connection),
        repr(made),
        repr(connection._client),
        repr(connection._session),
        repr(connection._client.settings),
    ]
    for verb in (made.submit, made.poll, made.find):
        try:
            asyncio.run(verb(replace(ONE, id="7", sent_at=1.0)))
        except (AuthError, Refused) as error:
            shown.append("".join(traceback.format_exception(error)) + repr(error) + error.mend)
    assert SECRET not in " ".join(shown) + caplog.text
    assert "bad token ***" in shown[-1]


LOGIN = """\
apiVersion: runner/v1
kind: Platform
name: p
connection:
  fields: {base_url: {type: string}, token: {type: secret}, legacy: {type: boolean, default: false}}
  headers: {Authorization: "{{ 'Token ' ~ connection.token if connection.legacy else none }}"}
  auth:
    when: "{{ not connection.legacy }}"
    call: {post: /token, json: {refresh: "{{ connection.token }}"}}
    token: "{{ response.access }}"
    lifetime: "{{ response.expires_in }}"
    headers: {Authorization: "Bearer {{ auth.token }}"}
  check: {get: /me}
"""


class Logins:
    """Gives tokens t1, t2 ... of 300 s; only the last one is good."""

    def __init__(self):
        self.given, self.seen = 0, []

    def __call__(self, request):
        if request.url.path == "/token":
            assert "authorization" not in request.headers
            assert json.loads(request.content) == {"refresh": SECRET}
            self.given += 1
            return httpx.Response(200, json={"access": f"t{self.given}", "expires_in": 300})
        self.seen.append(request.headers["authorization"])
        return httpx.Response(200 if self.seen[-1] == f"Bearer t{self.given}" else 401, json={})


def test_a_token_is_fetched_once_and_renewed_before_it_ends():
    server, clock = Logins(), Ticks()
    connection = over(server, manifest(LOGIN), clock=clock)

    async def run():
        await asyncio.gather(*(connection.check() for _ in range(5)))
        clock.at += 280
        await connection.check()

    asyncio.run(run())
    assert server.seen == ["Bearer t1"] * 5 + ["Bearer t2"]


def test_a_refused_token_is_renewed_once():
    server = Logins()
    connection = over(server, manifest(LOGIN))

    async def run():
        await connection.check()
        server.given += 1  # somebody else logged in: ours is no longer good
        await connection.check()

    asyncio.run(run())
    assert server.seen == ["Bearer t1", "Bearer t1", "Bearer t3"]


def test_a_refused_login_is_said_as_such():
    with pytest.raises(AuthError):
        asyncio.run(over(answering(400, {"detail": "no"}), manifest(LOGIN)).check())


def test_without_the_exchange_the_plain_headers_count():
    seen = []
    fields = {"base_url": "https://api.example.com", "token": Secret(SECRET), "legacy": True}
    connection = over(lambda request: seen.append(request) or httpx.Response(200, json={}), manifest(LOGIN), fields)
    asyncio.run(connection.check())
    assert [request.headers["authorization"] for request in seen] == [f"Token {SECRET}"]


def test_polling_ends():
    answers = iter([{}, {"done": False}, {"done": True}])
    made = target(lambda _: httpx.Response(200, json=next(answers)))
    _, state = asyncio.run(finished(made, replace(ONE, id="7")))
    assert state.status is JobStatus.SUCCEEDED


def test_a_job_as_the_ledger_would_keep_it():
    made = target(answering(200, {"id": 7, "files": "/f"}))
    one, state = asyncio.run(sent(made, ONE))
    assert (one.id, one.kept["files"], state) == ("7", "/f", None)
