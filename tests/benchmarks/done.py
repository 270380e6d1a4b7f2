"""A project whose items have all been done, made without a platform: `python -m tests.benchmarks.done FOLDER ITEMS`.

The lines stand in `data.jsonl`, 300 bytes each. The ledger is written through the engine's own selection and through
events, a batch of the source to a job, and the sink is published: it is what an apply leaves behind.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from runner.assembly.loading import load_files
from runner.assembly.session import open_session
from runner.engine.publish import publish
from runner.engine.select import filtered, select_all
from runner.engine.work import Work
from runner.model.event import ItemsDone, JobAccepted, JobIntended, JobPolled, JobSettled
from runner.model.item import Item, Result
from runner.model.job import JobStatus
from runner.model.ledger import Lease

LINE_BYTES = 300
RECIPE = """\
apiVersion: runner/v1
kind: Recipe
name: tickets
source:
  jsonl: {path: data.jsonl, key: id}
target:
  command: {argv: [cat]}
run: {items_per_job: 1000}
sinks:
  - jsonl: {path: out/tickets.jsonl}
"""
PROJECT = "apiVersion: runner/v1\nkind: Project\nname: benchmark\nallow: {commands: [cat]}\n"


def line(number: int, version: int = 1) -> bytes:
    """Return one line of the file, with its end."""
    head = f'{{"id":"ticket-{number:08}","version":{version},"text":"'
    body = random.Random(number).randbytes(LINE_BYTES // 2).hex()
    return f'{head}{body[: LINE_BYTES - len(head) - 3]}"}}\n'.encode()


def write_lines(file: Path, items: int, changed: Sequence[int] = ()) -> None:
    """Write the file, with some lines changed."""
    others = frozenset(changed)
    with file.open("wb") as stream:
        stream.writelines(line(number, 2 if number in others else 1) for number in range(items))


def make(folder: Path, items: int) -> None:
    """Make project, file and ledger."""
    (folder / "runner.yaml").write_text(PROJECT)
    (folder / "tickets.yaml").write_text(RECIPE)
    write_lines(folder / "data.jsonl", items)
    asyncio.run(_done(folder))


async def _done(folder: Path) -> None:
    loaded = load_files([folder / "tickets.yaml"], environ={})
    async with open_session(loaded.project, loaded.known, loaded.catalog, environ={}) as session:
        (work,) = await session.work(loaded.recipes[0])
        lease = await work.ledger.acquire("benchmark", {}, session.clock.now(), 3600.0)
        await select_all(work, lambda: lease)
        number = 0
        async for batch in filtered(work):
            number += 1
            await _do(work, lease, f"job-{number}", batch.items)
        await publish(work, lease)
        await work.ledger.release(lease)


async def _do(work: Work, lease: Lease, job: str, items: Sequence[Item]) -> None:
    standings = await work.ledger.standings(work.scope, work.work, items)
    ids = [standing.id for standing in standings if standing.id is not None]
    at = work.clock.now()
    results = [Result(item.key, {"of": item.key}) for item in items]
    events = (
        JobIntended(job, 1, ids, at),
        JobAccepted(job, job, at),
        JobPolled(job, JobStatus.SUCCEEDED, at),
        ItemsDone(job, results, at),
        JobSettled(job, at, 0.0),
    )
    await work.ledger.record(work.scope, lease, events)


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]))
