"""Several projects behind one address: each below its name, with its own ledger, queue and secrets."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from runner.assembly.loading import load_projects
from runner.web.listening import listening
from runner.web.project_mounts import joined
from runner.web.service import Settings, opened
from tests.web.place import ENVIRON, Client, asked, lines, write


@pytest.fixture
def two(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write(tmp_path / name)
        file = tmp_path / name / "runner.yaml"
        file.write_text(file.read_text().replace("name: t\n", f"name: {name}\n"))
    return tmp_path


def run(folder: Path, script: Any) -> Any:
    async def whole() -> Any:
        async with AsyncExitStack() as stack:
            services = {}
            for loaded in load_projects([folder], environ=ENVIRON):
                settings = Settings(loaded.paths, ENVIRON)
                services[loaded.project.name] = await stack.enter_async_context(opened(loaded, settings))
            url = await stack.enter_async_context(listening(joined(services), "127.0.0.1", 0))
            clients = {}
            for name, service in services.items():
                http = await stack.enter_async_context(httpx.AsyncClient(base_url=f"{url}/{name}", timeout=30))
                clients[name] = Client(url, http, service)
            return await script(clients, url)

    return asyncio.run(whole())


def test_each_is_started_below_its_own_name(two: Path) -> None:
    async def script(clients: dict[str, Client], url: str) -> Any:
        assert (await clients["b"].train(asked("run-7"))).status_code == 200
        assert (await clients["b"].hook(b"{}")).status_code == 202
        return [len(await clients[name].ended()) for name in ("a", "b")]

    assert run(two, script) == [0, 2]
    assert (lines(two / "a/started"), "run-7" in lines(two / "b/started")) == ([], True)
    assert not (two / "a/out").exists()
    assert (two / "b/.runner/ledger.db").exists()


def test_the_address_tells_of_all(two: Path) -> None:
    async def script(clients: dict[str, Client], url: str) -> Any:
        async with httpx.AsyncClient(base_url=url) as http:
            ready = [(await http.get("/readyz")).text]
            await clients["b"].service.stop()
            ready.append((await http.get("/readyz")).text)
            page = (await http.get("/a/")).text
            document = (await http.get("/a/api/openapi.json")).json()
            return ready, "runner" in page, document["servers"], (await http.get("/api/runs")).status_code

    assert run(two, script) == (["ready\n", "b: the service is ending\n"], True, [{"url": "/a"}], 404)


def test_links_of_the_page_lead_below_the_name(two: Path) -> None:
    async def script(clients: dict[str, Client], url: str) -> Any:
        await clients["a"].train(asked())
        (entry, *_) = await clients["a"].ended()
        return entry["id"], (await clients["a"].http.get("/")).text

    number, page = run(two, script)
    assert f'href="/a/api/runs/{number}"' in page


def test_the_command_serves_several(two: Path) -> None:
    from tests.web.process import process

    async def script() -> Any:
        async with process(two, ENVIRON) as service:
            runs = await service.http.get("/b/api/runs")
            return (await service.http.get("/readyz")).text, json.loads(runs.text)["runs"], await service.terminate()

    assert asyncio.run(script()) == ("ready\n", [], 0)
