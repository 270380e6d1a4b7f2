"""`runner plan`: exactly what apply would do, and what it would cost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import click

from runner import __version__
from runner.assembly.loading import Loaded
from runner.assembly.run import Planned, plan_recipe
from runner.assembly.session import open_session
from runner.cli import options
from runner.cli.console import out, out_json
from runner.cli.exits import Exit
from runner.cli.forms.markdown import plan_markdown
from runner.cli.loading import load_or_stop
from runner.cli.options import Asked
from runner.cli.plan_text import plan_block, summary
from runner.engine.saved import FORMAT_VERSION, stage_document
from runner.model.item import Json


@click.command("plan")
@options.recipes
@options.emulated
@options.output("text", "json", "markdown")
@click.option("--exit-code", is_flag=True, help="End with 10 when there is work, 0 when there is none.")
def command(
    asked: Asked,
    *,
    emulate: bool,
    form: str,
    exit_code: bool,
) -> Exit:
    """Say what apply would do: what is new, changed, done or held, in how many jobs, for how much, into which sinks.

    Nothing is submitted and nothing is written. While an apply runs the plan answers too, and says who works.

    \b
    Examples:
      runner plan -f recipes/
      runner plan -f recipes/invoices.yaml --exit-code -o json
    """
    loaded = load_or_stop(asked)
    planned = asyncio.run(_plan(loaded, emulate=emulate, with_items=form == "json"))
    if form == "json":
        out_json(_document(loaded, planned))
    elif form == "markdown":
        out(plan_markdown(planned))
    else:
        for one in planned:
            out(plan_block(one.plan, one.work.run.budget, len(one.stage.checks)))
            out()
        out(summary([one.plan for one in planned]))
    has_work = any(one.plan.has_work for one in planned)
    return Exit.WORK if exit_code and has_work else Exit.DONE


async def _plan(loaded: Loaded, *, emulate: bool, with_items: bool) -> Sequence[Planned]:
    async with open_session(loaded.project, loaded.recipes, loaded.catalog, emulate=emulate) as session:
        return [
            planned
            for recipe in loaded.recipes
            for planned in await plan_recipe(session, recipe, with_items=with_items)
        ]


def _document(loaded: Loaded, planned: Sequence[Planned]) -> dict[str, Json]:
    return {
        "format_version": FORMAT_VERSION,
        "kind": "Plan",
        "runner": __version__,
        "project": loaded.project.name,
        "profile": loaded.project.profile,
        "stages": [stage_document(one.plan) for one in planned],
    }
