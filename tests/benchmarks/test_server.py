"""The light job server, and the peers that are measured on it."""

import json
import urllib.request

import pytest

from tests.benchmarks import items, light
from tests.benchmarks.measure import once


@pytest.fixture(scope="module")
def url():
    with light.server() as address:
        yield address


def asked(url, value=None):
    body = None if value is None else json.dumps(value).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body)) as reply:
        return json.load(reply)


def test_a_job_is_done_as_soon_as_it_is_asked_for(url):
    job = asked(f"{url}/jobs", {"id": "a", "text": "four"})
    assert job["status"] == "queued"
    assert asked(f"{url}/jobs/{job['id']}")["result"] == {"of": "a", "length": 4}


def test_the_server_counts_what_it_does(url):
    before = light.stats(url)
    asked(f"{url}/jobs", {"id": "a", "text": "four"})
    assert light.stats(url).submitted == before.submitted + 1


def test_a_batch_gives_a_line_for_every_line(url):
    body = b'{"id": "a", "text": "12"}\n{"id": "b", "text": "123"}\n'
    with urllib.request.urlopen(urllib.request.Request(f"{url}/files", body)) as reply:
        batch = asked(f"{url}/batches", {"file": json.load(reply)["id"]})
    with urllib.request.urlopen(f"{url}/files/{batch['output']}") as reply:
        assert reply.read() == b'{"of": "a", "length": 2}\n{"of": "b", "length": 3}\n'


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_all_peers_do_the_same_work(url, tmp_path, loop):
    case = items.Case(20, 4, loop)
    folder = items.place(tmp_path, url, case)
    for variant in (items.ours(folder, case), *items.peers(folder, url, case)):
        once(variant)
    rows = {name: (folder / f"{name}.jsonl").read_text().splitlines() for name in ("out", *items.PEERS)}
    first, *others = [sorted(json.dumps(json.loads(line), sort_keys=True) for line in lines) for lines in rows.values()]
    assert all(other == first for other in others)


def test_what_was_left_undone_is_noticed(tmp_path):
    (tmp_path / "out.jsonl").write_text("{}\n")
    with pytest.raises(RuntimeError, match=r"out.jsonl has 1 rows for 2 items"):
        light.complete(tmp_path / "out.jsonl", 2)
