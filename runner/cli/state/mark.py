"""`runner state mark`: decide about a job."""

from __future__ import annotations

import click

from runner.assembly.deciding import MARKS, Found, job
from runner.assembly.deciding import mark as decide
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

_SAY = {
    "absent": "its items are new: apply sends them",
    "failed": "its items have failed: retry sends them again",
    "held": "nobody asks for it any more: decide with state adopt, state mark or retry --held",
}


@click.command("mark")
@click.argument("key", metavar="JOB")
@click.argument("word", type=click.Choice(MARKS))
@options.recipes
@options.emulated
@click.option("--why", default="", metavar="TEXT", help="Kept in the ledger.")
def mark(asked: Asked, *, key: str, word: str, why: str, emulate: bool) -> Exit:
    """Decide about the job whose key begins with JOB.

    absent: somebody has looked, the platform never had it; its items are sent again. failed: its items have failed.
    held: nothing is done about it until somebody decides.

    \b
    Examples:
      runner state mark 4be19 absent -f recipes/ --why "not in the vendor's console"
    """
    found = run(_mark(load_or_stop(asked), key, word, why, emulate=emulate))
    out(f"job {found.row.job} of {name(found)} is marked {word}; {_SAY[word]}")
    return Exit.DONE


async def _mark(loaded: Loaded, key: str, word: str, why: str, *, emulate: bool) -> Found:
    async with open_session(loaded.project, loaded.known, loaded.catalog, emulate=emulate) as session:
        found = await job(session, loaded.recipes, key)
        await decide(session, found, word, why, Stop())
        return found
