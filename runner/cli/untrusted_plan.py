"""`plan --untrusted`: show what a stranger's change would do, as far as it can be known without trusting it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import click

from runner.assembly.untrusted_plan import UntrustedPlan, plan_untrusted
from runner.cli.console import out, out_json, paint, row
from runner.cli.exits import Exit
from runner.cli.forms.markdown import fold
from runner.cli.loading import projects_to_work
from runner.cli.loop import run
from runner.cli.options import Asked
from runner.cli.plan_text import count
from runner.engine.plan import safety
from runner.model.item import Json

NO_LEDGER: Final = "unknown (no ledger)"
_NOT_READ: Final = "an unknown number of items (the source lies outside the project)"


def plan_without_trust(asked: Asked, form: str) -> Exit:
    """Show the plan of untrusted recipes.

    Raises:
        click.UsageError: the selection asks the ledger.
    """
    if any("state:" in text for text in asked.select):
        raise click.UsageError("--untrusted reads no ledger: --select state: cannot be used with it")
    plans = [plan for loaded in projects_to_work(asked) for plan in run(plan_untrusted(loaded))]
    if form == "json":
        out_json({"format_version": 1, "kind": "UntrustedPlan", "stages": [_document(plan) for plan in plans]})
    elif form == "markdown":
        head = ["<!-- runner:plan untrusted -->", f"### runner plan (untrusted): {_summary(plans)}"]
        out(fold(head, ["\n".join(["```", _block(plan).replace("`", "'"), "```"]) for plan in plans]))
    else:
        for plan in plans:
            out(_block(plan))
            out()
        out(f"untrusted plan: {_summary(plans)}")
    return Exit.DONE


def _summary(plans: Sequence[UntrustedPlan]) -> str:
    total = sum(plan.plan.total for plan in plans)
    open_ended = "" if all(plan.is_read for plan in plans) else " at least"
    return f"{count(len(plans), 'stage')} over{open_ended} {count(total, 'item')}; done: {NO_LEDGER}"


def _block(planned: UntrustedPlan) -> str:
    plan = planned.plan
    name = planned.recipe.name + (f"/{planned.stage.name}" if planned.stage.name else "")
    lines = [f"{paint(f'{name:<12}', 'strong')}    untrusted"]
    lines.append(row("source", f"{plan.source_text}    {count(plan.total, 'item') if planned.is_read else _NOT_READ}"))
    if plan.rejected:
        lines.append(row("rejected", f"{count(plan.rejected, 'row')} without a usable item"))
    lines.append(row("done", NO_LEDGER))
    lines.append(row("target", plan.target_text))
    lines.append(row("safety", safety(plan.capabilities)))
    lines.append(row("sinks", ", ".join(sink.identity for sink in plan.sinks) or "none: results stay in the ledger"))
    return "\n".join(lines)


def _document(planned: UntrustedPlan) -> Mapping[str, Json]:
    plan = planned.plan
    return {
        "recipe": planned.recipe.name,
        "stage": planned.stage.name,
        "source": {"text": plan.source_text, "items": plan.total if planned.is_read else None},
        "rejected": plan.rejected,
        "done": NO_LEDGER,
        "target": plan.target_text,
        "safety": safety(plan.capabilities),
        "sinks": [sink.identity for sink in plan.sinks],
    }
