"""Write a ledger as the code of a revision writes it; it was run once, at b4499dd, next to the recipes of that folder.

    PYTHONPATH=REVISION python tests/upgrade/make_ledger.py tests/upgrade/b4499dd

It applies every recipe on the emulators, then puts one job into every state that a ledger can hold. What it writes,
`ledger.sql` (of SQLite) and `ledger.postgres.sql` (of `pg_dump`, where a server is installed), is kept for ever: it is
what users have on their disks.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from runner.assembly.copying import copied
from runner.assembly.loading import load_files
from runner.assembly.session import Session, open_session
from runner.engine.select import filtered
from runner.engine.work import Work
from runner.ledger.codec import pack
from runner.model.event import (
    Event,
    ItemsDone,
    JobAccepted,
    JobHeld,
    JobIntended,
    JobPolled,
    JobReleased,
    JobSent,
    JobSettled,
    JobUnknown,
)
from runner.model.item import Result
from runner.model.job import TERMINAL, JobStatus
from runner.transport.clock import SystemClock

ENVIRON = {"PATH": os.environ["PATH"], "AIHUB_TOKEN": "t", "JOBS_TOKEN": "t", "LABELBOX_API_KEY": "t"}
ENVIRON["LABEL_STUDIO_API_KEY"] = "t"
AT = 1_790_000_000.0


def events_of(job: str, status: JobStatus, key: str) -> list[Event]:
    """Return what the protocol writes until a job is in a state."""
    if status is JobStatus.INTENDED:
        return []
    found: list[Event] = [JobSent(job, AT + 1)]
    if status is JobStatus.UNKNOWN:
        return [*found, JobUnknown(job, AT + 2, "the reply was lost")]
    if status is JobStatus.RELEASED:
        return [*found, JobReleased(job, AT + 2, "refused", error="refused")]
    if status is JobStatus.SENT:
        return found
    found.append(JobAccepted(job, f"remote-{key}", AT + 2))
    if status is JobStatus.HELD:
        return [*found, JobHeld(job, AT + 3, "the status is not known")]
    if status is not JobStatus.ACCEPTED:
        found.append(JobPolled(job, status, AT + 3, str(status)))
    if status in TERMINAL:
        is_good = status in (JobStatus.SUCCEEDED, JobStatus.PARTIAL)
        result = Result(key, {"text": key.upper()}) if is_good else Result(key, None, f"the job is {status}")
        found += [ItemsDone(job, [result], AT + 4), JobSettled(job, AT + 5, 0.01)]
    return found


async def put_states(session: Session, work: Work) -> None:
    """Select all items of a stage, and put the job of each into the state that its key names."""
    ledger = await session.ledger()
    lease = await ledger.acquire(session.lease_name(session.recipes[-1]), {}, AT, 60.0)
    run = await ledger.begin_run(work.scope, lease, AT, {})
    assert run == 1
    position = 0
    async for batch in filtered(work):
        standings = await ledger.select(work.scope, lease, work.work, position, batch.items)
        position += len(batch.items)
        for number, (item, standing) in enumerate(zip(batch.items, standings, strict=True)):
            job = f"{number:032x}"
            intended = JobIntended(job, 1, [standing.id or 0], AT)
            events = events_of(job, JobStatus(item.key), item.key)
            await ledger.record(work.scope, lease, [intended, *events])
    await ledger.finish_selection(work.scope, lease, position, {})
    await ledger.release(lease)


async def put_all_states(folder: Path) -> None:
    """Write the jobs of the recipe `states`."""
    loaded = load_files([folder / "states.yaml"], environ=ENVIRON)
    async with open_session(loaded.project, loaded.recipes, loaded.catalog, emulate=True, environ=ENVIRON) as session:
        (work,) = await session.work(loaded.recipes[0])
        await put_states(session, work)


def forget_machine(ledger: Path) -> None:
    """Replace what names the machine that the ledger was made on."""
    with sqlite3.connect(ledger) as connection:
        for table in ("lease", "run"):
            connection.execute(f"UPDATE {table} SET holder = ?", (pack({"host": "laptop", "pid": 1}, "holder"),))


def dump(ledger: Path, to: Path) -> None:
    """Write a SQLite database as SQL."""
    with sqlite3.connect(ledger) as connection:
        (mark,) = connection.execute("PRAGMA application_id").fetchone()
        lines = [f"PRAGMA application_id = {mark};", *connection.iterdump(), "PRAGMA journal_mode = WAL;"]
    to.write_text("\n".join(lines) + "\n", encoding="utf-8")


def dump_postgres(ledger: Path, to: Path) -> None:
    """Copy the ledger into a Postgres server and write that as SQL."""
    from tests.ledger.server import postgres

    with postgres() as url:
        target = url.format("postgres")
        asyncio.run(copied(str(ledger), target, os.environ, SystemClock()))
        text = subprocess.run(
            ["pg_dump", "--inserts", "--rows-per-insert=50", "--no-owner", "--no-privileges", target],
            stdout=subprocess.PIPE,
            check=True,
        ).stdout.decode()
        skipped = ("--", "\n", "\\", "SET ", "SELECT pg_catalog.set_config")
        to.write_text("".join(line for line in text.splitlines(True) if not line.startswith(skipped)))


def main(folder: Path) -> None:
    """Make the ledger of a folder's recipes."""
    work = Path(tempfile.mkdtemp()) / "project"
    shutil.copytree(folder, work)
    done = [one for one in sorted(work.glob("*.yaml")) if one.name not in ("runner.yaml", "states.yaml")]
    for recipe in done:
        command = [sys.executable, "-m", "runner", "apply", "--emulate", "--yes", "-f", str(recipe)]
        ended = subprocess.run(command, cwd=work, env={**os.environ, **ENVIRON}, check=False)
        print(recipe.name, ended.returncode)
    asyncio.run(put_all_states(work))
    ledger = next((work / ".runner").glob("*.db"))
    forget_machine(ledger)
    dump(ledger, folder / "ledger.sql")
    dump_postgres(ledger, folder / "ledger.postgres.sql")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
