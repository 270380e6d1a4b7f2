"""Jobs that are ended before their time, and the next try."""

import asyncio
from pathlib import Path

import pytest

from runner.assembly.halting import end_local_jobs, with_another_try
from runner.assembly.run import Wishes
from runner.engine.stop import Reason, Stop
from tests.assembly.place import applied, opened, write

SLOW = """\
target: {command: {format: jsonl, argv: [sh, -c, 'echo $$ >> pids; if [ -e ready ]; then cat; else %s sleep 1000; fi']}}
"""


def alive(folder: Path) -> list[int]:
    """Return the processes of the folder that still run; one that nobody has reaped does not."""
    pids = (folder / "pids").read_text().split()
    return [int(pid) for pid in pids if state(pid) not in ("", "Z")]


def state(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


async def begun(folder: Path) -> None:
    async with asyncio.timeout(60):
        while not (folder / "pids").exists():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.01)


async def interrupted(folder: Path) -> int:
    """Stop an apply in the middle of its job, and end the job; return how many were ended."""
    async with opened(folder) as session:
        stop = Stop()
        apply = asyncio.create_task(applied(session, Wishes(), stop))
        await begun(folder)
        stop.ask(Reason.INTERRUPTED)
        (stage,) = await apply
        assert stage.report.outcome == "interrupted"
        return await end_local_jobs(session, session.recipes[0])


@pytest.mark.parametrize("trap", ["", 'trap "" TERM;'])
def test_the_process_of_a_job_is_ended_even_against_its_will(tmp_path: Path, trap: str) -> None:
    write(tmp_path, SLOW % trap, per_job=10)
    assert asyncio.run(interrupted(tmp_path)) == 1
    assert alive(tmp_path) == []


def test_what_was_ended_fails_and_another_try_does_it(tmp_path: Path) -> None:
    write(tmp_path, SLOW % "", per_job=10)
    asyncio.run(interrupted(tmp_path))

    async def again(*, another: bool) -> tuple[str, int]:
        async with opened(tmp_path) as session:
            if another:
                session.recipes = [await with_another_try(session, session.recipes[0])]
            (stage,) = await applied(session, Wishes())
            return stage.report.outcome, session.recipes[0].run.attempts

    assert asyncio.run(again(another=False)) == ("failed_items", 1)
    (tmp_path / "ready").touch()
    assert asyncio.run(again(another=True)) == ("done", 2)


def test_another_try_right_after_the_end_needs_no_apply_between(tmp_path: Path) -> None:
    write(tmp_path, SLOW % "", per_job=10)
    asyncio.run(interrupted(tmp_path))
    (tmp_path / "ready").touch()

    async def again() -> str:
        async with opened(tmp_path) as session:
            session.recipes = [await with_another_try(session, session.recipes[0])]
            (stage,) = await applied(session, Wishes())
            return stage.report.outcome

    assert asyncio.run(again()) == "done"
