"""Several ways to submit: chosen by the job; nothing sent where nothing is to be paid; ids looked for."""

import asyncio
import json

import httpx
import pytest

from runner.model.errors import Indeterminate, Refused
from runner.model.job import JobStatus
from tests.platforms.made import PLACE, done, item, job, manifest, over, problems

PLATFORM = """\
apiVersion: runner/v1
kind: Platform
name: p
connection: {fields: {base_url: {type: string}, token: {type: secret}}}
targets:
  t:
    options: {properties: {way: {type: string}}}
    capabilities: {items_per_job: {max: 10}, find: probable, jobs_at_once: 1}
    element: {k: "{{ item.key }}"}
    prepare: {keep: {size: "{{ items | length }}"}}
    submit:
      - when: "{{ options.way == 'none' }}"
      - when: "{{ options.way == 'echo' }}"
        call: {post: /again, json: "{{ items }}"}
        id: "{{ response.id | default(none) }}"
        keep: {said: "{{ response.said }}"}
      - when: "{{ options.way == 'new' }}"
        call: {post: /jobs, json: "{{ items }}"}
        id: "{{ response.id }}"
    find: {call: {get: /jobs}, each: "{{ response }}", match: "{{ found.n == job.size }}", id: "{{ found.id }}"}
    poll: {call: {get: "/jobs/{{ job.id }}"}, status: "{{ response.status }}", states: {succeeded: [DONE]}}
    results: {call: {get: /results}, each: "{{ response }}", item: "{{ found.k }}", result: "{{ found.v }}"}
"""


class Server:
    def __init__(self, jobs=({"id": 7, "n": 2},)):
        self.seen, self.jobs = [], list(jobs)

    def __call__(self, request):
        self.seen.append(f"{request.method} {request.url.path}")
        answers = {"POST /jobs": {"id": 1}, "POST /again": {"said": "again"}, "GET /jobs": self.jobs}
        answers["GET /results"] = [{"k": "a", "v": 1}, {"k": "b", "v": 2}]
        return httpx.Response(201, content=json.dumps(answers.get(self.seen[-1], {"status": "DONE"})))


def ran(server, way):
    made = over(server, manifest(PLATFORM)).target("p.t", {"way": way}, PLACE)
    return asyncio.run(done(made, job(item("a"), item("b"))))


def submitted(server, way, platform=PLATFORM):
    made = over(server, manifest(platform)).target("p.t", {"way": way}, PLACE)
    return asyncio.run(made.submit(job(item("a"), item("b"), kept={"size": 2})))


def test_the_first_way_that_fits_is_sent():
    server = Server()
    assert submitted(server, "new").id == "1"
    assert server.seen == ["POST /jobs"]


def test_a_way_without_a_call_sends_nothing_and_its_results_are_read():
    server = Server()
    state, results = ran(server, "none")
    assert (state.status, {key: one.value for key, one in results.items()}) == (JobStatus.SUCCEEDED, {"a": 1, "b": 2})
    assert server.seen == ["GET /results"]


def test_a_job_without_anything_to_pay_is_still_over_after_a_restart():
    server = Server()
    made = over(server, manifest(PLATFORM)).target("p.t", {"way": "none"}, PLACE)
    id_ = asyncio.run(made.submit(job(item("a")))).id
    assert (asyncio.run(made.poll(job(item("a"), id=id_))).status, server.seen) == (JobStatus.SUCCEEDED, [])


def test_an_id_that_the_reply_lacks_is_looked_for_at_once():
    server = Server()
    found = submitted(server, "echo")
    assert (found.id, found.kept["said"], server.seen) == ("7", "again", ["POST /again", "GET /jobs"])


def test_a_created_job_whose_reply_cannot_be_read_is_looked_for_at_once():
    server = Server()

    def torn(request):
        answer = server(request)
        return httpx.Response(201, content=b'{"id": 7') if request.method == "POST" else answer

    assert (submitted(torn, "new").id, server.seen) == ("7", ["POST /jobs", "GET /jobs"])


@pytest.mark.parametrize("way", ["echo", "new"])
def test_a_likely_job_is_not_taken_for_one_of_several(way):
    server = Server()

    def torn(request):
        return httpx.Response(201, content=b"{") if request.method == "POST" else server(request)

    with pytest.raises(Indeterminate, match="accepted, but"):
        submitted(torn, way, PLATFORM.replace(", jobs_at_once: 1", ""))


@pytest.mark.parametrize("jobs", [(), ({"id": 7, "n": 3},), ({},)])
def test_an_id_that_is_nowhere_leaves_the_job_in_doubt(jobs):
    with pytest.raises(Indeterminate, match="accepted, but the reply has no id"):
        submitted(Server(jobs), "echo")


def test_no_way_that_fits_is_refused():
    with pytest.raises(Refused, match="no way to submit this job"):
        submitted(Server(), "other")


def test_a_target_may_want_only_one_job_at_once():
    assert over(Server(), manifest(PLATFORM)).target("p.t", {}, PLACE).capabilities.jobs_at_once == 1


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [('id: "{{ response.id }}"\n    find', "find", 19), ("{post: /jobs, json", "{pots: /jobs, json", 18)],
)
def test_a_way_that_is_not_whole_is_told(old, new, line):
    assert line in [at for _, at in problems(PLATFORM.replace(old, new))]


def uploaded(kept):
    """Submit two items of which the second has no element, where only prepare reads the elements."""
    only = PLATFORM.replace('json: "{{ items }}"', 'json: {size: "{{ job.size }}"}').replace("item.key", "item.v")
    made = over(Server(), manifest(only)).target("p.t", {"way": "new"}, PLACE)
    return asyncio.run(made.submit(job(item("a", {"v": 1}), item("b"), kept=kept)))


def test_what_only_prepare_reads_is_not_made_again_for_submit():
    assert uploaded({"size": 1}).kept == {}


def test_who_was_refused_by_prepare_stays_refused():
    assert uploaded({"size": 1, "refused": {"b": "no v"}}).kept == {"refused": {"b": "no v"}}
