"""The desk through a small app of its own: `PUT /things/{name}` works, anything else is the desk's doing."""

import json
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runner.emulators.desk import Desk
from tests.emulators.desks import talk


@dataclass(frozen=True, slots=True)
class Knobs:
    run_s: float = 0.2
    page_size: int = 10
    fail: tuple[str, ...] = ()
    rename: dict[str, str] | None = None
    strict: bool = False


def failure(status: int, message: str) -> Response:
    return JSONResponse({"detail": message}, status_code=status)


def make(**knobs: Any) -> tuple[Starlette, list[float]]:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    desk = Desk("example", Knobs(), token="emulator", clock=lambda: 100.0, sleep=sleep)
    desk.turn(knobs)

    async def put(request: Request) -> Response:
        name = request.path_params["name"]
        if name == "gone":
            raise HTTPException(404, "no such thing")
        desk.submitted(name)
        desk.count("bytes", len(await request.body()))
        return JSONResponse({"name": name, "at": desk.clock()}, status_code=201)

    def allow(request: Request) -> Response | None:
        given = request.headers.get("authorization")
        return None if given == f"Bearer {desk.token}" else failure(401, "bad token")

    return desk.app([Route("/things/{name}", put, methods=["PUT"])], allow=allow, failure=failure), slept


def test_stats_count_requests_by_route_submits_by_item_and_own_counts() -> None:
    async def script(client: httpx.AsyncClient) -> None:
        for name in ("a", "b", "a"):
            await client.put(f"/things/{name}", content=b"xyz")
        await client.get("/elsewhere")
        stats = (await client.get("/_emulator/stats")).json()
        assert stats["requests"] == {"PUT /things/{name}": 3, "GET (no route)": 1}
        assert stats["submits"]["items"] == {"a": 2, "b": 1}
        assert (stats["submits"]["total"], stats["submits"]["distinct"], stats["submits"]["twice"]) == (3, 2, 1)
        assert stats["submits"]["twice_items"] == ["a"]
        assert stats["counts"] == {"bytes": 9}

    talk(make()[0], script)


def test_the_token_is_checked_before_routing_and_before_faults() -> None:
    async def script(client: httpx.AsyncClient) -> None:
        client.headers["authorization"] = "Bearer other"
        assert (await client.put("/things/a")).status_code == 401
        assert (await client.get("/nowhere")).status_code == 401
        client.headers["authorization"] = "Bearer emulator"
        assert (await client.put("/things/a")).status_code == 503

    talk(make(faults=[{}])[0], script)


def test_errors_of_routing_and_of_handlers_have_the_platform_shape() -> None:
    async def script(client: httpx.AsyncClient) -> None:
        for method, path, status in (("GET", "/nowhere", 404), ("GET", "/things/a", 405), ("PUT", "/things/gone", 404)):
            reply = await client.request(method, path)
            assert (reply.status_code, list(reply.json())) == (status, ["detail"])

    talk(make()[0], script)


@pytest.mark.parametrize(
    ("sent", "name"),
    [("a%2Fb", "a/b"), ("a%20b", "a b"), ("%C3%BC", "ü"), ("100%25", "100%"), ("a%252Fb", "a%2Fb"), ("a+b", "a+b")],
)
def test_names_are_decoded_once_after_routing(sent: str, name: str) -> None:
    async def script(client: httpx.AsyncClient) -> None:
        assert (await client.put(f"/things/{sent}")).json()["name"] == name

    talk(make()[0], script)


def test_knobs_are_shown_and_set() -> None:
    async def script(client: httpx.AsyncClient) -> None:
        new = {"run_s": 1, "fail": ["x"], "rename": {"a": "b"}, "strict": True, "latency_s": 2}
        assert (await client.post("/_emulator/knobs", json=new)).status_code == 200
        shown = (await client.get("/_emulator/knobs")).json()
        assert shown == {**new, "page_size": 10, "faults": []}

    talk(make()[0], script)


@pytest.mark.parametrize(
    "bad",
    [
        {"speed": 1},
        {"page_size": "many"},
        {"page_size": True},
        {"fail": "x"},
        {"fail": [1]},
        {"rename": {"a": 1}},
        {"strict": 1},
        {"faults": [{"rout": "*"}]},
        {"faults": [{"when": "later"}]},
        {"faults": [{"every": 0}]},
        [],
    ],
)
def test_a_wrong_knob_is_refused_with_the_known_ones_and_nothing_changes(bad: Any) -> None:
    async def script(client: httpx.AsyncClient) -> None:
        before = (await client.get("/_emulator/knobs")).json()
        reply = await client.post("/_emulator/knobs", json={**bad, "run_s": 9} if isinstance(bad, dict) else bad)
        assert reply.status_code == 400
        assert set(reply.json()["known"]) == {*before}
        assert (await client.get("/_emulator/knobs")).json() == before

    talk(make()[0], script)


def test_a_wrong_knob_at_creation_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"has no knob speed; known: .*page_size.*latency_s"):
        make(speed=1)


def test_reset_forgets_counts_and_faults_and_keeps_other_knobs() -> None:
    async def script(client: httpx.AsyncClient) -> None:
        await client.put("/things/a")
        await client.post("/_emulator/reset")
        stats = (await client.get("/_emulator/stats")).json()
        assert (stats["requests"], stats["submits"]["total"], stats["counts"]) == ({}, 0, {})
        knobs = (await client.get("/_emulator/knobs")).json()
        assert (knobs["faults"], knobs["run_s"]) == ([], 7.0)

    talk(make(run_s=7, faults=[{"times": None, "when": "after"}])[0], script)


def test_latency_is_waited_once_per_request_but_not_by_the_desk_itself() -> None:
    async def script(client: httpx.AsyncClient) -> None:
        await client.put("/things/a")
        await client.get("/_emulator/stats")

    app, slept = make(latency_s=0.5)
    talk(app, script)
    assert slept == [0.5]


def statuses(faults: list[dict[str, Any]], times: int = 6) -> tuple[list[int], int]:
    """Put the same thing some times; return the statuses and how often the work was accepted."""
    app, _ = make(faults=faults)
    seen: list[int] = []

    async def script(client: httpx.AsyncClient) -> None:
        seen.extend([(await client.put("/things/a")).status_code for _ in range(times)])

    talk(app, script)
    return seen, app.state.desk.submits["a"]


def test_a_fault_before_strikes_so_many_times_and_no_work_is_accepted() -> None:
    assert statuses([{"route": "PUT /things/{name}", "times": 2, "status": 429}], 3) == ([429, 429, 201], 1)


def test_a_fault_after_loses_the_reply_of_work_that_was_accepted() -> None:
    assert statuses([{"when": "after", "status": 502}], 2) == ([502, 201], 2)


def test_skip_and_every_choose_which_requests_are_spoiled() -> None:
    assert statuses([{"skip": 1, "every": 2, "times": None}])[0] == [201, 201, 503, 201, 503, 201]


def test_a_fault_for_another_route_or_path_does_not_strike() -> None:
    assert statuses([{"route": "GET *", "times": None}, {"path": "zzz", "times": None}], 2)[0] == [201, 201]


def test_a_star_in_the_route_and_a_part_of_the_path_match() -> None:
    assert statuses([{"route": "PUT /thin*", "path": "/a"}], 2)[0] == [503, 201]


def test_a_fault_reply_has_its_headers_and_the_platform_error_body() -> None:
    async def script(client: httpx.AsyncClient) -> None:
        reply = await client.put("/things/a")
        assert reply.headers["retry-after"] == "1"
        assert reply.json() == {"detail": "a fault injected by the emulator"}

    talk(make(faults=[{"headers": {"Retry-After": "1"}, "status": 503}])[0], script)


@pytest.mark.parametrize(("body", "raw"), [('{"name": ', b'{"name": '), ({"x": 1}, b'{"x": 1}'), ([], b"[]")])
def test_a_fault_body_is_text_as_it_is_or_json(body: Any, raw: bytes) -> None:
    async def script(client: httpx.AsyncClient) -> None:
        reply = await client.put("/things/a")
        assert (reply.status_code, reply.content) == (200, raw)

    talk(make(faults=[{"status": 200, "body": body}])[0], script)


def test_a_delay_alone_leaves_the_true_reply() -> None:
    async def script(client: httpx.AsyncClient) -> None:
        reply = await client.put("/things/a")
        assert (reply.status_code, reply.json()["name"]) == (201, "a")

    app, slept = make(faults=[{"delay_s": 3}])
    talk(app, script)
    assert slept == [3.0]


def test_stats_tell_how_often_each_fault_struck() -> None:
    async def script(client: httpx.AsyncClient) -> None:
        await client.put("/things/a")
        assert (await client.get("/_emulator/stats")).json()["faults"] == [{"route": "PUT *", "sent": 1}]

    talk(make(faults=[{"route": "PUT *", "times": 5}])[0], script)


def test_a_drop_without_a_socket_is_the_error_of_a_socket() -> None:
    async def script(client: httpx.AsyncClient) -> None:
        with pytest.raises(ConnectionResetError):
            await client.put("/things/a")

    talk(make(faults=[{"drop": True}])[0], script)


def test_a_route_under_the_desk_is_refused() -> None:
    desk = Desk("example", Knobs(), token="t", clock=lambda: 0.0)
    with pytest.raises(ValueError, match="may not begin with /_emulator"):
        desk.app([Route("/_emulator/x", lambda _: None)], allow=lambda _: None, failure=failure)


def test_stats_show_no_more_items_than_asked() -> None:
    async def script(client: httpx.AsyncClient) -> None:
        for name in "abc":
            await client.put(f"/things/{name}")
        submits = json.loads((await client.get("/_emulator/stats?items=2")).content)["submits"]
        assert (submits["items"], submits["distinct"]) == ({"a": 1, "b": 1}, 3)

    talk(make()[0], script)
