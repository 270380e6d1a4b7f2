"""`runner state export`: the ledger as JSON lines."""

from __future__ import annotations

from collections.abc import Sequence

import click

from runner.assembly.exporting import exported
from runner.assembly.loading import Loaded
from runner.assembly.session import open_session
from runner.cli import options
from runner.cli.console import out_json
from runner.cli.exits import Exit
from runner.cli.loading import projects_or_stop
from runner.cli.loop import run
from runner.cli.options import Asked


@click.command("export")
@options.recipes
@options.emulated
def export(asked: Asked, *, emulate: bool) -> Exit:
    """Print all that the ledger knows about recipes, one JSON object a line: items with results, jobs, runs, sinks.

    \b
    Examples:
      runner state export -f recipes/ > ledger.jsonl
      runner state export -f recipes/ | jq 'select(.kind == "item" and .status == "failed")'
    """
    run(_export(projects_or_stop(asked), emulate=emulate))
    return Exit.DONE


async def _export(projects: Sequence[Loaded], *, emulate: bool) -> None:
    for loaded in projects:
        async with open_session(loaded.project, loaded.known, loaded.catalog, emulate=emulate) as session:
            async for fact in exported(session, loaded.recipes):
                out_json(fact, indent=None)
