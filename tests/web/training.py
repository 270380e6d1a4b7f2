"""The whole training: a stand-in of Labelbox whose web UI presses Train, and the service of the example recipe."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import labelbox

from runner.emulators.labelbox import create, seed
from runner.emulators.serve import serving
from tests.web.place import Client, served

EXAMPLES = Path(__file__).parents[2] / "recipes"
SECRET = "sesame"


class Desk:
    """Presses Train in the stand-in and looks at the model run."""

    run = seed.TICKET_RUN

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        self.url, self._http = url, http

    async def press(self, service: str, run: str = seed.TICKET_RUN) -> Any:
        asked = {"url": service, "secret": SECRET, "modelType": "ticket_topic", "modelRunId": run}
        return (await self._http.post("/_emulator/train", json=asked)).json()

    async def turn(self, **knobs: Any) -> None:
        assert (await self._http.post("/_emulator/knobs", json=knobs)).status_code == 200

    async def look(self, run: str = seed.TICKET_RUN) -> Any:
        return (await self._http.get(f"/_emulator/model_runs/{run}")).json()

    def predictions(self) -> list[Any]:
        """Read the rows of the model run back by the official SDK; blocks."""
        client = labelbox.Client(
            "emulator", endpoint=f"{self.url}/graphql", rest_endpoint=f"{self.url}/api/v1", app_url=self.url
        )
        with client.connection:
            task = client.get_model_run(seed.TICKET_RUN).export(params={"predictions": True, "model_run_details": True})
            task.wait_till_done()
            lines = [line.json for line in task.get_buffered_stream()]
        return [line["experiments"][seed.TICKET_MODEL]["runs"][seed.TICKET_RUN] for line in lines]


def write_example(folder: Path) -> None:
    """Copy the example with its training into a folder of its own."""
    for name in ("train", "platforms"):
        shutil.copytree(EXAMPLES / name, folder / name)
    for name in ("runner.yaml", "train-topics.yaml"):
        shutil.copy(EXAMPLES / name, folder / name)


def replace_training(folder: Path, script: str) -> None:
    """Let a shell script take the place of the training; it reads $1, writes $2."""
    path = folder / "train-topics.yaml"
    argv = "[python3, train/train.py, "
    text = path.read_text()
    assert argv in text
    path.write_text(text.replace(argv, "[sh, train/train.sh, "))
    (folder / "train/train.sh").write_text(script)
    project = folder / "runner.yaml"
    project.write_text(project.read_text().replace("[python3, train/train.py]", "[sh, train/train.sh]"))


@asynccontextmanager
async def desk() -> AsyncIterator[Desk]:
    async with serving(create()) as url, httpx.AsyncClient(base_url=url, timeout=60) as http:
        yield Desk(url, http)


@asynccontextmanager
async def training(folder: Path, labelbox_url: str) -> AsyncIterator[Client]:
    async with served(folder, environ=environ(labelbox_url)) as client:
        yield client


def environ(labelbox_url: str) -> dict[str, str]:
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
        "LABELBOX_API_KEY": "emulator",
        "LABELBOX_WEBHOOK_SECRET": SECRET,
        "LABELBOX_URL": labelbox_url,
        "LABELBOX_APP_URL": labelbox_url,
    }
