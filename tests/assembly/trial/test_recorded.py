"""A recorded exchange as an ASGI app."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from runner.assembly.trial.recorded import TRANSPORT, Recorded
from runner.emulators import faults
from tests.assembly.trial.trials import case


class Line:
    """What a server leaves with a request."""

    aborted = False

    def abort(self) -> None:
        self.aborted = True


class Wire:
    """Asks a recorded exchange, written as a user would."""

    def __init__(self, folder: Path, exchanges: str) -> None:
        _, one = case(folder, "cases:\n  - name: a\n    recorded:\n" + exchanges)
        assert one.recorded is not None
        self.recorded = Recorded(one.recorded)
        self.line = Line()

    def __call__(self, method: str, target: str, body: bytes = b"", kind: str = "application/json") -> Any:
        path, _, query = target.partition("?")
        scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "query_string": query.encode()}
        scope |= {"headers": [(b"content-type", kind.encode())], "state": {TRANSPORT: self.line}}
        told: list[Any] = []
        heard = iter([{"type": "http.request", "body": body}, {"type": "http.disconnect"}])

        async def receive() -> Any:
            return next(heard)

        async def send(message: Any) -> None:
            told.append(message)

        asyncio.run(self.recorded(scope, receive, send))
        return (told[0]["status"], dict(told[0]["headers"]), told[1]["body"]) if told else None

    @property
    def wrong(self) -> list[str]:
        return [each.what for each in self.recorded.wrong()]


@pytest.fixture
def wire(tmp_path: Path):
    return lambda exchanges: Wire(tmp_path, exchanges)


def test_it_closes_connections_as_the_emulators_do():
    assert faults.TRANSPORT == TRANSPORT


def test_a_reply_reads_the_request(wire):
    played = wire("      - {when: 'PUT /a/*', status: 201, json: ['{{ path[1] }}', '{{ query.q }}', '{{ sent.n }}']}\n")
    status, headers, body = played("PUT", "/a/b?q=", b'{"n": 1}')
    assert (status, headers[b"content-type"], json.loads(body)) == (201, b"application/json", ["b", "", 1])
    assert played.wrong == []


def test_the_first_unused_one_is_taken_and_the_last_one_again(wire):
    played = wire("      - {when: GET /a, text: one}\n      - {when: GET /a, text: 'two {{ number }}'}\n")
    assert [played("GET", "/a")[2] for _ in range(3)] == [b"one", b"two 1", b"two 2"]


def test_of_several_the_one_that_fits_what_is_sent_goes_first(wire):
    played = wire("      - {when: POST /g, sent: {q: a}, text: A}\n      - {when: POST /g, sent: {q: b}, text: B}\n")
    assert [played("POST", "/g", b'{"q": "%s"}' % word)[2] for word in (b"b", b"a", b"b")] == [b"B", b"A", b"B"]
    assert played.wrong == []


def test_what_is_sent_otherwise_is_told(wire):
    played = wire("      - {when: POST /g, sent: {q: a}}\n")
    played("POST", "/g", b"q=b", "application/x-www-form-urlencoded")
    played("POST", "/g", b"not JSON")
    assert played.wrong == ['sent.q is "b", not "a"', 'sent is "not JSON", not {"q": "a"}']


def test_a_request_that_is_not_there_is_refused_and_told_once(wire):
    played = wire("      - {when: GET /a}\n")
    assert [played("GET", "/b?x=1")[0] for _ in range(2)] == [400, 400]
    assert played.wrong == ["an unexpected request: GET /b with x=1", "nobody asked for GET /a"]


def test_a_query_must_have_the_named_parameters(wire):
    played = wire("      - {when: GET /a, query: {limit: 1, all: true}}\n")
    assert [played("GET", f"/a?{query}")[0] for query in ("limit=1&all=true&x=2", "limit=1", "limit=2&all=true")] == [
        200,
        400,
        400,
    ]


def test_only_the_star_stands_for_anything(wire):
    played = wire("      - {when: 'GET /a[b]/*'}\n")
    assert [played("GET", path)[0] for path in ("/a[b]/c/d", "/ab/c")] == [200, 400]


def test_a_reply_may_be_lost(wire):
    played = wire("      - {when: POST /a, drop: true}\n")
    assert played("POST", "/a") is None
    assert (played.line.aborted, played.wrong) == (True, [])


def test_a_template_that_fails_is_told(wire):
    played = wire("      - {when: POST /a, json: '{{ sent.id }}'}\n")
    assert played("POST", "/a", b"{}")[0] == 400
    assert "sent" in played.wrong[0]


def test_headers_of_the_reply_go_before_its_kind(wire):
    played = wire("      - {when: GET /a, text: 'x,y', headers: {Content-Type: text/csv, Retry-After: '3'}}\n")
    _, headers, body = played("GET", "/a")
    assert (headers, body) == ({b"content-type": b"text/csv", b"retry-after": b"3"}, b"x,y")
