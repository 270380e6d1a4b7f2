"""`runner retry`: failed items once more."""

from __future__ import annotations

from typing import Any

import click

from runner.assembly.run import Wishes
from runner.cli import options
from runner.cli.applying import Screen, apply_projects, duration
from runner.cli.exits import Exit
from runner.cli.loading import load_to_work, projects_to_work
from runner.cli.loop import run
from runner.cli.options import Asked
from runner.engine.retry_request import RetryRequest


@click.command("retry")
@options.recipes
@options.emulated
@options.freezing
@options.output("text", "json", "jsonl", "markdown", "junit")
@click.option("--item", "items", multiple=True, metavar="KEY", help="Only this item; may be repeated.")
@click.option(
    "--held",
    is_flag=True,
    help="Held items too: a person has looked, and decided that they may be sent (and paid) again.",
)
@click.option(
    "--abandon",
    "abandoned",
    multiple=True,
    metavar="JOB",
    help="Give up a job that may still run, and send its items again: they may be paid twice. May be repeated.",
)
@click.option(
    "--wait", "wait", metavar="DURATION", help="End with code 14 after this time (10m, 2h); jobs run on remotely."
)
def command(asked: Asked, *, form: str, items: tuple[str, ...], held: bool, **given: Any) -> Exit:  # noqa: ANN401 - click's form
    """Submit failed items again, as new attempts; new items are left for apply.

    Their earlier errors stay in the ledger (runner state show). What was cut off goes on with the next apply.
    The platform is asked about held and ended jobs first: results that exist by now are taken, and not paid again.

    \b
    Examples:
      runner retry -f recipes/invoices.yaml
      runner retry -f recipes/ --select invoices --item 2026-08/0807.pdf
      runner retry -f recipes/invoices.yaml --held
      runner retry -f recipes/invoices.yaml --abandon 4be19
    """
    abandoned: tuple[str, ...] = given["abandoned"]
    if abandoned and (items or held):
        raise click.UsageError("--abandon sends the items of the job it names: omit --item and --held")
    again = RetryRequest(held, list(items) or None, abandoned)
    wishes = Wishes(wait_s=duration(given["wait"], "--wait"), again=again, origin=given["origin"])
    projects = [load_to_work(asked)] if items or abandoned else projects_to_work(asked)
    return run(apply_projects(projects, Screen(form), wishes, emulate=asked.emulate))
