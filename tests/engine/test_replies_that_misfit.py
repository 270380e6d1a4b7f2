"""A reply that was received is not a lost one: whole applies over a manifest and a platform that answers strangely."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence

import httpx
import pytest

from runner.ledger.memory import MemoryLedger
from runner.model.errors import StopRun
from runner.model.event import ItemsDone, JobAccepted, JobSettled
from runner.model.job import Job
from runner.model.recipe import PollRhythm, RunOptions
from tests.engine.world import SCOPE, FastClock, applied, item, work_on
from tests.platforms.made import PLACE, manifest, over

PLATFORM = """\
apiVersion: runner/v1
kind: Platform
name: p
connection:
  fields: {base_url: {type: string}, token: {type: secret}}
  headers: {Authorization: "Bearer {{ connection.token }}"}
message: "{{ response.error }}"
errors:
  - {when: "{{ response.fault is defined }}", is: item_permanent}
  - {when: "{{ response.quota is defined }}", is: stop_run, mend: pay the bill}
targets:
  t:
    capabilities: {find: exact}
    submit:
      call: {post: /jobs, json: {item: "{{ item.id }}", label: "{{ job.key }}"}}
      id: "{{ response.id }}"
      outcome: {not_created: [400, "{{ response.why.code == 7 }}", "{{ response.refused }}"]}
    find:
      call: {get: /jobs}
      each: "{{ response.jobs }}"
      match: "{{ found.label == job.key }}"
      id: "{{ found.id }}"
      visible_within: 1s
      complete: true
    poll:
      call: {get: "/jobs/{{ job.id }}"}
      status: "{{ response.status }}"
      states: {running: [running], succeeded: [done], failed: [failed]}
      error: "{{ response.error }}"
    results: {result: "{{ response.answer }}"}
"""
INSTANT = PLATFORM.replace("      outcome:", "      status_in_reply: true\n      outcome:")
"""Answers at once, and knows no job afterwards."""
PLAIN = RunOptions(items_per_job=1, poll=PollRhythm(1.0, 2.0, 10.0))
ITEMS = [item(f"i{number}") for number in range(20)]


class Server:
    """Answers a POST by `reply(item, how often it was posted)`; lists nothing and knows no job but by `job`."""

    def __init__(self, reply, job=(404, {"error": "no such job"}), listing=(200, {"jobs": []})):
        self.reply, self.job, self.listing = reply, job, listing
        self.posts, self.polls = Counter(), 0
        self.in_flight = self.most = 0

    async def __call__(self, request):
        if request.method == "POST":
            key = json.loads(request.content)["item"]
            self.posts[key] += 1
            self.in_flight += 1
            self.most = max(self.most, self.in_flight)
            for _ in range(50):
                await asyncio.sleep(0)
            self.in_flight -= 1
            return answer(*self.reply(key, self.posts[key]))
        if request.url.path == "/jobs":
            return answer(*self.listing)
        self.polls += 1
        return answer(*self.job)


def answer(status, body):
    if isinstance(body, str):
        return httpx.Response(status, text=body, headers={"content-type": "text/html" if "<" in body else "text/plain"})
    return httpx.Response(status, json=body)


def apply(server, ledger=None, items=ITEMS, text=PLATFORM, run=PLAIN, connection="", **options):
    clock = FastClock()
    target = over(server, manifest(text), clock=clock, transport=httpx.MockTransport(server)).target("p.t", {}, PLACE)
    work = work_on(ledger or MemoryLedger(), items, target, clock=clock, run=run, connection=connection)
    return applied(work, **options)


def errors(ledger):
    async def read():
        return {each.key: (each.status, each.error) async for batch in ledger.outcomes(SCOPE) for each in batch}

    return asyncio.run(read())


def done(key, posts):
    return 201, {"id": f"j-{key}", "status": "done", "answer": key.upper()}


# -- one id for several jobs
def test_an_id_that_another_job_has_gives_no_item_the_result_of_another():
    ledger = MemoryLedger()
    server = Server(lambda key, posts: (201, {"id": "j0", "status": "running"}), (200, {"status": "done", "answer": 1}))
    report = apply(server, ledger)
    assert (report.outcome, isinstance(report.error, StopRun)) == ("stopped", True)
    held = {key: error for key, (status, error) in errors(ledger).items() if status == "held"}
    assert len(held) == sum(server.posts.values()) - 1 >= 10
    assert all("has the id 'j0' on the platform already" in error for error in held.values())
    assert max(server.posts.values()) == 1


class SlowLedger(MemoryLedger):
    """Lets others run before it writes, as a ledger on a disk does."""

    async def record(self, *arguments):
        for _ in range(50):
            await asyncio.sleep(0)
        await super().record(*arguments)


def test_a_search_that_fits_every_job_gives_none_the_result_of_another():
    ledger, wide = SlowLedger(), PLATFORM.replace("{{ found.label == job.key }}", "{{ found.id == 'j0' }}")

    def lost(key, posts):
        raise httpx.ReadError("gone")

    server = Server(lost, (200, {"status": "done", "answer": 1}), (200, {"jobs": [{"id": "j0"}]}))
    report = apply(server, ledger, ITEMS[:3], wide, connection="c")
    assert (report.outcome, report.counts) == ("held", {"succeeded": 1, "held": 2})
    assert set(server.posts.values()) == {1}


def test_another_try_of_the_same_item_may_get_the_same_remote_job():
    server = Server(lambda key, posts: (201, {"id": f"j-{key}"}), (200, {"status": "failed", "error": "blurred"}))
    report = apply(server, items=ITEMS[:1], run=RunOptions(items_per_job=1, poll=PLAIN.poll, attempts=2))
    assert (report.counts, server.posts) == ({"failed": 1}, {"i0": 2})


# -- an accepted reply without a usable id
@pytest.mark.parametrize("body", [{"jobId": 5}, {"id": None}, {"id": {}}, {"id": [1]}, "OK"])
def test_what_was_accepted_is_held_and_never_sent_again(body):
    server, ledger = Server(lambda key, posts: (201, body)), MemoryLedger()
    for _ in range(3):
        report = apply(server, ledger, ITEMS[:1])
        assert (report.outcome, server.posts) == ("held", {"i0": 1})


def test_the_message_names_the_template_and_what_the_reply_held_without_secrets():
    ledger = MemoryLedger()
    apply(Server(lambda key, posts: (201, {"jobId": "sk-very-secret-0123456789"})), ledger, ITEMS[:1])
    _, error = errors(ledger)["i0"]
    assert "submit.id" in error
    assert "{{ response.id }}" in error
    assert "jobId" in error
    assert "very-secret" not in error


def test_the_platforms_own_word_fails_the_item():
    ledger = MemoryLedger()
    server = Server(lambda key, posts: (200, {"error": "quota exceeded"}) if key == "i1" else done(key, posts))
    for _ in range(2):
        report = apply(server, ledger, ITEMS[:3], INSTANT)
        assert (report.counts, server.posts["i1"]) == ({"succeeded": 2, "failed": 1}, 1)
    assert errors(ledger)["i1"] == ("failed", "p answered 200, and no job: quota exceeded")


def test_an_error_rule_fails_the_item_and_attempts_bound_the_rest():
    server = Server(lambda key, posts: (200, {"fault": 1}))
    run = RunOptions(items_per_job=1, attempts=2)
    report = apply(server, items=ITEMS[:2], run=run)
    assert (report.counts, server.posts) == ({"failed": 2}, {"i0": 2, "i1": 2})


def test_a_rule_that_stops_the_run_stops_it_and_the_item_has_failed():
    server, ledger = Server(lambda key, posts: (200, {"quota": 0})), MemoryLedger()
    report = apply(server, ledger, ITEMS[:1])
    assert (report.outcome, isinstance(report.error, StopRun), server.posts) == ("stopped", True, {"i0": 1})
    assert errors(ledger)["i0"][0] == "failed"


def test_a_reply_with_an_id_was_created_whatever_else_it_says():
    server = Server(
        lambda key, posts: (200, {"id": key, "refused": True, "fault": 1}), (200, {"status": "done", "answer": 1})
    )
    assert (apply(server).outcome, sum(server.posts.values())) == ("done", 20)


def test_an_expression_that_misses_a_field_hides_no_other():
    server = Server(lambda key, posts: (409, {"refused": True}))
    report = apply(server, items=ITEMS[:1])
    assert (report.counts, server.posts) == ({"failed": 1}, {"i0": 1})


# -- a manifest at fault
def test_three_misfits_at_the_beginning_stop_the_run():
    server, ledger = Server(lambda key, posts: (201, {"jobId": 5})), MemoryLedger()
    report = apply(server, ledger)
    assert (report.outcome, sum(server.posts.values())) == ("stopped", 3)
    assert "the first 3 replies of this run do not fit the manifest" in str(report.error)
    assert report.counts == {"held": 3, "new": 17}


def test_ten_misfits_in_a_row_stop_a_run_that_began_well():
    server = Server(lambda key, posts: done(key, posts) if key in ("i0", "i1") else (201, {}))
    report = apply(server, text=INSTANT, run=RunOptions(items_per_job=1, max_in_flight=1))
    assert (report.outcome, sum(server.posts.values())) == ("stopped", 12)


def test_at_most_three_requests_wait_for_the_first_reply_of_a_manifest():
    server, ledger = Server(done), MemoryLedger()
    apply(server, ledger, ITEMS[:3], INSTANT)
    assert server.most == 3
    server = Server(done)
    first = apply(server, MemoryLedger(), text=INSTANT)
    assert (first.outcome, server.most > 3) == ("done", True)
    server = Server(lambda key, posts: (400, {}))
    apply(server, MemoryLedger(), text=INSTANT)
    assert server.most == 3  # nothing was understood
    server = Server(lambda key, posts: (400, {}))
    apply(server, ledger, text=INSTANT)
    assert server.most > 3  # it was, in an earlier apply


# -- a page where JSON is due
def test_a_page_in_place_of_a_reply_stops_the_run_at_once():
    server, ledger = Server(lambda key, posts: (200, "<html><title>Sign in</title></html>")), MemoryLedger()
    report = apply(server, ledger, ITEMS[:1])
    assert (report.outcome, isinstance(report.error, StopRun), server.posts) == ("stopped", True, {"i0": 1})
    assert errors(ledger)["i0"][0] == "held"
    assert "an HTML page titled 'Sign in'" in errors(ledger)["i0"][1]


def test_a_page_in_place_of_a_listing_stops_the_run_at_once():
    server = Server(lambda key, posts: (500, {}), listing=(200, "<!DOCTYPE html><title>Sign in</title>"))
    report = apply(server, items=ITEMS[:1])
    assert (report.outcome, isinstance(report.error, StopRun), server.posts) == ("stopped", True, {"i0": 1})


def test_a_page_in_place_of_a_file_of_results_stops_the_run_and_loses_nothing():
    lines = PLATFORM.replace(
        'results: {result: "{{ response.answer }}"}',
        'results: {call: {get: /file, read: jsonl}, item: "{{ found.k }}", result: "{{ found.v }}"}',
    )

    class Files(Server):
        file = "<!DOCTYPE html>\n<html><title>Sign in</title>\n</html>"

        async def __call__(self, request):
            is_file = request.url.path == "/file"
            return httpx.Response(200, text=self.file) if is_file else await super().__call__(request)

    server, ledger = Files(done, (200, {"status": "done"})), MemoryLedger()
    report = apply(server, ledger, ITEMS[:1], lines)
    assert (report.outcome, isinstance(report.error, StopRun), report.counts) == ("stopped", True, {"held": 1})
    assert "'Sign in'" in str(report.error)
    server.file = '{"k": "i0", "v": 1}'
    assert apply(server, ledger, ITEMS[:1], lines).outcome == "done"


@pytest.mark.parametrize("path", ["/jobs/j-i1", "/file"])
def test_a_page_about_one_job_does_not_stop_the_others_for_ever(path):
    lines = PLATFORM.replace(
        'results: {result: "{{ response.answer }}"}',
        'results: {call: {get: "/jobs/{{ job.id }}/file"}, result: "{{ response.answer }}"}',
    )

    class Pages(Server):
        async def __call__(self, request):
            if request.url.path.endswith("i1/file" if path == "/file" else path):
                return answer(200, "<!DOCTYPE html><title>Sign in</title>")
            return await super().__call__(request)

    server, ledger = Pages(done, (200, {"status": "done", "answer": 1})), MemoryLedger()
    assert apply(server, ledger, ITEMS[:4], lines).outcome == "stopped"
    report = apply(server, ledger, ITEMS[:4], lines)
    assert (report.outcome, report.counts) == ("held", {"held": 1, "succeeded": 3})
    assert "'Sign in'" in errors(ledger)["i1"][1] or "Sign in" in str(report.progress.notes)
    assert max(server.posts.values()) == 1


LISTED = PLATFORM.replace(
    'results: {result: "{{ response.answer }}"}',
    "results: {call: {get: /file, read: jsonl}, item: '{{ found.k }}', "
    "failed: '{{ found.code != 200 }}', error: '{{ found.why }}', result: '{{ found.v }}'}",
)


class Lines(Server):
    """Gives lines of results for every job."""

    lines: Sequence[object] = ()

    async def __call__(self, request):
        if request.url.path == "/file":
            return httpx.Response(200, text="\n".join(map(json.dumps, self.lines)))
        return await super().__call__(request)


@pytest.mark.parametrize("line", [{"k": "i0", "status": 200, "v": 1}, {"id": "i0", "code": 200, "v": 1}])
def test_results_of_which_none_fits_the_manifest_are_held_and_never_paid_again(line):
    server, ledger = Lines(done, (200, {"status": "done"})), MemoryLedger()
    server.lines = [line]
    patient = RunOptions(items_per_job=1, poll=PollRhythm(1.0, 2.0, 10.0), attempts=3)
    for _ in range(2):
        report = apply(server, ledger, ITEMS[:1], LISTED, patient)
        assert (report.outcome, report.counts, server.posts) == ("held", {"held": 1}, {"i0": 1})
    assert "has no field" in errors(ledger)["i0"][1]
    mended = LISTED.replace("found.code", "found.status") if "k" in line else LISTED.replace("found.k", "found.id")
    assert apply(server, ledger, ITEMS[:1], mended, patient).counts == {"succeeded": 1}
    assert server.posts == {"i0": 1}


def test_results_that_are_all_for_other_items_are_held_and_never_paid_again():
    server, ledger = Lines(done, (200, {"status": "done"})), MemoryLedger()
    tokens = LISTED.replace("{find: exact}", "{find: exact, items_per_job: {max: 5}}").replace(
        "    submit:", "    token: {max: 64, letters: A-Za-z0-9_-}\n    element: '{{ item.token }}'\n    submit:"
    )
    tokens = tokens.replace('{item: "{{ item.id }}"', '{item: "{{ items[0] }}", items: "{{ items }}"')
    server.lines = [{"k": 5, "code": 200, "v": 1}, {"k": 6, "code": 200, "v": 1}]
    patient = RunOptions(items_per_job=2, poll=PollRhythm(1.0, 2.0, 10.0), attempts=3)
    report = apply(server, ledger, ITEMS[:2], tokens, patient)
    assert (report.outcome, report.counts, sum(server.posts.values())) == ("held", {"held": 2}, 1)
    assert "none of 2 results is for an item of the job, the first is for '(unknown) 5'" in errors(ledger)["i0"][1]


def test_a_line_with_the_platforms_own_words_fails_its_item():
    server, ledger = Lines(done, (200, {"status": "done"})), MemoryLedger()
    server.lines = [{"k": "i0", "why": "blurred"}]
    report = apply(server, ledger, ITEMS[:1], LISTED)
    assert (report.counts, "blurred" in errors(ledger)["i0"][1]) == ({"failed": 1}, True)


def test_results_that_never_fit_stop_the_run():
    server = Lines(done, (200, {"status": "done"}))
    server.lines = [{"status": 200}]
    report = apply(server, MemoryLedger(), ITEMS, LISTED, RunOptions(items_per_job=1, max_in_flight=1, poll=PLAIN.poll))
    assert (report.outcome, isinstance(report.error, StopRun), len(server.posts)) == ("stopped", True, 3)


@pytest.mark.parametrize("cost", ["1e999", '"nan"', '"Infinity"', "1" + 400 * "0"])
def test_a_number_that_cannot_be_kept_ends_no_apply(cost):
    text = PLATFORM.replace("      error:", '      cost: "{{ response.cost }}"\n      error:')
    costs = text.replace("{{ response.answer }}", "{{ response.answer | json }}")
    assert costs != text

    class Costs(Server):
        async def __call__(self, request):
            if request.method == "GET" and request.url.path.startswith("/jobs/"):
                text = "7" if request.url.path.endswith("i0") else "1e999"
                body = f'{{"status": "done", "answer": "{text}", "cost": {cost}}}'
                return httpx.Response(200, text=body, headers={"content-type": "application/json"})
            return await super().__call__(request)

    report = apply(Costs(done), items=ITEMS[:2], text=costs)
    assert (report.outcome, report.counts) == ("failed_items", {"failed": 1, "succeeded": 1})
    assert report.progress.cost is None


def test_one_job_that_may_not_be_read_does_not_refuse_the_login():
    class Forbidden(Server):
        async def __call__(self, request):
            if request.url.path == "/jobs/j-i1":
                return answer(403, {"error": "not yours"})
            return await super().__call__(request)

    server, ledger = Forbidden(done, (200, {"status": "done", "answer": 1})), MemoryLedger()
    report = apply(server, ledger, ITEMS[:4])
    assert (report.outcome, report.counts) == ("held", {"held": 1, "succeeded": 3})
    assert "not yours" in errors(ledger)["i1"][1]


def test_a_preparation_that_does_not_fit_is_not_repeated_for_ever():
    prepares = PLATFORM.replace(
        "    submit:", '    prepare: {call: {get: /jobs}, keep: {batch: "{{ response.id }}"}}\n    submit:'
    )
    server = Server(done)
    report = apply(server, text=prepares)
    assert (report.outcome, isinstance(report.error, StopRun), server.posts) == ("stopped", True, {})


def test_a_page_with_an_error_status_is_judged_by_its_status():
    ledger = MemoryLedger()
    server = Server(lambda key, posts: (400, "<html><title>Bad Request</title>"))
    assert apply(server, ledger, ITEMS[:1]).counts == {"failed": 1}
    assert "titled 'Bad Request'" in errors(ledger)["i0"][1]


# -- a constant failure
def test_a_constant_500_is_bounded_and_told():
    server, ledger = Server(lambda key, posts: (500, {"error": "boom"})), MemoryLedger()
    for _ in range(3):
        report = apply(server, ledger, ITEMS[:1])
        assert (report.outcome, server.posts) == ("failed_items", {"i0": 3})
    assert "boom" in errors(ledger)["i0"][1]


# -- an answer in hand
def test_an_answer_in_hand_is_kept_when_another_submit_stops_the_run():
    def reply(key, posts):
        return (400, {"quota": 0}) if key == "i1" else done(key, posts)

    server, ledger = Server(reply), MemoryLedger()
    report = apply(server, ledger, ITEMS[:3], INSTANT)
    assert (report.outcome, report.counts["succeeded"]) == ("stopped", sum(server.posts[key] for key in ("i0", "i2")))
    assert server.polls == 0


def test_answers_on_their_way_are_awaited_when_a_reply_stops_the_run(monkeypatch):
    class Slow(Server):
        async def __call__(self, request):
            if b"i1" not in request.content:
                await asyncio.sleep(0.02)
            return await super().__call__(request)

    monkeypatch.setattr("runner.engine.run.GRACE_S", 0.0)
    server = Slow(lambda key, posts: (400, {"quota": 0}) if key == "i1" else done(key, posts))
    report = apply(server, items=ITEMS[:3], text=INSTANT)
    assert (report.outcome, report.counts) == ("stopped", {"succeeded": 2, "new": 1})


def test_an_answer_with_an_unknown_word_is_kept_and_taken_when_the_manifest_knows_it():
    server = Server(lambda key, posts: (201, {"id": key, "status": "complete", "answer": 7}))
    ledger = MemoryLedger()
    report = apply(server, ledger, ITEMS[:1], INSTANT)
    assert report.counts == {"held": 1}
    assert "'complete'" in errors(ledger)["i0"][1]
    known = over(server, manifest(INSTANT.replace("[done]", "[done, complete]"))).target("p.t", {}, PLACE)

    async def asked():
        (row,) = [row async for row in ledger.jobs(SCOPE)]
        return row, await known.poll(job_of(row))

    row, state = asyncio.run(asked())
    assert (state.status, state.reply["answer"], row.id) == ("succeeded", 7, "i0")


def job_of(row):
    return Job(row.job, row.attempt, ITEMS[:1], row.kept, row.id)


def test_acceptance_and_answer_are_one_durable_write():
    class Watched(MemoryLedger):
        calls: tuple = ()

        async def record(self, scope, lease, events):
            self.calls = (*self.calls, [type(event) for event in events])
            await super().record(scope, lease, events)

    ledger = Watched()
    assert apply(Server(done), ledger, ITEMS[:1], INSTANT).outcome == "done"
    (both,) = [call for call in ledger.calls if JobAccepted in call]
    assert {ItemsDone, JobSettled} <= set(both)


def test_an_answer_whose_results_do_not_fit_is_kept_with_the_acceptance():
    ledger = MemoryLedger()
    apply(Server(lambda key, posts: (201, {"id": key, "status": "done"})), ledger, ITEMS[:1], INSTANT, wait_s=60.0)

    async def kept():
        return [row.kept async for row in ledger.jobs(SCOPE)]

    assert asyncio.run(kept())[0]["reply"]["response"] == {"id": "i0", "status": "done"}


def test_what_an_emulator_understood_proves_nothing_about_the_platform():
    ledger = MemoryLedger()
    apply(Server(done), ledger, ITEMS[:3], INSTANT, connection="p@emulator")
    server = Server(lambda key, posts: (201, {}))
    report = apply(server, ledger, text=INSTANT, connection="p@real")
    assert (report.outcome, sum(server.posts.values())) == ("stopped", 3)


def test_a_listing_that_does_not_fit_is_told_and_proves_nothing():
    server = Server(lambda key, posts: (500, {}), listing=(200, {"items": []}))
    report = apply(server, items=ITEMS[:1])
    assert (report.outcome, server.posts) == ("pending", {"i0": 1})
    assert any("the manifest expects" in note for note in report.progress.notes), report.progress.notes


@pytest.mark.parametrize("text", [PLATFORM, INSTANT])
def test_a_held_reply_is_read_when_the_manifest_is_mended(text):
    def reply(key, posts):
        return 201, {"jobId": key, "status": "done", "answer": key.upper()}

    server, ledger = Server(reply, (200, {"status": "done", "answer": "later"})), MemoryLedger()
    assert apply(server, ledger, ITEMS[:2], text).counts == {"held": 2}
    assert apply(server, ledger, ITEMS[:2], text).counts == {"held": 2}
    mended = apply(server, ledger, ITEMS[:2], text.replace("response.id }}", "response.jobId }}"))
    assert (mended.outcome, mended.counts, sum(server.posts.values())) == ("done", {"succeeded": 2}, 2)
    assert mended.progress.jobs == {"asked again": 2, "accepted": 2, "finished": 2}
