"""What a plan tells beside its stages: recipes that are gone from the files, and a freeze; and `apply --prune`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import click

from runner.assembly.loading import Loaded
from runner.assembly.orphans import Orphan, orphans, prune
from runner.assembly.session import open_session
from runner.cli.console import err
from runner.cli.options import Asked
from runner.cli.plan_text import count
from runner.engine.stop import Stop
from runner.model.item import Json
from runner.recipe.freeze import Frozen

SHOWN: Final = 20


def tells_orphans(asked: Asked) -> bool:
    """Whether so much was loaded that it can be said what is gone: whole folders, all of them or what changed."""
    chosen = all("changed:" in text for text in asked.select)
    return chosen and all(path.is_dir() for path in asked.paths)


def orphan_lines(gone: Sequence[Orphan]) -> Iterator[str]:
    """Give a line for each stage that is gone with jobs at the platform, and one for all others."""
    busy = [orphan for orphan in gone if orphan.open_jobs]
    for orphan in busy[:SHOWN]:
        states = ", ".join(f"{number} {status}" for status, number in sorted(orphan.open_jobs.items()))
        yield f"orphaned: {_name(orphan)} is gone from the files, its jobs go on at the platform ({states})"
    if busy:
        left_out = f", and {len(busy) - SHOWN} more" if len(busy) > SHOWN else ""
        yield f"    nothing cancels them; runner apply --prune stops waiting for them{left_out}"
    done = [_name(orphan) for orphan in gone if not orphan.open_jobs]
    if done:
        left_out = f" and {len(done) - SHOWN} more" if len(done) > SHOWN else ""
        yield f"orphaned: {', '.join(done[:SHOWN])}{left_out}: gone from the files, kept in the ledger"


def orphan_note(gone: Sequence[Orphan]) -> Mapping[str, Json]:
    """Return the same for the JSON of a plan."""
    listed = [
        {
            "project": orphan.scope.project,
            "recipe": orphan.scope.recipe,
            "stage": orphan.scope.stage,
            "counts": dict(orphan.counts),
            "open_jobs": dict(orphan.open_jobs),
        }
        for orphan in gone
    ]
    return {"orphaned": listed}


def freeze_lines(frozen: Frozen | None) -> Iterator[str]:
    """Give the line that says that nothing can be applied now."""
    if frozen is not None:
        yield f"frozen until {frozen.text}: {frozen.reason}"


def freeze_note(frozen: Frozen | None) -> Mapping[str, Json]:
    """Return the same for the JSON of a plan."""
    if frozen is None:
        return {"frozen": None}
    until = datetime.fromtimestamp(frozen.until, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"frozen": {"until": until, "reason": frozen.reason}}


async def prune_orphans(loaded: Loaded, asked: Asked, *, is_sure: bool) -> None:
    """Hold the open jobs of all recipes of a project that are gone, once a person confirms it.

    Raises:
        click.UsageError: not all recipes were loaded, or nobody can be asked.
        LeaseHeld: an apply works on one of them.
    """
    if asked.select or not tells_orphans(asked):
        raise click.UsageError("--prune needs whole folders: give no file and no --select")
    async with open_session(loaded.project, loaded.known, loaded.catalog, emulate=asked.emulate) as session:
        gone = [orphan for orphan in await orphans(session) if orphan.open_jobs]
        for line in orphan_lines(gone):
            err(line)
        if not gone or not (is_sure or _is_wanted(gone)):
            err("nothing is pruned")
            return
        for orphan in gone:
            held = await prune(session, orphan, Stop())
            err(f"pruned: {_name(orphan)}: {count(held, 'job')} held; what runs goes on at the platform")


def _is_wanted(gone: Sequence[Orphan]) -> bool:
    if not sys.stdin.isatty():
        raise click.UsageError("--prune asks before it holds jobs, and nobody is here to answer: add --yes")
    return click.confirm(f"Stop waiting for the jobs of {count(len(gone), 'recipe')}?", err=True)


def _name(orphan: Orphan) -> str:
    return f"{orphan.scope.recipe}/{orphan.scope.stage}".rstrip("/")
