"""Results of which some piece cannot be read: the good ones are taken, in a whole apply over a manifest."""

import gzip
import json

import httpx
import pytest

from runner.ledger.memory import MemoryLedger
from runner.model.recipe import PollRhythm, RunOptions
from tests.engine.world import FastClock, applied, work_on
from tests.engine.world import item as numbered
from tests.platforms.made import PLACE, manifest, over

HEAD = """\
apiVersion: runner/v1
kind: Platform
name: p
connection: {fields: {base_url: {type: string}, token: {type: secret}}}
targets:
  t:
"""
BATCH = f"""{HEAD}    capabilities: {{items_per_job: {{max: 10}}}}
    element: {{id: "{{{{ item.token }}}}"}}
    submit: {{call: {{post: /jobs, json: "{{{{ items }}}}"}}, id: "{{{{ response.id }}}}"}}
    poll:
      call: {{get: "/jobs/{{{{ job.id }}}}"}}
      status: "{{{{ response.status }}}}"
      states: {{succeeded: [DONE]}}
    results:
      call: {{get: "/jobs/{{{{ job.id }}}}/file", read: jsonl}}
      item: "{{{{ found.id }}}}"
      result: "{{{{ found.said }}}}"
"""
MODEL = f"""{HEAD}    submit:
      call: {{post: /chat, json: {{text: "{{{{ item.text }}}}"}}}}
      id: "{{{{ response.id }}}}"
      status_in_reply: true
    poll:
      call: {{get: "/chat/{{{{ job.id }}}}"}}
      states: [{{when: "{{{{ response.choices is defined }}}}", is: succeeded}}]
    results: {{result: "{{{{ response.choices[0].text | json }}}}"}}
"""
ITEMS = [numbered(f"i{number}", "A long text") for number in range(3)]
LINES = [json.dumps({"id": one.key, "said": "é"}, ensure_ascii=False) for one in ITEMS]


def taken(handler, text, items=ITEMS, ledger=None, **run):
    clock = FastClock()
    target = over(handler, manifest(text), clock=clock).target("p.t", {}, PLACE)
    options = RunOptions(items_per_job=10, poll=PollRhythm(1.0, 2.0, 10.0), **run)
    return applied(work_on(ledger or MemoryLedger(), items, target, clock=clock, run=options))


class Batches:
    """A platform that is done at once and gives this file."""

    def __init__(self, data, kind="application/jsonl"):
        self.data, self.kind, self.asked = data, kind, []

    def __call__(self, request):
        self.asked.append(request.url.path)
        if request.method == "POST":
            return httpx.Response(200, json={"id": "j1"})
        if request.url.path == "/jobs/j1":
            return httpx.Response(200, json={"status": "DONE"})
        return httpx.Response(200, content=self.data, headers={"content-type": self.kind})


@pytest.mark.parametrize(
    ("damage", "failed"),
    [
        (lambda lines: [lines[0], "}}garbage", lines[2]], "i1"),
        (lambda lines: [lines[0], lines[1], lines[2][:-4]], "i2"),
        (lambda lines: [lines[2], lines[0][:-4], "{"], "i0"),
    ],
)
def test_the_good_lines_are_taken_and_the_bad_one_fails_by_its_line(damage, failed):
    report = taken(Batches("\n".join(damage(LINES)).encode()), BATCH)
    errors = dict(report.progress.failures)
    assert (report.counts["succeeded"], "is not JSON" in errors[failed]) == (3 - report.counts["failed"], True)


def test_a_cut_line_whose_item_is_named_in_it_keeps_its_raw_text():
    report = taken(Batches("\n".join([LINES[0], LINES[1][:-3], LINES[2]]).encode()), BATCH)
    ((key, error),) = report.progress.failures
    assert (key, "line 2 of the reply" in error, '"said": "' in error) == ("i1", True, True)


def test_a_raw_control_character_in_a_text_is_taken_as_it_is():
    lines = [LINES[0], LINES[1].replace("é", "a\tb\x01"), LINES[2]]
    assert taken(Batches("\n".join(lines).encode()), BATCH).counts == {"succeeded": 3}


@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-16", "utf-16-le", "UTF-8"])
def test_a_reply_in_an_announced_charset_is_read(charset):
    data = "\n".join(LINES).encode(charset)
    assert taken(Batches(data, f"application/jsonl; charset={charset}"), BATCH).counts == {"succeeded": 3}
    whole = BATCH.replace(", read: jsonl}", "}\n      each: '{{ response }}'")
    data = f"[{','.join(LINES)}]".encode(charset)
    assert taken(Batches(data, f'application/json; charset="{charset}"'), whole).counts == {"succeeded": 3}


@pytest.mark.parametrize("read", [", read: jsonl}", "}\n      each: '{{ response }}'"])
def test_a_file_that_can_never_be_read_is_held_with_what_it_is(read):
    handler, ledger = Batches(gzip.compress("\n".join(LINES).encode())), MemoryLedger()
    text = BATCH.replace(", read: jsonl}", read)
    report = taken(handler, text, ledger=ledger)
    assert (report.outcome, report.counts) == ("held", {"held": 3})
    assert any("a gzip file" in note for note in report.progress.notes)
    assert handler.asked.count("/jobs/j1/file") <= 6
    assert taken(
        Batches("\n".join(LINES).encode()),
        text.replace("}\n      each: '{{ response }}'", ", read: jsonl}"),
        ledger=ledger,
    ).counts == {"succeeded": 3}


class Model:
    """A model that answers at once, in turn, and keeps nothing."""

    def __init__(self, *answers):
        self.answers, self.paid = list(answers), 0

    def __call__(self, request):
        if request.method == "GET":
            return httpx.Response(404, json={"error": "no such chat"})
        self.paid += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return httpx.Response(200, json={"id": f"c{self.paid}", **answer})


def said(text):
    return {"choices": [{"text": text}]}


def test_an_answer_that_is_not_json_fails_its_item_and_is_tried_again_within_attempts():
    report = taken(handler := Model(said("Sorry, no"), said('{"a": 1}')), MODEL, ITEMS[:1], attempts=2)
    assert (report.counts, handler.paid) == ({"succeeded": 1}, 2)
    report = taken(handler := Model(said("Sorry, no")), MODEL, ITEMS[:1])
    assert (report.counts, handler.paid) == ({"failed": 1}, 1)
    assert "JSON" in report.progress.failures[0][1]


def test_a_reply_that_lacks_what_the_manifest_reads_is_held():
    report = taken(handler := Model({"choices": []}), MODEL, ITEMS[:1], attempts=2)
    assert (report.outcome, report.counts, handler.paid) == ("held", {"held": 1}, 1)
    assert any("not as the manifest expects" in note for note in report.progress.notes)
