"""Results that a platform lists: chosen, counted, brought back to their items."""

import asyncio
from dataclasses import replace

import httpx
import pytest

from runner.model.errors import Unavailable
from runner.model.job import JobState, JobStatus
from tests.platforms.made import PLACE, gathered, item, job, manifest, over

PLATFORM = """\
apiVersion: runner/v1
kind: Platform
name: p
connection: {fields: {base_url: {type: string}, token: {type: secret}}}
targets:
  t:
    capabilities: {items_per_job: {max: 10}}
    submit: {call: {post: /jobs}, id: "{{ response.id }}"}
    poll: {call: {get: /jobs}, status: "{{ response.status }}", states: {succeeded: [DONE]}}
    results:
      call: {get: /results, query: {page: "{{ page.number }}"}}
      pages: {number: {step: 2, until: short}}
      each: "{{ response.rows }}"
      match: "{{ found.said is not none }}"
      total: "{{ response.total }}"
      item: "{{ found.id }}"
      result: "{{ found.said }}"
"""
ROWS = [{"id": "a", "said": "x"}, {"id": "b", "said": None}, {"id": "z", "said": "y"}, {"id": "c", "said": "z"}]


def results(total=4, rows=ROWS, text=PLATFORM):
    def handler(request):
        start = 2 * (int(request.url.params["page"]) - 1)
        return httpx.Response(200, json={"rows": rows[start : start + 2], "total": total})

    made = over(handler, manifest(text)).target("p.t", {}, PLACE)
    one = job(item("a"), item("b"), item("c"), id="1")
    return asyncio.run(gathered(made, one, JobState(JobStatus.SUCCEEDED)))


def test_only_what_matches_is_a_result():
    assert {key: one.value for key, one in results().items()} == {"a": "x", "(unknown) z": "y", "c": "z"}


def test_what_is_for_others_may_be_skipped():
    assert set(results(text=PLATFORM.replace("      total", "      others: skip\n      total"))) == {"a", "c"}


def test_a_page_that_does_not_say_leaves_the_total_as_it_was():
    first = "{{ response.total if page.number == 1 else none }}"
    with pytest.raises(Unavailable, match="there are 9 results"):
        results(total=9, text=PLATFORM.replace("{{ response.total }}", first))


def test_a_list_that_ended_early_is_asked_again():
    with pytest.raises(Unavailable, match="there are 9 results, but listed 4"):
        results(total=9)


@pytest.mark.parametrize(("nulls", "value"), [("drop", {"a": 1}), ("keep", {"a": 1, "b": None})])
def test_a_field_that_is_null_is_left_out_or_stays(nulls, value):
    shaped = f"nulls: {nulls}\n      result: {{a: 1, b: '{{{{ none }}}}'}}"
    text = PLATFORM.replace('result: "{{ found.said }}"', shaped)
    assert results(text=text)["a"].value == value


def test_a_list_that_grew_is_fine():
    assert len(results(total=3)) == 3


POSITION = """\
apiVersion: runner/v1
kind: Platform
name: p
connection: {fields: {base_url: {type: string}, token: {type: secret}}}
targets:
  t:
    capabilities: {items_per_job: {max: 10}}
    submit: {call: {post: /jobs}, id: "{{ response.id }}"}
    poll: {call: {get: /jobs}, status: "{{ response.status }}", states: {succeeded: [DONE]}}
    results:
      {PLACE, by: position, failed: "{{ found.said == 'no' }}", error: "{{ found.why }}", result: "{{ found.said }}"}
"""
LINES = "call: {get: /results, read: jsonl}"


def by_position(body, place=LINES, kept=None):
    def handler(request):
        return httpx.Response(200, content=body)

    made = over(handler, manifest(POSITION.replace("PLACE", place))).target("p.t", {}, PLACE)
    one = replace(job(item("a"), item("b"), item("c"), id="1"), kept=kept or {})
    found = asyncio.run(gathered(made, one, JobState(JobStatus.SUCCEEDED)))
    return {key: each.error or each.value for key, each in found.items()}


def test_results_without_a_mark_are_in_the_order_of_the_items():
    body = b'{"said": "x"}\n{"said": "no", "why": "bad"}\n{"said": "z"}\n'
    assert by_position(body) == {"a": "x", "b": "bad", "c": "z"}
    listed = b'{"status": "DONE", "rows": [{"said": 1}, {"said": 2}, {"said": 3}]}'
    assert by_position(listed, 'each: "{{ response.rows }}"') == {"a": 1, "b": 2, "c": 3}


def test_an_item_that_was_not_sent_has_no_place_in_the_order():
    body = b'{"said": "x"}\n{"said": "z"}\n'
    assert by_position(body, kept={"refused": {"b": "too long"}}) == {"a": "x", "b": "too long", "c": "z"}


def test_a_line_that_cannot_be_read_keeps_its_place():
    found = by_position(b'{"said": "x"}\n{"said": \n{"said": "z"}\n')
    assert (found["a"], found["c"], "line 2 of the reply is not JSON" in found["b"]) == ("x", "z", True)


@pytest.mark.parametrize("place", [LINES, 'each: "{{ response.rows }}"'])
@pytest.mark.parametrize("number", [0, 2, 4])
def test_nothing_is_matched_by_position_when_the_counts_differ(place, number):
    rows = ['{"said": "x"}'] * number
    body = "\n".join(rows) if place == LINES else f'{{"status": "DONE", "rows": [{", ".join(rows)}]}}'
    with pytest.raises(Unavailable, match=f"gave {number} results for 3 items"):
        by_position(body.encode(), place)
