"""Somebody presses Train in Labelbox: from the signed webhook to predictions and metrics in the model run."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.web.training import desk, replace_training, training, write_example


def statuses(shown: Any) -> list[str]:
    """Return the statuses as they were told, each once in a row."""
    told = [update["status"] for update in shown["updates"]]
    return [status for at, status in enumerate(told) if at == 0 or told[at - 1] != status]


def test_press_train(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    write_example(tmp_path)

    async def pressed() -> tuple[Any, Any, list[Any]]:
        async with desk() as labelbox, training(tmp_path, labelbox.url) as service:
            told = await labelbox.press(service.url)
            (run,) = await service.ended()
            assert (run["outcome"], run["error"]) == ("done", None)
            return told, await labelbox.look(), await asyncio.to_thread(labelbox.predictions)

    told, shown, rows = asyncio.run(pressed())
    assert told == {
        "models": {"status": 200, "body": {"ticket_topic": {}}},
        "model_run": {"status": 200, "body": None},
    }
    assert statuses(shown) == ["EXPORTING_DATA", "PREPARING_DATA", "TRAINING_MODEL", "COMPLETE"]
    assert float(shown["metadata"]["test_accuracy"]) >= 0.8
    answers = [row["predictions"][0]["annotations"]["classifications"][0]["radio_answer"]["name"] for row in rows]
    truths = [row["labels"][0]["annotations"]["classifications"][0]["radio_answer"]["name"] for row in rows]
    tested = [row.get("data_split") == "TEST" for row in rows]
    right = sum(a == t for a, t, is_tested in zip(answers, truths, tested, strict=True) if is_tested)
    matrix = [metric["metricValue"] for metric in shown["metrics"] if metric["metricName"] == "classification"]
    assert (len(rows), len(matrix)) == (120, 20)
    assert [sum(counts) for counts in zip(*matrix, strict=True)] == [right, 20 - right, 0, 20 - right]


def test_a_training_that_fails_says_why_in_the_model_run(tmp_path: Path) -> None:
    write_example(tmp_path)
    replace_training(tmp_path, f"echo '{'no memory ' * 60}' >&2; exit 1")

    async def pressed() -> tuple[list[Any], Any]:
        async with desk() as labelbox, training(tmp_path, labelbox.url) as service:
            await labelbox.press(service.url)
            return await service.ended(), await labelbox.look()

    (run,), shown = asyncio.run(pressed())
    assert run["outcome"] == "check_failed"
    assert statuses(shown)[-1] == "FAILED"
    assert len(shown["errorMessage"]) == 255


RESULT = """
echo '{"progress": 0.5, "metadata": {"config": "'"$(echo "$CONFIG" | tr -d '"')"'"}}'
sed 's/.*"_key":"\\([^"]*\\)".*/{"_key": "\\1", "predictions": []}/' "$1" > "$2"
"""


def test_the_training_gets_the_config_of_the_model_run(tmp_path: Path) -> None:
    write_example(tmp_path)
    replace_training(tmp_path, RESULT)

    async def pressed() -> Any:
        async with desk() as labelbox, training(tmp_path, labelbox.url) as service:
            await labelbox.press(service.url)
            await service.ended()
            return await labelbox.look()

    shown = asyncio.run(pressed())
    assert shown["status"] == "COMPLETE"
    assert shown["metadata"]["config"] == json.dumps(shown["config"], separators=(",", ":")).replace('"', "")
