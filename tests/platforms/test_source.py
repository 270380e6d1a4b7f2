import asyncio
import json
from typing import Any

import httpx
import pytest

from runner.conformance.source import SourceContract
from runner.model.contracts import Counted, Fingerprinted
from runner.model.errors import ConfigError, ItemUnreadable, Unavailable
from tests.platforms.made import PLACE, manifest, over

PLATFORM = """\
apiVersion: runner/v1
kind: Platform
name: p
connection: {fields: {base_url: {type: string}, token: {type: secret}}, retries: {attempts: 1}}
sources:
  rows:
    options: {properties: {project: {type: integer}, only: {type: string}}}
    call: {get: "/projects/{{ options.project }}/rows", query: {page: "{{ page.number }}"}}
    pages: {number: {until: empty}}
    each: "{{ response.rows }}"
    match: "{{ options.only is none or found.kind == options.only }}"
    key: "{{ found.id }}"
    value: {text: "{{ found.text }}", id: "{{ found.id }}"}
    content: ["{{ value.text }}", "{{ found.version | default(0) }}"]
    total: "{{ response.total }}"
    count: {call: {get: "/projects/{{ options.project }}"}, value: "{{ response.count }}"}
    fingerprint: {call: {get: "/projects/{{ options.project }}"}, value: "{{ response.updated }}"}
  files:
    call: {get: /files}
    each: "{{ response }}"
    key: "{{ found.url }}"
    body: {call: {get: "{{ found.url }}"}, size: "{{ found.size }}"}
  exported:
    before:
      - {call: {post: /exports}, keep: {task: "{{ response.id }}"}}
      - call: {get: "/exports/{{ kept.task }}"}
        wait: {until: "{{ response.done }}"}
        keep: {total: "{{ response.bytes }}"}
    call: {get: "/exports/{{ kept.task }}/lines", query: {from: "{{ page.offset }}"}}
    pages: {offset: {next: "{{ response.end + 1 }}", while: "{{ response.end + 1 < kept.total }}"}}
    each: "{{ response.lines }}"
    key: "{{ found.k }}"
  chunked:
    call: {post: /graphql, graphql: {query: "query E { chunk }", variables: {offset: "{{ page.offset }}"}}}
    pages: {offset: {next: "{{ response.end + 1 }}", while: "{{ response.end + 1 < response.size }}"}}
    fetch: {call: {get: "{{ found.file }}", read: jsonl}}
    key: "{{ found.k }}"
"""


def rows(first=3, second=2):
    made = [{"id": n, "text": f"t{n}", "kind": "even" if n % 2 == 0 else "odd"} for n in range(first + second)]
    return [made[:first], made[first:]]


class Server:
    def __init__(self, pages=None, total=None, broken=None):
        self.pages = rows() if pages is None else pages
        self.total, self.broken, self.seen = total, broken, []

    def __call__(self, request):
        path = request.url.path
        self.seen.append(path)
        if self.broken is not None:
            return httpx.Response(self.broken, json={})
        if path.endswith("/rows"):
            page = int(request.url.params["page"]) - 1
            total = sum(map(len, self.pages)) if self.total is None else self.total
            found = {"rows": self.pages[page] if page < len(self.pages) else [], "total": total}
            return httpx.Response(200, text=json.dumps(found))
        if path == "/files":
            return httpx.Response(200, json=[{"url": "/f/a", "size": 5}, {"url": "/f/b", "size": 9}])
        if path.startswith("/f/"):
            return httpx.Response(200, content=b"12345")
        return httpx.Response(200, json={"count": 5, "updated": "2026"})


def source(server, kind="rows", **options):
    return over(server, manifest(PLATFORM)).source(f"p.{kind}", {"project": 3, **options}, PLACE)


async def _read(made):
    found = [batch async for batch in made.read()]
    return [item for batch in found for item in batch.items], [one for batch in found for one in batch.rejected]


def read(made):
    return asyncio.run(_read(made))


class TestContract(SourceContract):
    def make(self, root):
        return source(Server())

    def make_empty(self, root):
        return source(Server(pages=[]))

    def make_missing(self, root):
        return Mended(source(Server(broken=404)))


class Mended:
    """A source as it is; the suite wants to be told what to do, which a 404 of a platform cannot tell by itself."""

    def __init__(self, made):
        self._made = made

    async def read(self):
        try:
            async for batch in self._made.read():
                yield batch
        except ConfigError as error:
            raise ConfigError(error.what, mend="check the project") from error


def test_items_are_what_the_manifest_makes_of_what_is_found():
    items, _ = read(source(Server()))
    assert [(item.key, item.value) for item in items][:2] == [
        ("0", {"text": "t0", "id": 0}),
        ("1", {"text": "t1", "id": 1}),
    ]
    assert len({item.content for item in items}) == 5


def test_only_what_matches_becomes_an_item():
    assert [item.key for item in read(source(Server(), only="odd"))[0]] == ["1", "3"]


def test_what_lacks_a_field_is_rejected_with_its_place():
    items, rejected = read(source(Server(pages=[[{"id": 1, "text": "a"}, {"id": 2}]])))
    assert (len(items), rejected[0].place) == (1, "rows 2")
    assert 'no field "text"' in rejected[0].what


def test_half_a_character_is_rejected_with_its_place():
    items, rejected = read(source(Server(pages=[[{"id": 1, "text": "a"}, {"id": 2, "text": "b\ud83d"}]])))
    assert ([item.key for item in items], rejected[0].place) == (["1"], "rows 2")


def test_fewer_than_the_platform_says_is_an_error():
    with pytest.raises(Unavailable, match="9, but listed 5"):
        read(source(Server(total=9)))


def test_a_refused_list_is_a_setting_to_mend():
    with pytest.raises(ConfigError, match="404"):
        read(source(Server(broken=404)))


def test_count_and_fingerprint_are_there_when_described():
    made = source(Server())
    assert asyncio.run(made.count()) == 5
    assert len(asyncio.run(made.fingerprint())) == 32
    assert [isinstance(source(Server(), "files"), power) for power in (Counted, Fingerprinted)] == [False, False]


def test_bytes_are_fetched_when_they_are_needed_and_their_size_is_checked():
    async def all_of(item):
        return b"".join([chunk async for chunk in item.body.chunks()])

    server = Server()
    items, _ = read(source(server, "files"))
    assert server.seen == ["/files"]
    assert (items[0].body.size, asyncio.run(all_of(items[0]))) == (5, b"12345")
    with pytest.raises(ItemUnreadable, match="5 bytes came"):
        asyncio.run(all_of(items[1]))


def test_an_export_is_started_waited_for_and_read_by_offset():
    answers: dict[str, Any] = {
        "POST /exports": [{"id": "e"}],
        "GET /exports/e": [{"done": False}, {"done": True, "bytes": 20}],
        "GET /exports/e/lines?from=0": [{"lines": [{"k": "a"}], "end": 9}],
        "GET /exports/e/lines?from=10": [{"lines": [{"k": "b"}], "end": 19}],
    }

    def handler(request):
        return httpx.Response(200, json=answers[f"{request.method} {request.url.raw_path.decode()}"].pop(0))

    assert [item.key for item in read(source(handler, "exported"))[0]] == ["a", "b"]


def test_chunks_by_offset_whose_lines_lie_on_another_host():
    seen = []

    def handler(request):
        seen.append(request)
        if request.method == "POST":
            start = json.loads(request.content)["variables"]["offset"]
            return httpx.Response(200, json={"file": f"https://files.org/{start}", "end": start + 9, "size": 20})
        return httpx.Response(200, content=f'{{"k": "a{request.url.path}"}}\n{{"k": "b{request.url.path}"}}\n')

    assert [item.key for item in read(source(handler, "chunked"))[0]] == ["a/0", "b/0", "a/10", "b/10"]
    assert all("authorization" not in request.headers for request in seen if request.url.host == "files.org")
