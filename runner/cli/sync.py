"""`runner sync`: without CI, follow a Git branch."""

from __future__ import annotations

import json
from typing import Any

import click

from runner.assembly.run import Applied
from runner.cli.apply_text import apply_block, apply_document
from runner.cli.console import err, out, out_event
from runner.cli.exits import Exit
from runner.cli.following import Followed, following
from runner.cli.loop import run
from runner.cli.options import emulated, freezing, output, variable
from runner.cli.signals import listen
from runner.engine.stop import Reason, Stop
from runner.gitops.sync import Settings, Sync, status_document


@click.command("sync")
@following(required=True)
@click.option("--once", is_flag=True, help="Look once and end: with 0 when all is healthy, 17 in a freeze, else 1.")
@click.option("--profile", default="", metavar="NAME", help="Profile of runner.yaml to lay over it.")
@click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="A variable; may be repeated.")
@emulated
@freezing
@output("text", "jsonl")
def command(followed: Followed, *, form: str, once: bool, **given: Any) -> Exit:  # noqa: ANN401 - click's form
    """Follow a branch: fetch, check, plan, and apply what has work; again and again.

    A commit with any error is not applied; the last good one stays. Each run in the ledger carries its commit.

    \b
    Examples:
      runner sync --repo https://git.example.com/team/recipes.git --ref main --every 1m
      runner sync --repo /srv/recipes.git --once --verify-signatures -o jsonl
    """
    settings = Settings(
        paths=followed.paths,
        profile=given["profile"],
        variables=dict(variable(text) for text in given["variables"]),
        emulate=given["emulate"],
        every_s=followed.every_s,
        origin=given["origin"],
    )
    return run(_follow(followed.sync(settings), form, once=once))


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
        out_event({"event": "stage_ended", **apply_document(applied)})
    else:
        out(apply_block(applied))


def _tell_status(sync: Sync, form: str, last: str) -> str:
    """Print the status when it says something new; return what was said."""
    document = status_document(sync.status)
    said = json.dumps({**document, "checked_at": None}, ensure_ascii=False)
    if said == last:
        return said
    if form == "jsonl":
        out_event({"event": "sync", **document})
    elif sync.status.error:
        bad = f"commit {sync.status.bad_commit[:12]} is not applied" if sync.status.bad_commit else "not synced"
        err(f"{bad}: {sync.status.error}")
    else:
        frozen = f": {sync.status.frozen}; nothing is applied" if sync.status.frozen else ""
        out(f"at commit {sync.status.commit[:12]}{frozen}")
    return said
