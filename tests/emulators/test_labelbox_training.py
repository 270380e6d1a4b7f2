"""Pressing "Train": what the web UI sends to a training service, and what it signs."""

import contextlib
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runner.emulators.labelbox import create, seed
from tests.emulators.labelbox_talk import Talk, served

SECRET = "sesame"


@contextlib.contextmanager
def service(got: list[Any]) -> Iterator[str]:
    """Serve a training service that checks signatures and notes what it is sent."""

    async def handle(request: Request) -> Response:
        body = await request.body()
        signed = "sha1=" + hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest()
        if request.headers.get("x-hub-signature") != signed:
            return JSONResponse({"detail": "wrong signature"}, status_code=401)
        if request.method == "POST":
            got.append(await request.json())
        return JSONResponse({"text_classifier": {}} if request.method == "GET" else None)

    routes = [Route("/models", handle, methods=["GET"]), Route("/model_run", handle, methods=["POST"])]
    with served(Starlette(routes=routes)) as url:
        yield url


def press(talk: Talk, url: str, **more: Any) -> Any:
    asked = {"secret": SECRET, "modelType": "text_classifier", "modelRunId": seed.TICKET_RUN}
    return talk.post("/_emulator/train", {"url": url, **asked, **more})


def test_train_sends_a_signed_request_with_four_ids() -> None:
    got: list[Any] = []
    with service(got) as url:
        told = press(Talk(), url)
    assert told["models"] == {"status": 200, "body": {"text_classifier": {}}}
    assert told["model_run"] == {"status": 200, "body": None}
    (sent,) = got
    assert sent["modelRunId"] == seed.TICKET_RUN
    assert sent["modelId"] == seed.TICKET_MODEL
    assert set(sent) == {"modelType", "modelRunId", "modelId", "organizationId"}


def test_a_wrong_secret_is_refused_by_the_service() -> None:
    got: list[Any] = []
    with service(got) as url:
        told = press(Talk(), url, secret="other", anyway=True)
    assert (told["models"]["status"], told["model_run"]["status"], got) == (401, 401, [])


def test_a_model_type_that_is_not_listed_is_sent_only_on_purpose() -> None:
    got: list[Any] = []
    with service(got) as url:
        assert "model_run" not in press(Talk(), url, modelType="boxes")
        press(Talk(), url, modelType="boxes", anyway=True)
    assert [sent["modelType"] for sent in got] == ["boxes"]


def test_what_cannot_be_sent_is_said() -> None:
    talk = Talk()
    assert "secret" in press(talk, "http://127.0.0.1:9", secret="")["message"]
    assert "nope" in press(talk, "http://127.0.0.1:9", modelRunId="nope")["message"]
    assert press(talk, "http://127.0.0.1:1")["models"]["status"] is None


def test_the_emulator_answers_while_the_service_thinks() -> None:
    with served(create()) as emulator:

        async def back(_request: Request) -> Response:
            async with httpx.AsyncClient(timeout=5) as client:
                return JSONResponse(
                    {(await client.get(f"{emulator}/assets/street-001.png")).headers["content-type"]: {}}
                )

        with served(Starlette(routes=[Route("/models", back)])) as url:
            asked = {"url": url, "secret": SECRET, "modelType": "x", "modelRunId": seed.TICKET_RUN}
            told = httpx.post(f"{emulator}/_emulator/train", json=asked, timeout=10).json()
    assert told["models"] == {"status": 200, "body": {"image/png": {}}}
