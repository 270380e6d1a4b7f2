"""`runner state adopt`: record which remote jobs the doubtful ones are."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from runner.assembly.adoption import Adopted
from runner.assembly.adoption import adopt as decide
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

_PAIR: Final = re.compile(r"([^\s=,]+)(?:\s*[=,]\s*|\s+)(\S.*)")


@click.command("adopt")
@click.argument("key", metavar="[JOB", required=False)
@click.argument("remote", metavar="ID]", required=False)
@options.recipes
@options.emulated
@click.option("--pair", "pairs", multiple=True, metavar="JOB=ID", help="One of many jobs; may be repeated.")
@click.option("--from", "source", metavar="FILE", help="Read the pairs from a file, one a line; - reads stdin.")
@click.option("--force", is_flag=True, help="Adopt an id that another job has too; the ledger records it as forced.")
def adopt(asked: Asked, *, emulate: bool, force: bool, **named: Any) -> Exit:  # noqa: ANN401 - click's form
    """Say that the job whose key begins with JOB is ID on the platform; the next apply goes on with it.

    For jobs that are held or in doubt, once you have found them in the platform's own list. Several jobs are adopted
    all together or not at all. An id that another job of the ledger has on the same connection is refused.

    \b
    Examples:
      runner state adopt 4be19 run-77 -f recipes/
      runner state adopt --pair 4be19=run-77 --pair 90c2a=run-78 -f recipes/
      runner state adopt --from found.txt -f recipes/
    """
    pairs = _pairs(**named)
    for each in run(_adopt(load_or_stop(asked), pairs, emulate=emulate, force=force)):
        other = f", as job {each.other[1]} of {each.other[0].recipe} is (forced)" if each.other else ""
        job = each.found.row.job
        out(f"job {job} of {name(each.found)} is {each.id} now{other}; run apply to continue it")
    return Exit.DONE


def _pairs(key: str | None, remote: str | None, pairs: Sequence[str], source: str | None) -> list[tuple[str, str]]:
    if (key is None) == (not pairs and source is None) or (key is not None and remote is None):
        raise click.UsageError("give JOB ID, or --pair JOB=ID, or --from FILE; recipes are then named with -f")
    if key is not None and remote is not None:
        return [(key, remote)]
    found = [_pair(pair, f"--pair {pair}") for pair in pairs]
    lines = [] if source is None else enumerate(_lines(source), 1)
    found += [_pair(line, f"{source}:{number}") for number, line in lines if line.strip() and line.lstrip()[0] != "#"]
    if not found:
        raise click.UsageError(f"{source} has no pair: write a line JOB=ID for each job")
    return found


def _pair(text: str, where: str) -> tuple[str, str]:
    match = _PAIR.fullmatch(text.strip())
    if match is None:
        raise click.UsageError(f"{where}: {text.strip()!r} is not JOB=ID")
    return match[1], match[2]


def _lines(source: str) -> list[str]:
    try:
        return (sys.stdin.read() if source == "-" else Path(source).read_text("utf-8-sig")).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{source} cannot be read: {error}") from error


async def _adopt(loaded: Loaded, pairs: Sequence[tuple[str, str]], *, emulate: bool, force: bool) -> Sequence[Adopted]:
    async with open_session(loaded.project, loaded.known, loaded.catalog, emulate=emulate) as session:
        return await decide(session, loaded.recipes, pairs, Stop(), force=force)
