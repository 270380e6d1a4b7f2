"""One item spoils a shared job: the others are done, and a refusal that no item is to blame for has a bound."""

import json

import httpx
import pytest

from runner.ledger.memory import MemoryLedger
from runner.model.errors import Refused
from runner.model.job import Capabilities
from runner.model.recipe import Budget, PollRhythm, RunOptions
from tests.engine.world import FakeTarget, FastClock, Platform, PreparingTarget, applied, item, work_on
from tests.platforms.made import PLACE, manifest, over

MANY = Capabilities(max_items_per_job=100)
SHARED = RunOptions(items_per_job=100, poll=PollRhythm(1.0, 2.0, 10.0))


def refusing(bad, status=422):
    def fault(moment, job):
        if moment == "before" and bad & {each.key for each in job.items}:
            raise Refused("an item is bad", status=status)

    return fault


def items(number):
    return [item(f"i{at}") for at in range(number)]


@pytest.mark.parametrize("bad", [{"i0"}, {"i63"}, {"i99"}, {"i7", "i70"}])
@pytest.mark.parametrize("kind", [FakeTarget, PreparingTarget])
def test_only_the_items_that_spoil_a_job_fail(bad, kind):
    platform, ledger = Platform(), MemoryLedger()
    report = applied(work_on(ledger, items(100), kind(platform, MANY, refusing(bad)), run=SHARED))
    assert (report.outcome, report.counts) == ("failed_items", {"succeeded": 100 - len(bad), "failed": len(bad)})
    assert set(platform.accepted.values()) == {1}
    assert platform.asked["submit"] <= 16 * len(bad) + 1
    assert applied(work_on(ledger, items(100), kind(platform, MANY), run=SHARED)).counts["failed"] == len(bad)


def test_a_refusal_that_every_part_gets_has_a_bound():
    platform = Platform()
    everything = {each.key for each in items(1000)}
    report = applied(work_on(MemoryLedger(), items(1000), FakeTarget(platform, MANY, refusing(everything)), run=SHARED))
    assert (report.counts, platform.accepted) == ({"failed": 1000}, {})
    assert platform.asked["submit"] < 120


def test_what_is_not_the_fault_of_an_item_is_not_sent_in_parts():
    platform = Platform()
    report = applied(work_on(MemoryLedger(), items(10), FakeTarget(platform, MANY, refusing({"i1"}, 404)), run=SHARED))
    assert (report.counts, platform.asked["submit"]) == ({"failed": 10}, 1)


def test_parts_take_no_more_of_the_budget_than_the_whole():
    platform = Platform()
    run = RunOptions(items_per_job=100, budget=Budget(items=10))
    report = applied(work_on(MemoryLedger(), items(10), FakeTarget(platform, MANY, refusing({"i1"})), run=run))
    assert report.counts == {"succeeded": 9, "failed": 1}


def test_parts_of_a_target_that_takes_one_job_at_once_follow_each_other():
    class One(FakeTarget):
        running = most = 0

        async def submit(self, job):
            submitted = await super().submit(job)
            self.running += 1
            self.most = max(self.most, self.running)
            return submitted

        async def results(self, job, state):
            async for batch in super().results(job, state):
                yield batch
            self.running -= 1

    target = One(Platform(), Capabilities(max_items_per_job=100, jobs_at_once=1), refusing({"i9"}))
    report = applied(work_on(MemoryLedger(), items(10), target, run=SHARED))
    assert (report.counts, target.most) == ({"succeeded": 9, "failed": 1}, 1)


PLATFORM = """\
apiVersion: runner/v1
kind: Platform
name: p
connection: {fields: {base_url: {type: string}, token: {type: secret}}}
targets:
  t:
    capabilities: {find: none, items_per_job: {max: 100}}
    element: {k: "{{ item.token }}", text: "{{ item.text }}"}
    submit:
      call: {post: /jobs, json: "{{ items }}"}
      id: "{{ response.id }}"
      outcome: {not_created: [422], bad_items: "{{ response.line }}"}
    poll: {call: {get: "/jobs/{{ job.id }}"}, status: "{{ response.status }}", states: {succeeded: [done]}}
    results: {each: "{{ response.all }}", item: "{{ found.k }}", result: "{{ found.text }}"}
"""


@pytest.mark.parametrize("line", [3, [3], "i2", ["i2"]])
def test_items_that_the_platform_names_fail_and_the_others_are_sent_once_more(line):
    posts = []

    def answer(request):
        if request.method == "GET":
            return httpx.Response(200, json={"status": "done", "all": posts[-1]})
        posts.append(json.loads(request.content))
        bad = any(each["k"] == "i2" for each in posts[-1])
        return httpx.Response(422, json={"line": line}) if bad else httpx.Response(201, json={"id": 1})

    clock = FastClock()
    target = over(answer, manifest(PLATFORM), clock=clock).target("p.t", {}, PLACE)
    report = applied(work_on(MemoryLedger(), items(9), target, clock=clock, run=SHARED))
    assert (report.counts, [len(post) for post in posts]) == ({"succeeded": 8, "failed": 1}, [9, 8])


FAILING = PLATFORM.replace(
    "states: {succeeded: [done]}}", 'states: {succeeded: [done], failed: [failed]}, bad_items: "{{ response.lines }}"}'
).replace("results: {each", "results: {when: \"{{ job.status == 'succeeded' }}\", each")


@pytest.mark.parametrize(("lines", "failed"), [([3], 1), (["i2", "i5"], 2), (None, 9), (list(range(1, 10)), 9)])
def test_items_that_spoil_an_accepted_job_fail_and_the_others_are_sent_again(lines, failed):
    posts = []

    def answer(request):
        if request.method == "POST":
            posts.append(json.loads(request.content))
            return httpx.Response(201, json={"id": len(posts)})
        if any(each["k"] == "i2" for each in posts[-1]):
            return httpx.Response(200, json={"status": "failed", "lines": lines})
        return httpx.Response(200, json={"status": "done", "all": posts[-1]})

    clock = FastClock()
    target = over(answer, manifest(FAILING), clock=clock).target("p.t", {}, PLACE)
    ledger = MemoryLedger()
    for _ in range(2):
        report = applied(work_on(ledger, items(9), target, clock=clock, run=SHARED))
        counts = {"succeeded": 9 - failed, "failed": failed} if failed < 9 else {"failed": 9}
        assert (report.counts, len(posts)) == (counts, 2 if failed < 9 else 1)
