"""`runner state adopt`: say which job of the platform a doubtful one is."""

from __future__ import annotations

import click

from runner.assembly.deciding import Found, job
from runner.assembly.deciding import adopt as decide
from runner.assembly.loading import Loaded
from runner.assembly.session import open_session
from runner.cli import options
from runner.cli.console import out
from runner.cli.exits import Exit
from runner.cli.loading import load_or_stop
from runner.cli.loop import run
from runner.cli.options import Asked
from runner.cli.state.jobs_text import name
from runner.engine.stop import Stop


@click.command("adopt")
@click.argument("key", metavar="JOB")
@click.argument("remote", metavar="ID")
@options.recipes
@options.emulated
def adopt(asked: Asked, *, key: str, remote: str, emulate: bool) -> Exit:
    """Say that the job whose key begins with JOB is ID on the platform; the next apply goes on with it.

    For a job that is held or in doubt, after somebody has found it in the platform's own list.

    \b
    Examples:
      runner state adopt 4be19 run-77 -f recipes/
    """
    found = run(_adopt(load_or_stop(asked), key, remote, emulate=emulate))
    out(f"job {found.row.job} of {name(found)} is {remote} now; run apply to go on with it")
    return Exit.DONE


async def _adopt(loaded: Loaded, key: str, remote: str, *, emulate: bool) -> Found:
    async with open_session(loaded.project, loaded.known, loaded.catalog, emulate=emulate) as session:
        found = await job(session, loaded.recipes, key)
        await decide(session, found, remote, Stop())
        return found
