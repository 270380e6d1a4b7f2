"""`runner apply`: make it true, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click

from runner.assembly.loading import Loaded
from runner.assembly.run import Wishes
from runner.cli import options
from runner.cli.applying import Screen, apply_projects, duration
from runner.cli.exits import Exit
from runner.cli.loading import load_to_work, projects_to_work
from runner.cli.loop import run
from runner.cli.options import Asked
from runner.cli.orphaned import prune_orphans
from runner.cli.plan_file import asked_of, plan_among, planned_only


@click.command("apply")
@options.recipes
@options.emulated
@options.freezing
@options.output("text", "json", "jsonl", "markdown", "junit")
@click.option(
    "--wait", "wait", metavar="DURATION", help="End with code 14 after this time (10m, 2h); jobs run on remotely."
)
@click.option(
    "--look-first",
    is_flag=True,
    help="Look for every job on the platform before it is sent: for a machine whose ledger is gone.",
)
@click.option(
    "--replace",
    "replaced",
    multiple=True,
    metavar="KEY",
    help="Pay again for an item that has succeeded, and replace its result. May be repeated.",
)
@click.option("--prune", is_flag=True, help="Hold the open jobs of recipes that are gone from the files, after asking.")
@click.option("--yes", is_flag=True, help="Prune without asking.")
def command(asked: Asked, *, form: str, **given: Any) -> Exit:  # noqa: ANN401 - click's form
    """Submit what is new, go on with what runs, collect, check, and write the sinks.

    Applied again it does nothing. Killed at any moment, the next apply goes on: nothing is lost, nothing paid twice.
    The first Ctrl-C ends submitting and leaves jobs running remotely, the second one ends at once; both are safe.

    A PATH that is a saved plan (runner plan --out) is applied as it is, once, and nothing else is submitted.

    \b
    Examples:
      runner apply -f recipes/invoices.yaml --emulate
      runner apply -f recipes/ --select team=ocr --wait 10m
      runner apply -f recipes/ -o jsonl > events.jsonl
      runner apply -f recipes/ --prune
      runner apply -f recipes/invoices.yaml --replace 2026-08/0807.pdf
      runner apply plan.json
    """
    replaced: tuple[str, ...] = given["replaced"]
    wishes = Wishes(
        wait_s=duration(given["wait"], "--wait"),
        look_first=given["look_first"],
        origin=given["origin"],
        replaced=replaced,
    )
    asked, saved = plan_among(asked)
    if saved is not None:
        asked, wishes = asked_of(saved, asked), replace(wishes, saved=saved)
    if saved is not None and replaced:
        raise click.UsageError("--replace pays for what a saved plan does not allow: omit one of them")
    projects: Sequence[Loaded]
    if saved is not None:
        projects = [planned_only(load_to_work(asked), saved)]
    else:
        projects = [load_to_work(asked)] if replaced else projects_to_work(asked)
    if given["prune"]:
        for loaded in projects:
            run(prune_orphans(loaded, asked, is_sure=given["yes"]))
    return run(apply_projects(projects, Screen(form), wishes, emulate=asked.emulate))
