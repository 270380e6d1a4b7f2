import asyncio
from pathlib import Path

from runner.web import runlog
from runner.web.runlog import RunLog, RunLogs


async def followed(log: RunLog, after: int = 0) -> list[tuple[int, bytes] | None]:
    return [event async for event in log.follow(after)]


def test_events_are_followed_from_the_first_to_the_end(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "a.jsonl")

    async def both() -> list[tuple[int, bytes] | None]:
        log.write({"event": "a"})
        follower = asyncio.create_task(followed(log))
        for name in ("b", "c"):
            await asyncio.sleep(0)
            log.write({"event": name})
        log.end()
        return await follower

    assert asyncio.run(both()) == [(1, b'{"event":"a"}'), (2, b'{"event":"b"}'), (3, b'{"event":"c"}')]


def test_a_follower_who_comes_back_gets_the_rest(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "a.jsonl")
    for name in "abc":
        log.write({"event": name})
    log.end()
    assert asyncio.run(followed(log, after=2)) == [(3, b'{"event":"c"}')]


def test_a_log_that_is_over_needs_no_file(tmp_path: Path) -> None:
    log = RunLogs(tmp_path / "none").get("a", is_over=True)
    assert asyncio.run(followed(log)) == []


def test_a_silent_log_shows_that_it_lives(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "a.jsonl", beat_s=0.0)

    async def first() -> object:
        return await anext(log.follow(0))

    assert asyncio.run(first()) is None


def test_the_latest_progress_is_known(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "a.jsonl")
    log.write({"event": "stage_started", "stage": "pilot", "metadata": {}})
    log.write({"event": "progress", "progress": 0.5, "metadata": {"epoch": 2}})
    assert log.latest == {"stage": "pilot", "progress": 0.5, "metadata": {"epoch": 2}}


def test_a_full_log_takes_the_events_of_the_run_only(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        file.truncate(runlog.MOST_BYTES + 1)
    log = RunLog(path)
    for name in ("log", "job_accepted", "progress"):
        log.write({"event": name})
    assert path.stat().st_size == runlog.MOST_BYTES + 1
    log.write({"event": "run_ended"})
    assert path.read_bytes().endswith(b'{"event":"run_ended"}\n')


def test_a_disk_that_refuses_costs_events_and_no_run(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "gone" / "a.jsonl")
    log.write({"event": "progress", "progress": 0.1})
    assert log.latest == {"progress": 0.1}


def test_logs_of_forgotten_runs_go(tmp_path: Path) -> None:
    logs = RunLogs(tmp_path)
    for name in ("known", "forgotten"):
        logs.get(name, is_over=False).write({"event": "a"})
    logs.clear({"known"})
    assert [path.name for path in tmp_path.iterdir()] == ["known.jsonl"]
