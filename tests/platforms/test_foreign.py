"""Three real job APIs as manifests, without a line of Python for them."""

import asyncio
from dataclasses import replace

import pytest

from runner.model.contracts import Cancelling, Cleaning, Finding, PollingMany, Preparing
from runner.model.errors import AuthError, Refused
from runner.model.job import JobStatus
from runner.model.secret import Secret
from runner.templating import compile_template
from tests.platforms.made import PLACE, SECRET, done, finished, item, job, over, sent
from tests.platforms.standins import Anthropic, Azure, OpenAI
from tests.transport.doubles import Ticks

TEXTS = {"a/1": "hello", "a/2": "bad one", "b/1": "err one", "b/2": "lost", "ü": "bye"}


def texts(*only):
    return job(*(item(key, {"text": text}) for key, text in TEXTS.items() if not only or key in only))


def openai(server, **fields):
    connection = over(server, "openai", {"base_url": "https://api.example.com/v1", "token": Secret(SECRET), **fields})
    messages = [{"role": "user", "content": compile_template("{{ item.text }}")}]
    return connection.target("openai.batch", {"model": "m", "messages": messages}, PLACE)


def test_openai_two_files_of_results_come_back_to_their_items():
    state, results = asyncio.run(done(openai(OpenAI()), texts()))
    assert state.status is JobStatus.SUCCEEDED
    assert results["a/1"].value["choices"][0]["message"]["content"] == "HELLO"
    assert {key: result.error for key, result in results.items() if result.error} == {
        "a/2": "refused bad one",
        "b/1": "expired",
    }
    assert "b/2" not in results


def test_openai_an_empty_file_id_means_no_file():
    _, results = asyncio.run(done(openai(OpenAI()), texts("a/1", "ü")))
    assert [result.error for result in results.values()] == ["", ""]


def test_openai_one_line_a_request_with_a_token_that_fits():
    server = OpenAI()
    asyncio.run(sent(openai(server, organization="org-1"), texts()))
    line = server.files["file-0"].splitlines()[0]
    assert line.startswith(b'{"custom_id":"a_1-')
    assert b'"temperature"' not in line
    assert server.seen[0].headers["openai-organization"] == "org-1"
    assert "openai-project" not in server.seen[0].headers


def test_openai_a_lost_batch_is_found_by_its_label():
    async def run():
        target = openai(OpenAI())
        one, _ = await sent(target, texts("a/1"))
        return await target.find(one), await target.find(replace(one, key="f" * 32))

    found, other = asyncio.run(run())
    assert (found.id, other) == ("batch_0", None)


def test_openai_what_is_not_retried_and_what_stops():
    target = openai(OpenAI(), token=Secret("wrong"))
    with pytest.raises(AuthError, match="Incorrect API key provided"):
        asyncio.run(target.prepare(texts()))


def test_openai_cleans_up():
    async def run():
        server = OpenAI()
        target = openai(server)
        one, _ = await sent(target, texts("a/1"))
        await target.clean_up(one)
        await target.clean_up(one)
        return server.files

    assert asyncio.run(run()) == {}


def test_openai_has_the_powers_that_its_manifest_describes():
    target = openai(OpenAI())
    assert [isinstance(target, power) for power in (Preparing, Finding, Cancelling, Cleaning, PollingMany)] == [
        True,
        True,
        True,
        True,
        False,
    ]


def anthropic(server):
    params = {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": compile_template("{{ item.text }}")}],
    }
    return over(server, "anthropic").target("anthropic.batch", {"params": params}, PLACE)


def test_anthropic_an_array_and_a_stream_of_results():
    state, results = asyncio.run(done(anthropic(Anthropic(Ticks())), texts("a/1", "a/2", "ü")))
    assert (state.status, state.word) == (JobStatus.SUCCEEDED, "ended")
    assert {key: result.error or result.value["content"][0]["text"] for key, result in results.items()} == {
        "a/1": "HELLO",
        "a/2": "refused bad one",
        "ü": "BYE",
    }


def test_anthropic_a_lost_batch_is_probably_found():
    async def run():
        target = anthropic(Anthropic(Ticks()))
        one, _ = await sent(target, texts("a/1", "ü"))
        return await target.find(one), await target.find(replace(one, items=one.items[:1]))

    found, other = asyncio.run(run())
    assert (found.id, other) == ("msgbatch_0", None)


def test_anthropic_an_item_that_lacks_what_the_recipe_reads_is_refused_alone():
    one = job(item("a", {"text": "hello"}), item("b", {"other": 1}))
    _, results = asyncio.run(done(anthropic(Anthropic(Ticks())), one))
    assert results["a"].value
    assert 'no field "text"' in results["b"].error


def azure(server):
    fields = {"endpoint": "https://name.cognitiveservices.azure.com", "key": Secret(SECRET)}
    return over(server, "azure_document_intelligence", fields).target(
        "azure_document_intelligence.analyze", {"model": "prebuilt-invoice", "features": ["a", "b"]}, PLACE
    )


def test_azure_the_header_says_where_to_ask_and_when():
    async def run():
        server = Azure()
        target = azure(server)
        one, first = await sent(target, job(item("a.pdf", data=b"some text")))
        second = await target.poll(one)
        return server, first, second, await finished(target, one)

    server, first, second, (_, last) = asyncio.run(run())
    assert (first.poll_after_s, second.poll_after_s) == (7.0, 3.0)
    assert server.seen[0].url.params["features"] == "a,b"
    assert server.seen[0].headers["content-type"] == "application/octet-stream"
    assert last.status is JobStatus.SUCCEEDED


def test_azure_the_result_stands_in_the_poll():
    _, results = asyncio.run(done(azure(Azure()), job(item("a.pdf", data=b"some text"))))
    assert results["a.pdf"].value == {"content": "some text"}


def test_azure_a_failed_job_has_a_reason_and_no_results():
    state, results = asyncio.run(done(azure(Azure()), job(item("a.pdf", data=b"bad"))))
    assert (state.status, state.error, results) == (JobStatus.FAILED, "the file is corrupted", {})


def test_azure_an_empty_file_is_refused():
    with pytest.raises(Refused, match="the file is empty"):
        asyncio.run(sent(azure(Azure()), job(item("a.pdf", data=b""))))
