"""A plan as text: one block per stage, the same words in the same order every time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.cli.change_text import change_lines
from runner.cli.console import paint, row
from runner.engine.decide import Decision
from runner.engine.plan import StagePlan
from runner.model.recipe import Budget

_SIGNS = (
    (Decision.NEW, "+", "good"),
    (Decision.CHANGED, "~", "warn"),
    (Decision.AGAIN, "+", "warn"),
    (Decision.RETRY, "+", "warn"),
    (Decision.PENDING, ">", "warn"),
    (Decision.SHARED, "=", "dim"),
    (Decision.PREDICTED, "=", "dim"),
    (Decision.DONE, "=", "dim"),
    (Decision.FAILED, "x", "bad"),
    (Decision.HELD, "!", "bad"),
)
REJECTED_SHOWN = 5
_ALWAYS = (Decision.NEW, Decision.CHANGED, Decision.DONE, Decision.HELD)


def plan_block(plan: StagePlan, budget: Budget, checks: int) -> str:
    """Return the block of one stage."""
    name = plan.scope.recipe + (f"/{plan.scope.stage}" if plan.scope.stage else "")
    profile = f"    profile {plan.scope.profile}" if plan.scope.profile else ""
    lines = [f"{paint(f'{name:<12}', 'strong')}{profile}    plan {plan.id}"]
    source = f"{plan.source_text}    {count(plan.total, 'item')}"
    lines.append(row("source", source + ("    unchanged since the last apply" if plan.unchanged else "")))
    lines.extend(row("note", text) for text in plan.notes)
    if plan.rejected:
        lines.extend(row("" if at else "rejected", paint(text, "bad")) for at, text in enumerate(rejected_texts(plan)))
    lines.append(row("work", work_text(plan)))
    jobs = f"    {count(plan.jobs, 'job')} of at most {plan.items_per_job}" if plan.jobs else ""
    if plan.jobs and plan.capabilities.whole_source:
        jobs = f"    {count(plan.jobs, 'job')} over the whole selection"
    lines.append(row("target", f"{plan.target_text}{jobs}"))
    lines.extend(row(name, text) for name, text in jobs_texts(plan))
    lines.extend(row(name, text) for change in plan.changes for name, text in change_lines(change))
    lines.append(row("cost", cost_text(plan, budget)))
    lines.append(row("safety", plan.promise))
    lines.append(row("sinks", sinks_text(plan, checks)))
    if plan.checks_change:
        lines.append(row("checks", "changed: the records are checked again"))
    lines.extend(row("rows", paint(text, "warn")) for text in rows_texts(plan))
    if plan.refusal:
        lines.append(row("refused", paint(f"apply submits nothing: {plan.refusal}", "bad")))
    if plan.missing:
        lines.append(row("ledger", paint(f"{plan.missing}: every job is looked for before it is sent", "warn")))
    if plan.holder:
        lines.append(row("locked", holder_text(plan.holder)))
    return "\n".join(lines)


def jobs_texts(plan: StagePlan) -> list[tuple[str, str]]:
    """Return what becomes of the jobs that were sent earlier, each with its name."""
    going = {status: number - plan.to_hold.get(status, 0) for status, number in plan.open_jobs.items()}
    found = [("in flight", f"{_states(going)}: apply goes on with them")] if any(going.values()) else []
    if plan.to_hold:
        text = f"{_states(plan.to_hold)}: the platform cannot be searched for them, apply will hold them for a person"
        found.append(("in doubt", text))
    return found


def _states(jobs: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {status}" for status, number in sorted(jobs.items()) if number)


def work_text(plan: StagePlan) -> str:
    """Return the counts with their signs."""
    parts = []
    for decision, sign, style in _SIGNS:
        number = plan.counts.get(decision, 0)
        if not number and decision not in _ALWAYS:
            continue
        text = f"{sign} {number} {decision}"
        if decision is Decision.CHANGED and plan.reasons:
            text += f" ({', '.join(sorted(plan.reasons))})"
        parts.append(paint(text, style) if number else text)
    return "   ".join(parts)


def cost_text(plan: StagePlan, budget: Budget) -> str:
    """Return the price as far as it is known, and the budget."""
    estimate = plan.estimate
    cost = estimate.how if estimate.money is None else f"about {estimate.money:g} {estimate.currency} ({estimate.how})"
    if not plan.to_submit:
        cost = "nothing to pay"
    limits = [
        f"{value:g} {unit}" if unit else f"{value:g}"
        for value, unit in ((budget.items, "items"), (budget.units, "units"), (budget.money, "money"))
        if value is not None
    ]
    stops = ": apply stops there" if _exceeds(plan, budget) else ""
    return cost + (f"   budget {', '.join(limits)}{stops}" if limits else "")


def _exceeds(plan: StagePlan, budget: Budget) -> bool:
    """Whether the work is known to be more than the budget allows."""
    limit, price = budget.money if budget.money is not None else budget.units, plan.estimate.money
    is_dear = limit is not None and price is not None and price > limit
    return is_dear or (budget.items is not None and plan.to_submit > budget.items)


def sinks_text(plan: StagePlan, checks: int) -> str:
    """Return what becomes of the sinks."""
    if not plan.sinks:
        return "none: results stay in the ledger"
    due = [sink for sink in plan.sinks if sink.action == "write"]
    if not due:
        return f"{', '.join(sink.identity for sink in plan.sinks)}: up to date"
    when = f": written when {count(checks, 'check')} {'passes' if checks == 1 else 'pass'}" if checks else ": written"
    return ", ".join(f"{sink.identity} ({sink.why})" for sink in due) + when


def rejected_texts(plan: StagePlan) -> list[str]:
    """Return the lines about rejected rows: their number, and the first of them."""
    if not plan.rejected:
        return []
    shown = [f"{each.place}: {each.what}" for each in plan.rejections[:REJECTED_SHOWN]]
    more = plan.rejected - len(shown)
    further = []
    if more:
        further = [f"and {more:,} more (runner status --rejected)" if shown else "runner status --rejected lists them"]
    return [f"{count(plan.rejected, 'row')} without a usable item", *shown, *further]


def rows_texts(plan: StagePlan) -> list[str]:
    """Return how many published rows will go; nothing when none will."""
    found = []
    if plan.rows_gone:
        found.append(f"- {count(plan.rows_gone, 'row')} of {plan.rows_before:,}: their items are not selected any more")
    if plan.empties:
        found.append(
            "apply keeps the rows and ends with 12; to publish none, write `allow_empty: true` next to `sinks:`"
        )
    return found


def holder_text(holder: object) -> str:
    """Say who holds the lease, and whether it is in the way."""
    if not isinstance(holder, dict):
        return "by another apply"
    where = f"pid {holder.get('pid')} on {holder.get('host')}"
    run = f", {holder['ci_url']}" if holder.get("ci_url") else ""
    if holder.get("dead"):
        return f"left locked by an apply that is dead ({where}{run}): the next apply takes over"
    return f"by another apply ({where}{run})"


def count(number: int, noun: str) -> str:
    """Return `1 item`, `2 items`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def summary(plans: Sequence[StagePlan]) -> str:
    """Return the last line over all stages."""
    items, jobs = sum(plan.to_submit for plan in plans), sum(plan.jobs for plan in plans)
    to_hold = sum(sum(plan.to_hold.values()) for plan in plans)
    pending = sum(sum(plan.open_jobs.values()) for plan in plans) - to_hold
    sinks = sum(sink.action == "write" for plan in plans for sink in plan.sinks)
    rejected, gone = sum(plan.rejected for plan in plans), sum(plan.rows_gone for plan in plans)
    row_changes = [f"- {count(gone, 'row')}"] if gone else []
    row_changes += [f"{count(rejected, 'row')} rejected"] if rejected else []
    taken = sum(plan.to_take for plan in plans)
    judged = sum(plan.checks_change for plan in plans)
    if not (items or pending or to_hold or sinks or judged or taken):
        return ", ".join(["nothing to do", *row_changes])
    parts = [f"{count(items, 'item')} to submit in {count(jobs, 'job')}"] if items else []
    if taken:
        parts.append(f"{count(taken, 'result')} to collect that the platform already has")
    if pending:
        parts.append(f"{count(pending, 'job')} to go on with")
    if to_hold:
        parts.append(f"{count(to_hold, 'job')} in doubt to hold")
    if sinks:
        parts.append(f"{count(sinks, 'sink')} to write")
    if judged:
        parts.append(f"{count(judged, 'stage')} to check again")
    return "plan: " + ", ".join([*parts, *row_changes])
