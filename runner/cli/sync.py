"""`runner sync`: without CI, follow a Git branch."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import click

from runner.assembly.run import Applied
from runner.cli.apply_text import apply_block, apply_document
from runner.cli.console import err, out, out_json
from runner.cli.exits import Exit
from runner.cli.options import emulated, freezing, output, variable
from runner.cli.signals import listen
from runner.engine.stop import Reason, Stop
from runner.gitops.checkout import Checkout, Remote
from runner.gitops.sync import Settings, Sync, status_document
from runner.model.item import Json
from runner.recipe.duration import seconds
from runner.transport.clock import SystemClock


@click.command("sync")
@click.option("--repo", required=True, metavar="URL", help="The repository, as Git takes it.")
@click.option("--ref", default="main", show_default=True, help="Branch or tag to follow.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Where the clone is kept.")
@click.option("--path", "paths", multiple=True, metavar="PATH", help="Recipes inside the repository; default: all.")
@click.option("--every", default="1m", show_default=True, metavar="DURATION", help="Time between two looks.")
@click.option("--once", is_flag=True, help="Look once and end: with 0 when all is healthy, 17 in a freeze, else 1.")
@click.option("--verify-signatures", is_flag=True, help="Take only commits with a signature that Git trusts here.")
@click.option("--profile", default="", metavar="NAME", help="Profile of runner.yaml to lay over it.")
@click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="A variable; may be repeated.")
@emulated
@freezing
@output("text", "jsonl")
def command(*, repo: str, every: str, once: bool, form: str, origin: Mapping[str, Json], **given: object) -> Exit:
    """Follow a branch: fetch, check, plan, and apply what has work; again and again.

    A commit with any error is not applied; the last good one stays. Each run in the ledger carries its commit.

    \b
    Examples:
      runner sync --repo https://git.example.com/team/recipes.git --ref main --every 1m
      runner sync --repo /srv/recipes.git --once --verify-signatures -o jsonl
    """
    try:
        every_s = seconds(every)
    except ValueError as error:
        raise click.UsageError(f"--every: {error}") from error
    folder = given["folder"] or Path(PurePosixPath(repo.rstrip("/")).name.removesuffix(".git") or "repository")
    sync = Sync(
        Checkout(Path(str(folder)), Remote(repo, str(given["ref"]), verified=bool(given["verify_signatures"]))),
        Settings(
            paths=tuple(given["paths"]),  # type: ignore[arg-type] # click gives a tuple of texts
            profile=str(given["profile"]),
            variables=dict(variable(text) for text in given["variables"]),  # type: ignore[attr-defined] # as above
            emulate=bool(given["emulate"]),
            every_s=every_s,
            origin=origin,
        ),
        SystemClock(),
        os.environ,
    )
    return asyncio.run(_follow(sync, form, once=once))


async def _follow(sync: Sync, form: str, *, once: bool) -> Exit:
    stop = Stop()
    listen(stop)
    last = ""
    while not stop.everything:
        async for applied in sync.once(stop):
            _tell(applied, form)
        last = _tell_status(sync, form, last)
        if once:
            return _code(sync)
        if not stop.everything:
            await sync.pause(stop)
    return Exit.INTERRUPTED if stop.reason is Reason.INTERRUPTED else Exit.DONE


def _code(sync: Sync) -> Exit:
    if not sync.status.is_healthy:
        return Exit.UNEXPECTED
    return Exit.PLAN_REFUSED if sync.status.frozen else Exit.DONE


def _tell(applied: Applied, form: str) -> None:
    if form == "jsonl":
        out_json({"format_version": 1, "event": "stage_ended", **apply_document(applied)}, indent=None)
    else:
        out(apply_block(applied))


def _tell_status(sync: Sync, form: str, last: str) -> str:
    """Print the status when it says something new; return what was said."""
    document = status_document(sync.status)
    said = json.dumps({**document, "checked_at": None}, ensure_ascii=False)
    if said == last:
        return said
    if form == "jsonl":
        out_json({"format_version": 1, "event": "sync", **document}, indent=None)
    elif sync.status.error:
        bad = f"commit {sync.status.bad_commit[:12]} is not applied" if sync.status.bad_commit else "not synced"
        err(f"{bad}: {sync.status.error}")
    else:
        frozen = f": {sync.status.frozen}; nothing is applied" if sync.status.frozen else ""
        out(f"at commit {sync.status.commit[:12]}{frozen}")
    return said
