"""`runner state show`: one job and its items."""

from __future__ import annotations

from collections.abc import Mapping

import click

from runner.assembly.deciding import Found, items, job
from runner.assembly.loading import Loaded
from runner.assembly.session import open_session
from runner.cli import options
from runner.cli.console import out, out_json, row
from runner.cli.exits import Exit
from runner.cli.loading import load_or_stop
from runner.cli.loop import run
from runner.cli.options import Asked
from runner.cli.state.jobs_text import document, head
from runner.model.item import Json


@click.command("show")
@click.argument("key", metavar="JOB")
@options.recipes
@options.emulated
@options.output("text", "json")
def show(asked: Asked, *, key: str, emulate: bool, form: str) -> Exit:
    """Show the job whose key begins with JOB: its times, its id on the platform, its items and their errors.

    \b
    Examples:
      runner state show 4be19 -f recipes/
    """
    found, listed = run(_read(load_or_stop(asked), key, emulate=emulate))
    if form == "json":
        out_json({"format_version": 1, "kind": "Job", **document(found), "item_list": listed})
        return Exit.DONE
    out(head(found))
    for one in listed:
        status = one.get("status", "not in the current selection")
        out(row("item", f"{one['key']}    {status}" + (f": {one['error']}" if one.get("error") else "")))
    return Exit.DONE


async def _read(loaded: Loaded, key: str, *, emulate: bool) -> tuple[Found, list[Mapping[str, Json]]]:
    async with open_session(loaded.project, loaded.known, loaded.catalog, emulate=emulate) as session:
        found = await job(session, loaded.recipes, key)
        return found, [{"key": item.key, **facts} for item, facts in await items(session, found)]
