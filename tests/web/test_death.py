"""The service is killed, or asked to end, in the middle: what it said yes to is done, once, and nothing is left."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.assembly.test_halting import alive
from tests.web.place import ENVIRON, WAIT, asked, lines, write
from tests.web.process import process, until_there
from tests.web.test_training import statuses
from tests.web.training import desk, environ, replace_training, write_example

SLOW = 'echo $$ >> pids; echo "$MODEL_RUN" >> started; while [ ! -e go ]; do sleep 0.02; done\n'
WRITE = """sed 's/.*"_key":"\\([^"]*\\)".*/{"_key": "\\1", "predictions": []}/' "$1" > "$2"\n"""
FAIL = "if [ -e go ]; then echo no luck >&2; exit 1; fi\n"


def test_killed_after_its_answer_it_starts_the_work_again(tmp_path: Path) -> None:
    write(tmp_path)

    async def killed() -> dict[str, Any]:
        async with process(tmp_path, ENVIRON) as service:
            assert await service.train(asked()) == 200
            await service.kill()
        async with process(tmp_path, ENVIRON) as service:
            return await service.ended()

    run = asyncio.run(killed())
    assert (run["outcome"], run["items"]) == ("done", {"succeeded": 2})
    assert lines(tmp_path / "started") == ["run-1"]
    assert len(lines(tmp_path / "out/train.jsonl")) == 2


def test_killed_in_the_middle_it_finds_the_training_again(tmp_path: Path) -> None:
    write(tmp_path, WAIT)

    async def killed() -> dict[str, Any]:
        async with process(tmp_path, ENVIRON) as service:
            await service.train(asked())
            await until_there(tmp_path / "started")
            await service.kill()
        assert len(alive(tmp_path)) == 1
        async with process(tmp_path, ENVIRON) as service:
            (tmp_path / "go").touch()
            return await service.ended()

    assert asyncio.run(killed())["outcome"] == "done"
    assert lines(tmp_path / "started") == ["run-1"]


@pytest.mark.parametrize("trap", ["", 'trap "" TERM; '])
def test_asked_to_end_it_ends_the_training_within_ten_seconds(tmp_path: Path, trap: str) -> None:
    write(tmp_path, trap + WAIT)

    async def stopped() -> tuple[int, float]:
        async with process(tmp_path, ENVIRON) as service:
            await service.train(asked())
            await until_there(tmp_path / "started")
            began = time.monotonic()
            return await service.terminate(), time.monotonic() - began

    code, seconds = asyncio.run(stopped())
    assert (code, alive(tmp_path)) == (0, [])
    assert seconds < 10


@pytest.mark.parametrize(("script", "last"), [(SLOW + WRITE, "COMPLETE"), (SLOW + FAIL, "FAILED")])
def test_asked_to_end_it_tells_the_status_and_goes_on_later(tmp_path: Path, script: str, last: str) -> None:
    write_example(tmp_path)
    replace_training(tmp_path, script)

    async def stopped() -> tuple[Any, Any]:
        async with desk() as labelbox:
            async with process(tmp_path, environ(labelbox.url)) as service:
                await labelbox.press(service.url)
                await until_there(tmp_path / "started")
                assert await service.terminate() == 0
            between = await labelbox.look()
            (tmp_path / "go").touch()
            async with process(tmp_path, environ(labelbox.url)) as service:
                await service.ended()
                return between, await labelbox.look()

    between, after = asyncio.run(stopped())
    begin = ["EXPORTING_DATA", "PREPARING_DATA", "TRAINING_MODEL"]
    assert (statuses(between), between["metadata"]["run"]) == (begin, "interrupted")
    assert (statuses(after), after["status"]) == ([*begin, *begin, last], last)
    assert [update["status"] for update in after["updates"]].count(last) == 1
    assert len(lines(tmp_path / "started")) == 2
    assert alive(tmp_path) == []


def test_a_training_that_died_with_the_machine_is_told_as_failed_once(tmp_path: Path) -> None:
    write_example(tmp_path)
    replace_training(tmp_path, SLOW + WRITE)

    async def died() -> Any:
        async with desk() as labelbox:
            async with process(tmp_path, environ(labelbox.url)) as service:
                await labelbox.press(service.url)
                await until_there(tmp_path / "started")
                await service.kill()
            for pid in alive(tmp_path):
                os.killpg(os.getpgid(pid), signal.SIGKILL)
            for _ in range(2):
                async with process(tmp_path, environ(labelbox.url)) as service:
                    await service.ended()
            return await labelbox.look()

    shown = asyncio.run(died())
    assert [update["status"] for update in shown["updates"]].count("FAILED") == 1
    assert (shown["status"], len(lines(tmp_path / "started"))) == ("FAILED", 1)
