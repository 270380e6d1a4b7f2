"""`runner plan`: exactly what apply would do, and what it would cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from runner.assembly.loading import Loaded
from runner.assembly.run import Planned, plan_recipe
from runner.assembly.saving import SavedPlan, plan_document, read_plan, write_plan
from runner.assembly.session import open_session
from runner.cli import options
from runner.cli.applying import duration
from runner.cli.console import out, out_json
from runner.cli.exits import Exit
from runner.cli.forms.markdown import plan_markdown
from runner.cli.loading import load_or_stop
from runner.cli.loop import run
from runner.cli.options import Asked
from runner.cli.plan_file import head, meant_by
from runner.cli.plan_text import plan_block, summary
from runner.model.recipe import Budget
from runner.transport.clock import SystemClock


@click.command("plan")
@options.recipes
@options.emulated
@options.output("text", "json", "markdown")
@click.option("--exit-code", is_flag=True, help="End with 10 when there is work, 0 when there is none.")
@click.option(
    "--out", "file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Save it for `apply FILE`."
)
@click.option(
    "--valid", default="7d", show_default=True, metavar="DURATION", help="How long the saved plan is good for."
)
@click.option(
    "--show", "shown", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Show a saved plan."
)
def command(asked: Asked, *, form: str, shown: Path | None, **wishes: Any) -> Exit:  # noqa: ANN401 - click's form
    """Say what apply would do: what is new, changed, done or held, in how many jobs, for how much, into which sinks.

    Nothing is submitted and nothing is written. While an apply runs the plan answers too, and says who works.

    \b
    Examples:
      runner plan -f recipes/
      runner plan -f recipes/invoices.yaml --exit-code -o json
      runner plan -f recipes/ --out plan.json; runner plan --show plan.json; runner apply plan.json
    """
    if shown is not None:
        return _show(read_plan(shown))
    loaded = load_or_stop(asked)
    file: Path | None = wishes["file"]
    valid_s = duration(wishes["valid"], "--valid") or 0.0
    planned = run(_plan(loaded, emulate=asked.emulate, with_items=form == "json" or file is not None))
    plans = [one.plan for one in planned]
    if form == "json" or file is not None:
        document = plan_document(plans, meant_by(asked, loaded.project.name), SystemClock().now(), valid_s)
    if file is not None:
        write_plan(file, document)
    if form == "json":
        out_json(document)
    elif form == "markdown":
        out(plan_markdown(planned))
    else:
        for one in planned:
            out(plan_block(one.plan, one.work.run.budget, len(one.stage.checks)))
            out()
        out(summary(plans) + (f"; saved as {file}" if file is not None else ""))
    return Exit.WORK if wishes["exit_code"] and any(plan.has_work for plan in plans) else Exit.DONE


def _show(saved: SavedPlan) -> Exit:
    """Show a saved plan as it was made; the world is not asked."""
    out(head(saved, SystemClock().now()))
    out()
    for plan in saved.plans():
        out(plan_block(plan, Budget(), 0))
        out()
    out(summary(saved.plans()))
    return Exit.DONE


async def _plan(loaded: Loaded, *, emulate: bool, with_items: bool) -> Sequence[Planned]:
    async with open_session(loaded.project, loaded.recipes, loaded.catalog, emulate=emulate) as session:
        return [
            planned
            for recipe in loaded.recipes
            for planned in await plan_recipe(session, recipe, with_items=with_items)
        ]
