"""Every form of a request, seen at the other end."""

import asyncio
import base64
import json

import httpx
import pytest

from runner.model.errors import Refused
from tests.platforms.made import PLACE, SECRET, item, job, manifest, over
from tests.platforms.standins import form

TEMPLATE = """\
apiVersion: runner/v1
kind: Platform
name: p
connection:
  fields: {base_url: {type: string}, token: {type: secret}, other: {type: string, default: "https://other.org"}}
targets:
  t:
    submit:
      call: CALL
      id: "{{ status }}"
    poll: {call: {get: /x}, status: "{{ status }}", states: {}}
    results: {result: 1}
"""


def sent(call, *items):
    """The request of a submit with this call."""
    seen = []

    def handler(request):
        seen.append(request)
        return httpx.Response(200, json={})

    target = over(handler, manifest(TEMPLATE.replace("CALL", call))).target("t", {}, PLACE)
    asyncio.run(target.submit(job(*(items or [item("a.txt", {"v": 1}, data=b"bytes")]))))
    return seen[0]


def test_query_members_may_be_lists_numbers_booleans_and_nothing():
    request = sent('{post: /x, query: {a: [x, y], b: "{{ 1.5 }}", c: true, d: "{{ none }}", e: "ü &"}}')
    assert str(request.url) == "https://api.example.com/x?a=x&a=y&b=1.5&c=true&e=%C3%BC%20%26"


def test_a_form():
    request = sent('{post: /x, form: {a: "{{ item.v }}", b: "{{ none }}", c: "x y"}}')
    assert (request.content, request.headers["content-type"]) == (b"a=1&c=x+y", "application/x-www-form-urlencoded")


def test_graphql():
    request = sent(
        '{post: /graphql, graphql: {query: "query Q { x }", variables: {id: "{{ item.key }}", n: "{{ none }}"}}}'
    )
    assert json.loads(request.content) == {"query": "query Q { x }", "variables": {"id": "a.txt"}}


def test_multipart_with_a_file_a_field_and_lines():
    call = """{post: /x, multipart: {a: "{{ item.v }}", n: "{{ none }}",
      f: {filename: "{{ item.upload_name }}", type: text/plain, content: "{{ item.content }}"},
      l: {jsonl: [1, {b: 2}]}, j: {json: {c: 3}}}}"""
    assert form(sent(call)) == {
        "a": (None, b"1"),
        "f": ("a.txt", b"bytes"),
        "l": ("l", b'1\n{"b":2}\n'),
        "j": ("j", b'{"c":3}'),
    }


def test_bytes_of_the_item_with_their_type():
    request = sent('{put: /x, body: "{{ item.content }}", type: application/pdf}')
    assert (request.content, request.headers["content-type"], request.method) == (b"bytes", "application/pdf", "PUT")


def test_bytes_inside_a_text():
    request = sent('{post: /x, json: {data: "data:;base64,{{ item.content | b64 }}"}}')
    assert base64.b64decode(json.loads(request.content)["data"].partition(",")[2]) == b"bytes"


def test_a_row_is_its_json():
    assert sent('{post: /x, body: "{{ item.content }}"}', item("k", {"v": 1})).content == b'{"v":1}'


def test_lines():
    assert sent('{post: /x, jsonl: ["{{ item }}"]}', item("k", {"v": 1})).content == b'{"v":1}\n'


def test_a_path_segment_is_escaped_and_dots_are_refused():
    assert sent('{post: "/f/{{ item.key | segment }}"}', item("a b/ü")).url.raw_path == b"/f/a%20b%2F%C3%BC"
    with pytest.raises(Refused, match="cannot be one segment"):
        sent('{post: "/f/{{ item.key | segment }}"}', item(".."))
    with pytest.raises(Refused, match="only dots"):
        sent('{post: "/f/{{ item.key }}/x"}', item("../../admin"))


@pytest.mark.parametrize(
    "call",
    [
        '{post: "{{ connection.other }}/x", json: {a: "{{ connection.token }}"}}',
        '{post: "{{ connection.other }}/x", headers: {A: "Key {{ connection.token }}"}}',
        '{post: "{{ connection.other }}/x", query: {a: "{{ connection.token }}"}}',
        '{post: "{{ connection.other }}/x", multipart: {a: "{{ connection.token }}"}}',
        '{post: "{{ connection.other }}/x", headers: {A: "{{ connection.token | b64 }}"}}',
    ],
)
def test_a_secret_goes_to_no_other_host(call):
    with pytest.raises(Refused, match="secret") as caught:
        sent(call)
    assert SECRET not in str(caught.value)


def test_a_secret_of_a_call_goes_home():
    request = sent('{post: /x, headers: {A: "Key {{ connection.token }}"}, json: {a: "{{ connection.token }}"}}')
    assert (request.headers["a"], json.loads(request.content)) == (f"Key {SECRET}", {"a": SECRET})


def test_a_header_of_the_item_cannot_smuggle_another():
    with pytest.raises(Exception, match="cannot be sent"):
        sent('{post: /x, headers: {A: "{{ item.v }}"}}', item("k", {"v": "x\r\nB: y"}))
