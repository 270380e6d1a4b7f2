"""Results that a platform lists: chosen, counted, brought back to their items."""

import asyncio

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
