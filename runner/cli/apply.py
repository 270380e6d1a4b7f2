"""`runner apply`: make it true, once."""

from __future__ import annotations

from dataclasses import replace

import click

from runner.assembly.run import Wishes
from runner.cli import options
from runner.cli.applying import Screen, apply_loaded, duration
from runner.cli.exits import Exit
from runner.cli.loading import load_or_stop
from runner.cli.loop import run
from runner.cli.options import Asked
from runner.cli.plan_file import asked_of, plan_among


@click.command("apply")
@options.recipes
@options.emulated
@options.output("text", "json", "jsonl", "markdown", "junit")
@click.option(
    "--wait", "wait", metavar="DURATION", help="End with code 14 after this time (10m, 2h); jobs run on remotely."
)
@click.option(
    "--look-first",
    is_flag=True,
    help="Look for every job on the platform before it is sent: for a machine whose ledger is gone.",
)
def command(
    asked: Asked,
    *,
    emulate: bool,
    form: str,
    wait: str | None,
    look_first: bool,
) -> Exit:
    """Submit what is new, go on with what runs, collect, check, and write the sinks.

    Applied again it does nothing. Killed at any moment, the next apply goes on: nothing is lost, nothing paid twice.
    The first Ctrl-C ends submitting and leaves jobs running remotely, the second one ends at once; both are safe.

    A PATH that is a saved plan (runner plan --out) is applied as it is, once, and nothing else is submitted.

    \b
    Examples:
      runner apply -f recipes/invoices.yaml --emulate
      runner apply -f recipes/ --select team=ocr --wait 10m
      runner apply -f recipes/ -o jsonl > events.jsonl
      runner apply plan.json
    """
    wishes = Wishes(wait_s=duration(wait, "--wait"), look_first=look_first)
    asked, saved = plan_among(asked)
    if saved is not None:
        asked, wishes = asked_of(saved, asked), replace(wishes, saved=saved)
    loaded = load_or_stop(asked)
    if saved is not None:
        loaded = replace(loaded, recipes=[recipe for recipe in loaded.recipes if recipe.name in saved.recipes()])
    return run(apply_loaded(loaded, Screen(form), wishes, emulate=emulate or asked.emulate))
