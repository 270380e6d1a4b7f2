"""A service on a socket in a folder, a client that signs, and the clock of both."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from runner.assembly.loading import load_files
from runner.model.contracts import Clock
from runner.web.listening import listening
from runner.web.service import Service, Settings, opened
from tests.allowed import allow_commands

SECRET = "sesame"
ENVIRON = {"PATH": "/usr/bin:/bin", "HOOK": SECRET, "TOKEN": "s3same"}
PROJECT = """\
apiVersion: runner/v1
kind: Project
name: t
secrets: {labelbox: {env: HOOK}, shop: {env: HOOK}, api: {env: TOKEN}}
"""
RECIPE = """\
apiVersion: runner/v1
kind: Recipe
name: %s
run: {poll: {first: 20ms, max: 50ms}, items_per_job: 10}
source: {jsonl: {path: in.jsonl, key: "{{ item.id }}"}}
target:
  command:
    format: jsonl
    progress: stderr
    env: {RUN: "{{ trigger.modelRunId | default('') }}"}
    argv: [sh, -c, '%s']
sinks: [{jsonl: {path: out/%s.jsonl}}]
triggers:
%s
"""
TRAIN = "  - labelbox.model_run: {model_type: boxes}\n  - webhook: {path: /hooks/go, secret: shop}"
COUNT = 'echo "$RUN" >> started; cat'
WAIT = 'echo $$ >> pids; echo "$RUN" >> started; while [ ! -e go ]; do sleep 0.02; done; cat'


def write(folder: Path, script: str = COUNT, triggers: str = TRAIN, name: str = "train") -> None:
    """Write a project with one recipe, or add one more."""
    (folder / "runner.yaml").write_text(PROJECT)
    (folder / f"{name}.yaml").write_text(RECIPE % (name, script, name, triggers))
    allow_commands(folder)
    (folder / "in.jsonl").write_text('{"id": "a"}\n{"id": "b"}\n')


def signature(body: bytes, secret: str = SECRET, algorithm: str = "sha1") -> str:
    return f"{algorithm}=" + hmac.new(secret.encode(), body, algorithm).hexdigest()


def asked(run: Any = "run-1", model_type: str = "boxes", **more: Any) -> bytes:
    return json.dumps({"modelType": model_type, "modelRunId": run, **more}).encode()


class Client:
    """Talks to a service; everything is signed."""

    def __init__(self, url: str, http: httpx.AsyncClient, service: Service) -> None:
        self.url, self.http, self.service = url, http, service

    async def train(self, body: bytes, headers: Mapping[str, str] | None = None) -> httpx.Response:
        given = {"X-Hub-Signature": signature(body)} if headers is None else headers
        return await self.http.post("/model_run", content=body, headers=given)

    async def hook(self, body: bytes, path: str = "/hooks/go", secret: str = SECRET) -> httpx.Response:
        return await self.http.post(
            path, content=body, headers={"X-Hub-Signature-256": signature(body, secret, "sha256")}
        )

    async def runs(self) -> list[dict[str, Any]]:
        return (await self.http.get("/api/runs")).json()["runs"]

    async def ended(self) -> list[dict[str, Any]]:
        """Return all runs when the last one has ended."""
        while self.service.queue.open_count:
            for entry in self.service.queue.unended():
                await self.http.get(f"/api/runs/{entry.id}/events", timeout=60)
        return await self.runs()


@asynccontextmanager
async def served(folder: Path, clock: Clock | None = None, **more: Any) -> AsyncIterator[Client]:
    """Serve the recipes of a folder; `more` are settings."""
    settings = Settings([folder], more.pop("environ", ENVIRON), **more)
    loaded = load_files([folder], environ=settings.environ)
    assert not loaded.errors, loaded.errors
    async with (
        opened(loaded, settings, clock) as service,
        listening(service.app(), "127.0.0.1", 0) as url,
        httpx.AsyncClient(base_url=url, timeout=30, limits=httpx.Limits(max_connections=None)) as http,
    ):
        yield Client(url, http, service)
        await service.stop()


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


async def until(true: Callable[[], bool], client: Client) -> None:
    """Wait by asking the service, which needs the loop as well."""
    async with asyncio.timeout(60):
        while not true():
            await client.http.get("/healthz")
