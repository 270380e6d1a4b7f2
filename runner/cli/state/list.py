"""`runner state list`: the jobs that somebody must wait for or decide about."""

from __future__ import annotations

from collections.abc import Sequence

import click

from runner.assembly.deciding import Found, jobs, unsent
from runner.assembly.loading import Loaded
from runner.assembly.session import open_session
from runner.cli import options
from runner.cli.console import out, out_json
from runner.cli.exits import Exit
from runner.cli.loading import projects_or_stop
from runner.cli.loop import run
from runner.cli.options import Asked
from runner.cli.state.jobs_text import document, line


@click.command("list")
@options.recipes
@options.emulated
@options.output("text", "json")
@click.option("--all", "all_of_them", is_flag=True, help="Also jobs that have come to their end.")
def list_jobs(asked: Asked, *, emulate: bool, form: str, all_of_them: bool) -> Exit:
    """List jobs that are held, in doubt, in flight, not yet settled, or could not be sent so far.

    \b
    Examples:
      runner state list -f recipes/
      runner state list -f recipes/invoices.yaml --all -o json
    """
    found = run(_jobs(projects_or_stop(asked), emulate=emulate, all_of_them=all_of_them))
    if form == "json":
        out_json({"format_version": 1, "kind": "Jobs", "jobs": [document(each) for each in found]})
        return Exit.DONE
    for each in found:
        out(line(each))
    if not found:
        out("no job is held, in doubt or in flight" if not all_of_them else "the ledger has no job")
    return Exit.DONE


async def _jobs(projects: Sequence[Loaded], *, emulate: bool, all_of_them: bool) -> list[Found]:
    found = list[Found]()
    for loaded in projects:
        async with open_session(loaded.project, loaded.known, loaded.catalog, emulate=emulate) as session:
            found += await jobs(session, loaded.recipes, all_of_them=all_of_them)
            found += [] if all_of_them else await unsent(session, loaded.recipes)
    return found
