"""`runner state show`: one job and its items, or one item and its jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from runner.assembly.deciding import Found, items, job
from runner.assembly.item_state import ItemState, item_states
from runner.assembly.loading import Loaded
from runner.assembly.session import open_session
from runner.cli import options
from runner.cli.console import one_line, out, out_json, paint, row
from runner.cli.exits import Exit
from runner.cli.loading import load_or_stop
from runner.cli.loop import run
from runner.cli.options import Asked
from runner.cli.state.jobs_text import document, head, item_block, item_document
from runner.model.item import Json


@click.command("show")
@click.argument("key", metavar="KEY")
@options.recipes
@options.emulated
@options.output("text", "json")
def show(asked: Asked, *, key: str, emulate: bool, form: str) -> Exit:
    """Show an item by its key, or the job whose key begins with KEY.

    An item has a status, an error and a last job in each recipe; a job has its times, its id on the platform, its
    items and their errors.

    \b
    Examples:
      runner state show 4be19 -f recipes/
      runner state show "paper/northwind 0803.txt" -f recipes/invoices.yaml
    """
    states, found, listed = run(_read(load_or_stop(asked), key, emulate=emulate))
    if found is None:
        return _show_item(key, states, form)
    if form == "json":
        out_json({"format_version": 1, "kind": "Job", **document(found), "item_list": listed})
        return Exit.DONE
    out(head(found))
    for one in listed:
        status = one.get("status", "not in the current selection")
        out(row("item", f"{one['key']}    {status}" + (f": {one['error']}" if one.get("error") else "")))
    return Exit.DONE


def _show_item(key: str, states: Sequence[ItemState], form: str) -> Exit:
    if form == "json":
        out_json({"format_version": 1, "kind": "Item", "item": key, "states": [item_document(one) for one in states]})
    else:
        out("\n".join([paint(f"item {one_line(key)}", "strong"), *(item_block(one) for one in states)]))
    return Exit.DONE


async def _read(
    loaded: Loaded, key: str, *, emulate: bool
) -> tuple[Sequence[ItemState], Found | None, list[Mapping[str, Json]]]:
    """Return the states of the item with the key; without one the job whose key begins so, and its items."""
    async with open_session(loaded.project, loaded.known, loaded.catalog, emulate=emulate) as session:
        if states := await item_states(session, loaded.recipes, key):
            return states, None, []
        found = await job(session, loaded.recipes, key, "item and no job")
        return [], found, [{"key": item.key, **facts} for item, facts in await items(session, found)]
