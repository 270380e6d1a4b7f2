"""A stand-in of Labelbox: asked in the process on a clock that the test turns, or served for blocking clients."""

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
from starlette.applications import Starlette

from runner.emulators.labelbox import create, seed
from runner.emulators.serve import serving
from tests.emulators.desks import Clock

FOUNDRY = "/api/v1/foundry-app"
APP = f"{FOUNDRY}/{seed.STREET_APP}"
EVERYTHING = {"includePredictions": True, "includeModelRunDetails": True, "includeMetadata": True}


class Talk:
    """One stand-in, asked in the process."""

    def __init__(self, **knobs: Any) -> None:
        self.clock = Clock(1_787_000_000.0)
        self.app = create(clock=self.clock, **knobs)
        self.headers = {"authorization": "Bearer emulator"}
        self.rows = list(self.app.state.workspace.rows.values())
        self.first = self.rows[0].id

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def main() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://x", headers=self.headers) as client:
                return await client.request(method, path, **more)

        return asyncio.run(main())

    def post(self, path: str, body: Any = None) -> Any:
        return self.ask("POST", path, json=body).json()

    def turn(self, **knobs: Any) -> None:
        assert self.ask("POST", "/_emulator/knobs", json=knobs).status_code == 200

    def stats(self) -> Any:
        return self.ask("GET", "/_emulator/stats").json()

    def gql(self, query: str, path: str = "/graphql", /, **variables: Any) -> Any:
        return self.post(path, {"query": query, "variables": variables})

    def predict(self, **body: Any) -> Any:
        return self.post(f"{APP}/predict", body or {"type": "dataRow", "id": self.first})

    def poll(self, job: str) -> Any:
        return self.ask("GET", f"{FOUNDRY}/prediction/{job}").json()

    def task(self, task_id: str) -> Any:
        query = "{user{createdTasks(where:{id: $id} skip: 0 first: 1){id status type result metadata}}}"
        told = self.gql("query($id: ID!)" + query, id=task_id)
        return told["data"]["user"]["createdTasks"][0]

    def run_app(self, rows: list[str], name: str = "night run") -> Any:
        asked = {"modelAppId": seed.STREET_APP, "name": name, "dataRowIds": rows}
        made = self.gql(
            "mutation($in: CreateModelJobForDataRowsInput!){createModelJobForDataRows(input: $in){taskId}}",
            **{"in": asked},
        )
        return self.task(made["data"]["createModelJobForDataRows"]["taskId"])

    def export(self, root: str = "exportDataRowsInModelRun", **filters: Any) -> str:
        asked = {"taskName": "x", "filters": filters, "streamable": True, "params": EVERYTHING}
        made = self.gql(f"mutation($in: ExportInput!){{{root}(input: $in){{taskId}}}}", **{"in": asked})
        return str(made["data"][root]["taskId"])

    def lines(self, task_id: str) -> list[Any]:
        """Read an export as a client does: header, then files by offset, fetched without credentials."""
        query = (
            "query($id: ID!){task(where: {id: $id}){exportMetadataHeader(streamType: RESULT){totalSize totalLines}}}"
        )
        header = self.gql(query, id=task_id)["data"]["task"]["exportMetadataHeader"]
        read = b""
        while len(read) < header["totalSize"]:
            query = (
                "query($id: ID!, $at: UInt64!){task(where: {id: $id}){exportFileFromOffset(streamType: RESULT,"
                " offset: $at){offsets{start end} lines{start end} file}}}"
            )
            told = self.gql(query, id=task_id, at=str(len(read)))["data"]["task"]["exportFileFromOffset"]
            part = self.ask("GET", told["file"], headers={"authorization": ""}).content
            assert len(part) == told["offsets"]["end"] - told["offsets"]["start"] + 1
            read += part
        return [json.loads(line) for line in read.splitlines()]


@contextlib.contextmanager
def served(app: Starlette) -> Iterator[str]:
    """Serve an app from a thread of its own; yields the root URL."""
    ready, urls, loop = threading.Event(), [""], asyncio.new_event_loop()
    stop = asyncio.Event()

    async def main() -> None:
        async with serving(app) as urls[0]:
            ready.set()
            await stop.wait()

    def work() -> None:
        loop.run_until_complete(main())
        loop.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert ready.wait(10)
        yield urls[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
