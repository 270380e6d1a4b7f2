"""What one item or one reply spoils: it is refused before it is sent, or what is there of it is used."""

import asyncio
import json

import httpx
import pytest

from runner.model.errors import Refused
from tests.platforms.made import PLACE, item, job, manifest, over

PLATFORM = """\
apiVersion: runner/v1
kind: Platform
name: p
connection:
  fields: {base_url: {type: string}, token: {type: secret}}
targets:
  t:
    capabilities: {find: none, items_per_job: {max: 1}}
    submit:
      call: CALL
      id: "{{ response.id }}"
      keep: {files: "{{ response.links.self }}"}
    poll:
      call: {get: "/jobs/{{ job.id | segment }}"}
      status: "{{ response.status }}"
      states: {running: [running], succeeded: [done]}
    results: {result: "{{ found.r }}"}
"""


def target(call, seen, body=None):
    def answer(request):
        seen.append(request)
        return httpx.Response(201, text=json.dumps(body))

    return over(answer, manifest(PLATFORM.replace("CALL", call))).target("p.t", {}, PLACE)


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ('{post: /jobs, body: "{{ item.v }}"}', "a\ud800b"),
        ('{post: /jobs, query: {q: "{{ item.v }}"}, json: {}}', "a\ud800b"),
        ('{post: "/jobs/{{ item.v }}", json: {}}', "a\ud800b"),
        ('{post: /jobs, multipart: {f: "{{ item.v }}"}}', "a\ud800b"),
        ('{post: /jobs, form: "{{ item.v }}"}', "text"),
        ('{post: /jobs, query: "{{ item.v }}", json: {}}', "text"),
        ('{post: /jobs, json: {$for: t, $in: "{{ item.v }}", $give: "{{ t }}"}}', 7),
        ('{post: "{{ item.v }}", json: {}}', "http://[::1"),
        ('{post: "{{ item.v }}", json: {}}', "http://127.0.0.1:99999/"),
    ],
)
def test_a_request_that_an_item_spoils_is_refused_and_not_in_doubt(call, value):
    seen = []
    with pytest.raises(Refused):
        asyncio.run(target(call, seen).submit(job(item("a", {"v": value}))))
    assert seen == []


def test_a_reply_that_lacks_what_is_to_be_kept_does_not_lose_its_id():
    submitted = asyncio.run(target("{post: /jobs, json: {}}", [], {"id": "r1"}).submit(job(item("a", {"v": 1}))))
    assert (submitted.id, submitted.kept) == ("r1", {})
