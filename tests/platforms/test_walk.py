"""What happens around calls: conditions, waiting, loops, keeping, uploads."""

import asyncio
import json

import httpx
import pytest

from runner.model.errors import Refused, RunnerError, Unavailable
from tests.platforms.made import PLACE, item, job, manifest, over
from tests.transport.doubles import Ticks

TEMPLATE = """\
apiVersion: runner/v1
kind: Platform
name: p
connection: {fields: {base_url: {type: string}, token: {type: secret}}, retries: {attempts: 2}}
targets:
  t:
    capabilities: {items_per_job: {max: 10}}
PREPARE
    submit: {call: {post: /x}, id: "{{ status }}"}
    poll: {call: {get: /x}, status: "{{ status }}", states: {}}
    results: {item: 1, result: 1}
"""


class Server:
    """Answers by `METHOD /path` from lists of (status, value); the last one stays."""

    def __init__(self, **answers):
        self.answers, self.seen = answers, []

    def __call__(self, request):
        self.seen.append((f"{request.method} {request.url.raw_path.decode()}", request.content))
        answers = self.answers.get(request.url.path.strip("/").partition("/")[0], [{}])
        value = answers.pop(0) if len(answers) > 1 else answers[0]
        value = value(request) if callable(value) else value
        status, value = value if isinstance(value, tuple) else (200, value)
        return httpx.Response(status, json=value)


def prepared(steps, server, *items, clock=None):
    text = "\n".join("    " + line for line in steps.strip("\n").split("\n"))
    target = over(server, manifest(TEMPLATE.replace("PREPARE", text)), clock=clock).target("t", {}, PLACE)
    return asyncio.run(target.prepare(job(*(items or [item("a")]))))


def test_a_step_that_is_not_wanted_keeps_nothing():
    steps = """
prepare:
  - {when: "{{ job.attempt > 1 }}", call: {post: /no}, keep: {a: "{{ response.id }}"}}
  - {when: "{{ job.a is none }}", call: {post: /yes}, keep: {b: "{{ response.id }}"}}
"""
    assert prepared(steps, Server(yes=[{"id": 7}])) == {"b": 7}


def test_waiting_goes_on_until_it_is_true():
    steps = """
prepare:
  call: {get: /w}
  wait:
    {until: "{{ response.s == 'done' }}", failed: "{{ response.s == 'bad' }}", error: "{{ response.why }}", every: 5s}
  keep: {url: "{{ response.url }}"}
"""
    clock = Ticks()
    assert prepared(steps, Server(w=[{"s": "go"}, {"s": "go"}, {"s": "done", "url": "/f"}]), clock=clock) == {
        "url": "/f"
    }
    assert clock.slept == [5.0, 5.0]
    with pytest.raises(Refused, match="broken"):
        prepared(steps, Server(w=[{"s": "go"}, {"s": "bad", "why": "broken"}]))
    with pytest.raises(Unavailable, match="in vain"):
        prepared(steps, Server(w=[{"s": "go"}]))


def test_the_first_match_is_kept_or_nulls():
    steps = """
prepare:
  - call: {get: /l, query: {c: "{{ page.cursor }}"}}
    pages: {cursor: {next: "{{ response.next }}"}}
    each: "{{ response.rows }}"
    match: "{{ found.name == NAME }}"
    keep: {id: "{{ found.id }}"}
"""
    pages = [{"rows": [{"name": "a", "id": 1}], "next": "c1"}, {"rows": [{"name": "b", "id": 2}], "next": None}]
    server = Server(l=[*pages])
    assert prepared(steps.replace("NAME", "'b'").replace("{id:", "{found_id:"), server) == {"found_id": 2}
    assert [name for name, _ in server.seen] == ["GET /l", "GET /l?c=c1"]
    assert prepared(steps.replace("NAME", "'z'").replace("{id:", "{found_id:"), Server(l=[*pages])) == {}


def test_a_loop_collects():
    steps = """
prepare:
  - call: {get: /l}
    keep: {names: "{{ response }}"}
  - for: {each: name, in: "{{ kept.names }}"}
    call: {post: "/n/{{ name }}"}
    collect: {ids: {name: "{{ name }}", id: "{{ response.id }}"}}
"""
    server = Server(l=[["x", "y"]], n=[{"id": 1}, {"id": 2}])
    assert prepared(steps, server)["ids"] == [{"name": "x", "id": 1}, {"name": "y", "id": 2}]


def test_lists_inside_a_list_are_collected_over_all_pages():
    steps = """
prepare:
  - call: {get: /tasks, query: {page: "{{ page.number }}"}}
    pages: {number: {while: "{{ page.number * 2 < response.total }}"}}
    each: {$for: [task, n], $in: ["{{ response.tasks }}", "{{ task.said }}"], $if: "{{ n > 1 }}", $give: "{{ n }}"}
    collect: {all: "{{ found }}"}
  - for: {each: number, in: {$for: one, $in: "{{ kept.all }}", $give: "{{ one * 10 }}"}}
    call: {get: "/seen/{{ number }}"}
  - keep: {by: {$for: one, $in: "{{ kept.all }}", $name: "n{{ one }}", $value: "{{ one }}"}}
"""
    pages = [{"total": 3, "tasks": [{"said": [1, 2]}, {"said": []}]}, {"total": 3, "tasks": [{"said": [3]}]}]
    server = Server(tasks=pages)
    assert prepared(steps, server) == {"all": [2, 3], "by": {"n2": 2, "n3": 3}}
    assert [path for path, _ in server.seen[2:]] == ["GET /seen/20", "GET /seen/30"]


def test_a_list_may_grow_from_step_to_step():
    steps = """
prepare:
  - for: {each: n, in: "{{ [1, 2] }}"}
    steps: [{add: {all: "{{ [n, n * 10] }}"}}]
  - {call: {get: /more}, add: {all: "{{ response.found }}", other: "{{ response.none | default(none) }}"}}
"""
    assert prepared(steps, Server(more=[{"found": [7]}])) == {"all": [1, 10, 2, 20, 7], "other": []}


def test_what_is_expected_and_not_there_is_refused():
    steps = """
prepare:
  call: {post: /c}
  expect: "{{ response.created == 2 }}"
  error: "only {{ response.created }} were created"
"""
    with pytest.raises(Refused, match="only 1 were created"):
        prepared(steps, Server(c=[{"created": 1}]))


OUTCOME = """
prepare:
  - {call: {get: /lines, read: jsonl}, match: "{{ found.status == 'FAILURE' }}", keep: {failed: "{{ found.why }}"}}
  - {expect: "{{ kept.failed is none }}", error: "a line was refused: {{ kept.failed }}"}
"""


def test_the_outcome_of_uploaded_lines_is_read_line_by_line():
    def answer(lines):
        return lambda request: httpx.Response(200, content="\n".join(map(json.dumps, lines)))

    good, bad = {"status": "SUCCESS"}, {"status": "FAILURE", "why": "no such row"}
    assert prepared(OUTCOME, answer([good, good])) == {}
    with pytest.raises(Refused, match="a line was refused: no such row"):
        prepared(OUTCOME, answer([good, bad, good]))


UPLOAD = """
upload:
  call: {put: "/u/{{ item.upload_name | segment }}", body: "{{ item.content }}"}
  keep: {id: "{{ response.id }}"}
uploaded: {file: "{{ kept.id }}"}
"""


def test_what_an_upload_gives_is_kept_for_its_item():
    server = Server(u=[lambda request: {"id": request.url.path[-5:]}])
    kept = prepared(UPLOAD, server, item("a.txt", data=b"1"), item("b.txt", data=b"2"))
    assert kept == {"uploads": {"a.txt": {"file": "a.txt"}, "b.txt": {"file": "b.txt"}}}


def test_an_upload_that_is_refused_fails_its_item_alone():
    server = Server(u=[lambda request: (413, {}) if request.content == b"big" else {"id": 1}])
    kept = prepared(UPLOAD, server, item("a.txt", data=b"1"), item("b.txt", data=b"big"))
    assert list(kept["refused"]) == ["b.txt"]
    assert "413" in kept["refused"]["b.txt"]


def test_when_the_platform_is_down_no_item_is_blamed():
    with pytest.raises(Unavailable):
        prepared(UPLOAD, Server(u=[(500, {})]), item("a.txt", data=b"1"), item("b.txt", data=b"2"))


def test_a_failing_unpaid_step_is_repeated():
    server = Server(c=[(503, {}), {"id": 1}])
    assert prepared("prepare: {call: {post: /c}, keep: {a: '{{ response.id }}'}}", server) == {"a": 1}
    assert len(server.seen) == 2


def test_bodies_are_json_where_they_should_be():
    server = Server(c=[{"id": 1}])
    prepared("prepare: {call: {post: /c, json: {n: '{{ job.count }}'}}, keep: {a: '{{ response.id }}'}}", server)
    assert json.loads(server.seen[0][1]) == {"n": 1}


def test_a_list_is_collected_over_all_its_pages():
    steps = """
prepare:
  call: {get: /l, query: {c: "{{ page.cursor }}"}}
  pages: {cursor: {next: "{{ response.next }}"}}
  each: "{{ response.rows }}"
  collect: {ids: "{{ found.id }}"}
"""
    assert prepared(
        steps, Server(l=[{"rows": [{"id": 1}, {"id": 2}], "next": "c"}, {"rows": [{"id": 3}], "next": ""}])
    )["ids"] == [1, 2, 3]


SCROLL = """
prepare:
  call: {get: /l, query: {c: "{{ page.cursor }}"}}
  pages: {cursor: {next: "{{ response.next }}", constant: true}MOST}
  each: "{{ response.rows }}"
  collect: {ids: "{{ found }}"}
"""


class Scroll:
    """A platform that keeps the place under one handle; the reply to request `lost` never comes."""

    def __init__(self, pages, lost=0):
        self.pages, self.lost, self.asked = pages, lost, 0

    def __call__(self, request):
        self.asked += 1
        rows = self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]
        if self.asked == self.lost:
            raise httpx.ReadError("lost", request=request)
        return httpx.Response(200, json={"rows": rows, "next": "S"})


def test_one_handle_for_all_pages_ends_with_an_empty_one():
    server = Scroll([[1, 2], [3], [4], []])
    assert (prepared(SCROLL.replace("MOST", ""), server)["ids"], server.asked) == ([1, 2, 3, 4], 4)


def test_one_handle_for_all_pages_has_a_bound():
    with pytest.raises(Unavailable, match="has not ended after 3 pages"):
        prepared(SCROLL.replace("MOST", ", most: 3"), Scroll([[1]]))


def test_a_page_that_is_lost_under_one_handle_is_never_skipped():
    with pytest.raises(RunnerError):
        prepared(SCROLL.replace("MOST", ""), Scroll([[1], [2], [3], []], lost=2))
    again = Scroll([[1], [2], []], lost=1)  # nothing is under way before the first page
    assert (prepared(SCROLL.replace("MOST", ""), again)["ids"], again.asked) == ([2], 3)


FILES = """
prepare:
  call: {get: /l}
  each: "{{ response }}"
  fetch: {call: {get: "{{ found.url }}", read: jsonl}, size: "{{ found.size }}"}
  collect: {ids: "{{ found.id }}"}
"""


@pytest.mark.parametrize(("size", "is_whole"), [(18, True), (17, False), (40, False)])
def test_files_that_a_list_names_are_read_and_measured(size, is_whole):
    def answer(request):
        if request.url.path == "/l":
            return httpx.Response(200, json=[{"url": "/f", "size": size}])
        return httpx.Response(200, content=b'{"id": 1}\n{"id":2}')

    if is_whole:
        assert prepared(FILES, answer)["ids"] == [1, 2]
    else:
        with pytest.raises(Unavailable, match="18 bytes came"):
            prepared(FILES, answer)


LISTED = 'prepare: {call: {get: /l}, each: "{{ response }}", collect: {a: "{{ found }}"}}'


@pytest.mark.parametrize(("status", "body", "listed"), [(200, b"null", []), (204, b"", []), (200, b"[7]", [7])])
def test_a_list_of_nothing_is_a_list(status, body, listed):
    assert prepared(LISTED, lambda _: httpx.Response(status, content=body)) == {"a": listed}


def test_a_list_whose_body_got_lost_is_not_empty():
    with pytest.raises(Unavailable, match="empty where the manifest expects a list"):
        prepared(LISTED, lambda _: httpx.Response(200, content=b""))
