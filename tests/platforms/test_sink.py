import asyncio
import json

import httpx
import pytest

from runner.conformance.offline import OfflineContract
from runner.model.contracts import Place
from runner.model.errors import AuthError, Indeterminate, Refused
from runner.model.item import Record
from runner.templating import compile_template
from runner.transport.loopback import Reach
from tests.platforms.made import manifest, over, real_connection
from tests.transport.doubles import Ticks

PLATFORM = """\
apiVersion: runner/v1
kind: Platform
name: p
connection: {fields: {base_url: {type: string}, token: {type: secret}}}
sinks:
  rows:
    options: {properties: {project: {type: integer}}}
    identity: "project {{ options.project }}"
    rows_per_call: 2
    element: {task: "{{ item.id }}", label: "{{ record.label }}"}
    before: {call: {delete: "/projects/{{ options.project }}/rows", ok: [404]}}
    write:
      call: {post: "/projects/{{ options.project }}/rows", json: "{{ rows }}"}
      expect: "{{ response.created == rows | length }}"
      error: "{{ response.created }} of {{ rows | length }} rows were taken"
    undo: {call: {post: /undo}, keep: {undone: true}}
    after: {call: {post: /done, json: {count: "{{ count }}"}}, keep: {version: "{{ response.version }}"}}
    holds: {call: {get: "/projects/{{ options.project }}"}, value: "{{ response.count == receipt.rows }}"}
"""
ROWS = [Record(f"k{n}", {"label": f"l{n}"}, item={"id": n}) for n in range(5)]


class Server:
    def __init__(self, lose=0):
        self.rows, self.seen, self.lose = [], [], lose

    def __call__(self, request):
        self.seen.append(request.method)
        if request.method == "DELETE":
            self.rows.clear()
            return httpx.Response(404)
        if request.method == "GET":
            return httpx.Response(200, json={"count": len(self.rows)})
        if request.url.path in ("/done", "/undo"):
            return httpx.Response(200, json={"version": json.loads(request.content or b"{}").get("count")})
        rows = json.loads(request.content)
        self.rows += rows[self.lose :]
        return httpx.Response(201, json={"created": len(rows) - self.lose})


def sink(server, tmp_path):
    return over(server, manifest(PLATFORM)).sink("p.rows", {"project": 3}, Place(tmp_path, tmp_path / "state", Ticks()))


async def publish(made, *batches):
    await made.open()
    try:
        for batch in batches:
            await made.write(batch)
        return await made.commit()
    finally:
        await made.abort()


def test_rows_are_sent_in_chunks_and_in_order(tmp_path):
    server = Server()
    receipt = asyncio.run(publish(sink(server, tmp_path), ROWS[:3], ROWS[3:]))
    assert server.rows == [{"task": n, "label": f"l{n}"} for n in range(5)]
    assert server.seen == ["DELETE", "POST", "POST", "POST", "POST"]
    assert receipt == {"rows": 5, "kept": {"version": 5}}


def test_nothing_is_sent_before_commit_or_after_abort(tmp_path):
    async def aborted():
        made = sink(server, tmp_path)
        await made.open()
        await made.write(ROWS)
        await made.abort()
        await made.abort()

    server = Server()
    asyncio.run(aborted())
    assert server.seen == []


def test_a_second_commit_replaces_the_first(tmp_path):
    server = Server()
    for _ in range(2):
        asyncio.run(publish(sink(server, tmp_path), ROWS))
    assert len(server.rows) == 5


def test_rows_that_the_platform_swallows_are_told(tmp_path):
    with pytest.raises(Refused, match="1 of 2 rows were taken"):
        asyncio.run(publish(sink(Server(lose=1), tmp_path), ROWS))


def test_a_row_without_what_is_needed_is_told(tmp_path):
    with pytest.raises(Refused, match="'k9'"):
        asyncio.run(publish(sink(Server(), tmp_path), [Record("k9", {})]))


def test_it_holds_what_is_still_there(tmp_path):
    server = Server()
    receipt = asyncio.run(publish(sink(server, tmp_path), ROWS))
    assert asyncio.run(sink(server, tmp_path).holds(receipt)) is True
    server.rows.clear()
    assert asyncio.run(sink(server, tmp_path).holds(receipt)) is False


def test_a_write_whose_reply_is_lost_is_not_sent_again(tmp_path):
    def handler(request):
        if request.method == "POST":
            seen.append(request)
            raise httpx.ReadError("reset")
        return httpx.Response(404)

    seen = []
    with pytest.raises(Indeterminate):
        asyncio.run(publish(sink(handler, tmp_path), ROWS[:1]))
    assert [request.url.path for request in seen].count("/projects/3/rows") == 1


def test_identity_says_what_it_writes_to(tmp_path):
    assert sink(Server(), tmp_path).identity == "p.rows project 3"


def test_a_sink_looks_before_anything_is_paid_and_reads_options_over_the_record(tmp_path):
    text = PLATFORM.replace("project: {type: integer}", "project: {type: integer}, id: {x-scope: [record, item]}")
    text = text.replace('task: "{{ item.id }}"', 'task: "{{ options.id or item.id }}"')
    check = 'check: {call: {get: /rows}, expect: "{{ response.count > 0 }}", error: no such project}'
    server = Server()
    options = {"project": 3, "id": compile_template("{{ record.label ~ item.id }}")}
    place = Place(tmp_path, tmp_path, Ticks())
    made = over(server, manifest(text.replace("    rows_per_call", f"    {check}\n    rows_per_call"))).sink(
        "p.rows", options, place
    )
    with pytest.raises(AuthError, match="no such project"):
        asyncio.run(made.check())
    asyncio.run(publish(made, ROWS[:2]))
    assert [row["task"] for row in server.rows] == ["l00", "l11"]


def test_a_platform_that_asks_for_time_gets_it(tmp_path):
    server, busy = Server(), [429, 429]
    made = sink(lambda request: httpx.Response(busy.pop()) if busy else server(request), tmp_path)
    assert asyncio.run(publish(made, ROWS))["rows"] == 5
    assert len(server.rows) == 5


def test_what_was_sent_before_a_failure_is_taken_back(tmp_path):
    seen = []
    server = Server(lose=1)
    made = sink(lambda request: seen.append(request.url.path) or server(request), tmp_path)
    with pytest.raises(Refused, match="1 of 2 rows were taken"):
        asyncio.run(publish(made, ROWS))
    assert (seen[-1], "/done" in seen) == ("/undo", False)


def test_what_cannot_be_taken_back_is_told(tmp_path):
    server = Server(lose=1)
    made = sink(lambda request: httpx.Response(400) if request.url.path == "/undo" else server(request), tmp_path)
    with pytest.raises(Refused) as told:
        asyncio.run(publish(made, ROWS))
    assert told.value.mend.startswith("apply again; what was sent could not be taken back: p answered 400")


def test_a_receipt_holds_what_the_manifest_wants_of_it(tmp_path):
    text = PLATFORM.replace("    holds:", '    receipt: {number: "{{ kept.version }}"}\n    holds:')
    made = over(Server(), manifest(text)).sink("p.rows", {"project": 3}, Place(tmp_path, tmp_path, Ticks()))
    assert asyncio.run(publish(made, ROWS)) == {"rows": 5, "kept": {"number": 5}}


class TestOffline(OfflineContract):
    def make_emulated(self, root):
        place = Place(root, root, Ticks(), is_emulated=True)
        return real_connection(manifest(PLATFORM), reach=Reach.THIS_MACHINE).sink("p.rows", {"project": 7}, place)
