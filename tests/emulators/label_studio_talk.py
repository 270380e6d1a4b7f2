"""A stand-in of Label Studio on a clock that the test turns, and short ways to talk to it."""

import asyncio
import time
from typing import Any

import httpx

from runner.emulators.label_studio import create

VERSIONS = "/api/prompts/1/versions"


class Talk:
    """One stand-in, asked in the process; `now` is its clock."""

    def __init__(self, **knobs: Any) -> None:
        self.now = time.time()
        self.app = create(clock=lambda: self.now, **knobs)
        self.headers = {"authorization": "Token emulator"}

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def main() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://x", headers=self.headers) as client:
                return await client.request(method, path, **more)

        return asyncio.run(main())

    def get(self, path: str, **params: Any) -> Any:
        return self.ask("GET", path, params=params or None).json()

    def post(self, path: str, body: Any = None) -> Any:
        return self.ask("POST", path, json=body).json()

    def turn(self, **knobs: Any) -> None:
        self.post("/_emulator/knobs", knobs)

    def start(self, subset: str = "HasGT", version: int = 7, **more: Any) -> int:
        body = {"project": 3, "project_subset": subset, **more}
        return int(self.post(f"{VERSIONS}/{version}/inference-runs", body)["id"])

    def run(self, number: int, version: int = 7) -> dict[str, Any]:
        rows = self.get(f"{VERSIONS}/{version}/inference-runs")
        return next(row for row in rows if row["id"] == number)

    def finished(self, subset: str = "HasGT", version: int = 7, **more: Any) -> dict[str, Any]:
        number = self.start(subset, version, **more)
        self.now += 60
        return self.run(number, version)

    def rows(self, subset: str, **params: Any) -> list[dict[str, Any]]:
        path = "/api/projects/3/subset-tasks"
        return list(self.get(path, project_subset=subset, parent_model=1, **params)["task_result_list"])
