"""Every way in which a webhook can come: the right code, one start, nothing left behind."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from runner.model.errors import ConfigError
from tests.web.place import ENVIRON, WAIT, Client, asked, lines, served, signature, until, write

GOOD = asked()
BIG = asked(padding="x" * 10_000_000)
BROKEN = b'{"modelType": "boxes", '

CASES = {
    "good": (GOOD, {"X-Hub-Signature": signature(GOOD)}, 200),
    "header in another case": (GOOD, {"x-hub-signature": signature(GOOD)}, 200),
    "wrong signature": (GOOD, {"X-Hub-Signature": "sha1=" + "0" * 40}, 401),
    "wrong secret": (GOOD, {"X-Hub-Signature": signature(GOOD, "other")}, 401),
    "no header": (GOOD, {}, 401),
    "empty header": (GOOD, {"X-Hub-Signature": ""}, 401),
    "no prefix": (GOOD, {"X-Hub-Signature": signature(GOOD).removeprefix("sha1=")}, 401),
    "not ascii": (GOOD, {"X-Hub-Signature": "sha1=é"}, 401),
    "wrong algorithm": (GOOD, {"X-Hub-Signature": signature(GOOD, algorithm="sha256")}, 401),
    "plain hash of both": (GOOD, {"X-Hub-Signature": "sha1=" + hashlib.sha1(b"sesame" + GOOD).hexdigest()}, 401),
    "changed body": (GOOD + b" ", {"X-Hub-Signature": signature(GOOD)}, 401),
    "empty, not signed": (b"", {}, 401),
    "empty, signed": (b"", {"X-Hub-Signature": signature(b"")}, 400),
    "10 MB, signed": (BIG, {"X-Hub-Signature": signature(BIG)}, 413),
    "10 MB, not signed": (BIG, {}, 413),
    "not JSON": (BROKEN, {"X-Hub-Signature": signature(BROKEN)}, 400),
    "not UTF-8": (b'{"a": "\xff"}', {"X-Hub-Signature": signature(b'{"a": "\xff"}')}, 400),
    "a list": (b"[]", {"X-Hub-Signature": signature(b"[]")}, 422),
    "no run": (b'{"modelType": "boxes"}', {"X-Hub-Signature": signature(b'{"modelType": "boxes"}')}, 422),
    "a number as run": (asked(run=7), {"X-Hub-Signature": signature(asked(run=7))}, 422),
    "a path as run": (asked("../../x"), {"X-Hub-Signature": signature(asked("../../x"))}, 422),
    "unknown model": (asked(model_type="x"), {"X-Hub-Signature": signature(asked(model_type="x"))}, 404),
}


@pytest.mark.parametrize("case", CASES)
def test_the_right_code(tmp_path: Path, case: str) -> None:
    body, headers, code = CASES[case]
    write(tmp_path)

    async def sent() -> tuple[httpx.Response, int]:
        async with served(tmp_path) as client:
            given: Any = {name: value.encode("latin-1") for name, value in headers.items()}
            reply = await client.train(body, given)
            await client.ended()
            return reply, len(await client.runs())

    reply, runs = asyncio.run(sent())
    assert (reply.status_code, runs, len(lines(tmp_path / "started"))) == (code, code == 200, code == 200)
    assert reply.json() is None if code == 200 else set(reply.json()) == {"detail"}


def test_two_signatures_are_none(tmp_path: Path) -> None:
    write(tmp_path)

    async def sent() -> int:
        async with served(tmp_path) as client:
            headers = [("X-Hub-Signature", signature(GOOD)), ("X-Hub-Signature", signature(GOOD))]
            return (await client.http.post("/model_run", content=GOOD, headers=headers)).status_code

    assert asyncio.run(sent()) == 401


def test_a_replay_is_answered_and_starts_nothing(tmp_path: Path) -> None:
    write(tmp_path)

    async def sent() -> list[int]:
        async with served(tmp_path) as client:
            codes = [(await client.train(GOOD)).status_code]
            await client.ended()
            codes += [(await client.train(GOOD)).status_code for _ in range(3)]
        async with served(tmp_path) as client:  # and after a restart
            return [*codes, (await client.train(GOOD)).status_code]

    assert asyncio.run(sent()) == [200] * 5
    assert lines(tmp_path / "started") == ["run-1"]


@pytest.mark.parametrize("many", [2, 20])
def test_equal_ones_at_once_start_one(tmp_path: Path, many: int) -> None:
    write(tmp_path)

    async def sent() -> list[int]:
        async with served(tmp_path) as client:
            replies = await asyncio.gather(*[client.train(GOOD) for _ in range(many)])
            await client.ended()
            return [reply.status_code for reply in replies]

    assert asyncio.run(sent()) == [200] * many
    assert lines(tmp_path / "started") == ["run-1"]


def test_after_a_failure_the_same_one_starts_again(tmp_path: Path) -> None:
    write(tmp_path, 'echo "$RUN" >> started; if [ -e mended ]; then cat; else exit 1; fi')

    async def sent() -> list[str]:
        async with served(tmp_path) as client:
            await client.train(GOOD)
            await client.ended()
            (tmp_path / "mended").touch()
            await client.train(GOOD)
            return [run["outcome"] for run in await client.ended()]

    assert asyncio.run(sent()) == ["done", "failed_items"]
    assert lines(tmp_path / "started") == ["run-1", "run-1"]
    assert len(lines(tmp_path / "out/train.jsonl")) == 2


async def raw(client: Client, *pieces: bytes) -> bytes:
    """Send bytes as they are and return what comes back until the service hangs up."""
    url = httpx.URL(client.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    answer = b""
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    return answer


HEAD = b"POST /model_run HTTP/1.1\r\nHost: x\r\n"
CHUNK = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
RAW = {
    "slow": ([HEAD + b"Content-Length: 100\r\n\r\n", b"{"], b"408"),
    "claims gigabytes": ([HEAD + b"Content-Length: 10000000000\r\n\r\n"], b"413"),
    "chunked without end": ([HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[CHUNK] * 3], b"408"),
    "two lengths": ([HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n"], b"400"),
}


@pytest.mark.parametrize("case", RAW)
def test_a_body_that_does_not_end_is_not_waited_for(tmp_path: Path, case: str) -> None:
    pieces, code = RAW[case]
    write(tmp_path)

    async def sent() -> bytes:
        async with served(tmp_path, body_within_s=0.3) as client:
            return await raw(client, *pieces)

    assert asyncio.run(sent()).startswith(b"HTTP/1.1 " + code)


def test_a_flood_is_cut_off(tmp_path: Path) -> None:
    write(tmp_path)

    async def sent() -> bytes:
        async with served(tmp_path) as client:
            return await raw(client, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[CHUNK] * 40)

    assert asyncio.run(sent())[9:12] in (b"413", b"")  # a peer that goes on sending may lose the answer


async def code(client: Client, body: bytes) -> int:
    """Send a signed request over a connection of its own; return the status."""
    signed = f"X-Hub-Signature: {signature(body)}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return int((await raw(client, HEAD + signed.encode() + body))[9:12])


@pytest.mark.parametrize(("most", "taken"), [(2000, 1000), (300, 300)])
def test_a_thousand_good_ones_at_once(tmp_path: Path, most: int, taken: int) -> None:
    write(tmp_path, WAIT)
    threads, files = threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))

    async def sent() -> list[int]:
        async with served(tmp_path, max_runs=most) as client:
            return await asyncio.gather(*[code(client, asked(f"run-{number}")) for number in range(1000)])

    codes = asyncio.run(sent())
    assert (codes.count(200), codes.count(503)) == (taken, 1000 - taken)
    assert (threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))) == (threads, files)
    assert len(lines(tmp_path / ".runner/serve/queue/journal.jsonl")) >= taken


def test_over_the_limit_it_says_when_to_come_again(tmp_path: Path) -> None:
    write(tmp_path, WAIT)

    async def sent() -> list[httpx.Response]:
        async with served(tmp_path, max_runs=2) as client:
            replies = [await client.train(asked(f"run-{number}")) for number in range(3)]
            replies.append(await client.train(asked("run-0")))
            return replies

    replies = asyncio.run(sent())
    assert [reply.status_code for reply in replies] == [200, 200, 503, 200]
    assert int(replies[2].headers["retry-after"]) > 0


def test_models_are_listed_to_who_knows_their_secret(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, triggers="  - labelbox.model_run: {model_type: lines, secret: api}", name="other")

    async def listed() -> list[Any]:
        async with served(tmp_path) as client:
            replies = [
                await client.http.get("/models", headers={"X-Hub-Signature": signature(b"", secret)})
                for secret in ("sesame", "s3same", "wrong")
            ]
            return [reply.json() for reply in replies]

    first, second, refused = asyncio.run(listed())
    assert (first, second, list(refused)) == ({"boxes": {}}, {"lines": {}}, ["detail"])


def test_the_form_of_the_old_page_can_be_had(tmp_path: Path) -> None:
    write(tmp_path, triggers="  - labelbox.model_run: {model_type: boxes, signature: sha1}")

    async def sent() -> tuple[int, int]:
        async with served(tmp_path) as client:
            plain = {"X-Hub-Signature": "sha1=" + hashlib.sha1(b"sesame" + GOOD).hexdigest()}
            return (await client.train(GOOD, plain)).status_code, (await client.train(GOOD)).status_code

    assert asyncio.run(sent()) == (200, 401)


def test_a_webhook_gives_its_body_to_the_recipe(tmp_path: Path) -> None:
    write(tmp_path)

    async def sent() -> tuple[httpx.Response, list[dict[str, Any]]]:
        async with served(tmp_path) as client:
            reply = await client.hook(b'{"modelRunId": "from-shop", "lone": "\\ud800"}')
            return reply, await client.ended()

    reply, (run,) = asyncio.run(sent())
    assert (reply.status_code, reply.json()) == (202, {"run": run["id"], "started": True})
    assert lines(tmp_path / "started") == ["from-shop"]


def test_equal_webhooks_that_wait_become_one(tmp_path: Path) -> None:
    write(tmp_path, WAIT)

    async def sent() -> list[bool]:
        async with served(tmp_path) as client:
            started = [(await client.hook(b"{}")).json()["started"]]
            await until(lambda: bool(lines(tmp_path / "started")), client)
            started += [(await client.hook(b"{}")).json()["started"] for _ in range(3)]
            return started

    assert asyncio.run(sent()) == [True, True, False, False]


def test_a_delivery_starts_once_for_ever(tmp_path: Path) -> None:
    write(tmp_path, triggers="  - webhook: {path: /hooks/go, secret: shop, delivery: order}")

    async def sent() -> list[tuple[int, Any]]:
        told = []
        async with served(tmp_path) as client:
            for body in ({"order": 1}, {"order": 1, "again": True}, {"order": "1"}, {"order": 2}, {"order": True}):
                reply = await client.hook(json.dumps(body).encode())
                await client.ended()
                told.append((reply.status_code, reply.json().get("started")))
        return told

    assert asyncio.run(sent()) == [(202, True), (202, False), (202, False), (202, True), (422, None)]


@pytest.mark.parametrize("deep", [60, 5000])
def test_a_body_nested_too_deep_is_refused(tmp_path: Path, deep: int) -> None:
    write(tmp_path)

    async def sent() -> int:
        async with served(tmp_path) as client:
            return (await client.hook(b'{"a": ' + b"[" * deep + b"]" * deep + b"}")).status_code

    assert asyncio.run(sent()) in ((202,) if deep == 60 else (400, 422))


KEY = base64.b64encode(b"secret-key").decode()
STANDARD = "  - webhook: {path: /hooks/go, secret: shop, signature: standard-webhooks}"


def standard(body: bytes, id_: str = "msg_1", age_s: float = 0.0, key: bytes = b"secret-key") -> dict[str, str]:
    stamp = str(int(time.time() - age_s))
    digest = hmac.new(key, f"{id_}.{stamp}.".encode() + body, hashlib.sha256).digest()
    signed = f"v1a,x v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": id_, "webhook-timestamp": stamp, "webhook-signature": signed}


def told(folder: Path, requests: list[tuple[bytes, dict[str, str]]], secret: str) -> list[tuple[int, Any]]:
    """Send requests to /hooks/go; return code and `started` of each."""

    async def sent() -> list[tuple[int, Any]]:
        answers = []
        async with served(folder, environ={**ENVIRON, "HOOK": secret}) as client:
            for body, headers in requests:
                reply = await client.http.post("/hooks/go", content=body, headers=headers)
                await client.ended()
                answers.append((reply.status_code, reply.json().get("started")))
        return answers

    return asyncio.run(sent())


@pytest.mark.parametrize("secret", [KEY, f"whsec_{KEY}", KEY.rstrip("=")])
def test_standard_webhooks_are_verified_and_start_once(tmp_path: Path, secret: str) -> None:
    write(tmp_path, triggers=STANDARD)
    body = b'{"type": "batch.completed"}'
    moved = {**standard(body), "webhook-id": "msg_9"}
    requests = [
        (body, standard(body)),
        (body, standard(body, age_s=-60.0)),
        (body, standard(body, "msg_2", age_s=250.0)),
        (body, standard(body, "msg_3", age_s=600.0)),
        (body, standard(body, "msg_4", age_s=-600.0)),
        (body, standard(body, "msg_5", key=b"other")),
        (body + b" ", standard(body, "msg_6")),
        (body, moved),
        (body, {**standard(body), "webhook-timestamp": "soon"}),
        (body, {"webhook-signature": standard(body)["webhook-signature"]}),
    ]
    assert told(tmp_path, requests, secret) == [(202, True), (202, False), (202, True), *[(401, None)] * 7]


def test_a_refused_standard_webhook_names_its_timestamp(tmp_path: Path) -> None:
    write(tmp_path, triggers=STANDARD)

    async def sent() -> str:
        async with served(tmp_path, environ={**ENVIRON, "HOOK": KEY}) as client:
            reply = await client.http.post("/hooks/go", content=b"{}", headers=standard(b"{}", age_s=600.0))
            return str(reply.json()["detail"])

    assert "webhook-timestamp is more than 5 minutes from this clock" in asyncio.run(sent())


def test_a_secret_that_is_not_base64_is_told_at_the_start(tmp_path: Path) -> None:
    write(tmp_path, triggers=STANDARD)
    with pytest.raises(ConfigError, match="must be base64"):
        told(tmp_path, [], "not base64!")


def test_a_bare_digest_and_a_delivery_in_a_header(tmp_path: Path) -> None:
    options = "header: X-Acme-Signature, prefix: '', delivery_header: X-Acme-Delivery"
    write(tmp_path, triggers=f"  - webhook: {{path: /hooks/go, secret: shop, {options}}}")
    body = b'{"action": "create"}'
    digest = hmac.new(b"sesame", body, hashlib.sha256).hexdigest()
    signed = {"X-Acme-Signature": digest}
    requests = [
        (body, {**signed, "X-Acme-Delivery": "d-1"}),
        (body, {**signed, "X-Acme-Delivery": "d-1"}),
        (body, {**signed, "X-Acme-Delivery": "d-2"}),
        (body, signed),
        (body, {"X-Acme-Signature": f"sha256={digest}", "X-Acme-Delivery": "d-3"}),
    ]
    assert told(tmp_path, requests, "sesame") == [(202, True), (202, False), (202, True), (422, None), (401, None)]
