"""Plans, applies and statuses as Markdown for a pull request: the summary first, the details folded, never too long.

A hidden marker in the first line lets CI find its own comment and update it. Code hosts refuse comments above 65,536
characters; what does not fit is left out from the end, and said.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Final

from runner.assembly.run import Applied, Planned
from runner.assembly.status import StageStatus
from runner.cli.change_text import change_lines
from runner.cli.console import safe
from runner.cli.plan_text import cost_text, count, jobs_texts, rejected_texts, rows_texts, sinks_text, summary
from runner.engine.decide import Decision
from runner.engine.plan import StagePlan
from runner.model.contracts import Verdict

LIMIT: Final = 60_000
ROWS: Final = 60
FAILED_SHOWN: Final = 20
STATUS_ROWS: Final = 200
LINES: Final = 100
LINE: Final = 500
"""Most characters of one line; texts of platforms and long diffs of prompts are cut."""

_HARMLESS: Final = (
    ("&", "&amp;"),
    ("|", "\\|"),
    ("\n", " "),
    ("<", "&lt;"),
    ("@", "@\u200b"),
    ("`", "'"),
    ("[", "\\["),
)
_LOOKS: Final = {"done": "✅", "failed_items": "⚠️", "held": "✋", "budget": "💰", "pending": "⏳"}


def plan_markdown(planned: Sequence[Planned], notes: Sequence[str] = (), profile: str = "") -> str:
    """Return the plan of all stages.

    Args:
        planned: the stages.
        notes: lines about the whole, which stand behind the summary.
        profile: stands in the marker, so that each profile has a comment of its own.
    """
    plans = [one.plan for one in planned]
    busy = [one for one in planned if one.plan.has_work or one.plan.rejected]
    head = [
        f"<!-- runner:plan{f' {profile}' if profile else ''} -->",
        f"### runner plan: {summary(plans).removeprefix('plan: ')}",
        "",
        f"{count(len(plans), 'stage')}, {len(busy)} with work; {_total(plans, Decision.HELD)} items held, "
        f"{_total(plans, Decision.FAILED)} failed earlier.",
    ]
    for note in notes:
        head += ["", f"> {_cell(note.strip())}"]
    if busy:
        head += ["", "| recipe | new | changed | done | jobs | cost |", "|---|--:|--:|--:|--:|---|"]
        head += [_row(one) for one in busy[:ROWS]]
        if len(busy) > ROWS:
            head.append(f"| … and {len(busy) - ROWS} more | | | | | |")
    return fold(head, [_details(one) for one in busy] or [])


def _total(plans: Sequence[StagePlan], decision: Decision) -> int:
    return sum(plan.counts.get(decision, 0) for plan in plans)


def _row(planned: Planned) -> str:
    plan = planned.plan
    new = sum(plan.counts.get(one, 0) for one in (Decision.NEW, Decision.AGAIN, Decision.RETRY))
    cost = cost_text(plan, planned.work.run.budget)
    changed, done = (plan.counts.get(one, 0) for one in (Decision.CHANGED, Decision.DONE))
    cells = [_name(planned), new, changed, done, plan.jobs, cost]
    return "| " + " | ".join(_cell(str(cell)) for cell in cells) + " |"


def _details(planned: Planned) -> str:
    plan = planned.plan
    lines = [
        f"source   {plan.source_text}    {count(plan.total, 'item')}",
        f"work     {_counts({str(one): number for one, number in plan.counts.items()})}",
        f"target   {plan.target_text}    {count(plan.jobs, 'job')} of at most {plan.items_per_job}",
        f"cost     {cost_text(plan, planned.work.run.budget)}",
        f"safety   {plan.promise}",
        f"sinks    {sinks_text(plan, len(planned.stage.checks))}",
    ]
    lines += [f"{name:<8} {text}" for name, text in jobs_texts(plan)]
    lines += [f"{name:<8} {text}" for change in plan.changes for name, text in change_lines(change)]
    lines += [f"note     {text}" for text in plan.notes]
    lines += [f"rejected {text}" for text in rejected_texts(plan)]
    lines += [f"rows     {text}" for text in rows_texts(plan)]
    lines += [f"refused  apply submits nothing: {plan.refusal}"] if plan.refusal else []
    return _folded(f"{_name(planned)} · plan {plan.id}", lines)


def apply_markdown(applied: Sequence[Applied]) -> str:
    """Return what an apply came to."""
    head = ["<!-- runner:apply -->", "### runner apply", "", "| recipe | outcome | items | cost |", "|---|---|---|---|"]
    details = []
    for one in applied[:ROWS]:
        report = one.report
        if report is None:
            head.append(f"| {_cell(_name(one.planned))} | not applied: {_cell(one.why)} | | |")
            continue
        items = _counts(report.counts)
        cost = "" if report.progress.cost is None else f"{report.progress.cost:g}"
        look = _LOOKS.get(report.outcome, "❌")
        head.append(f"| {_cell(_name(one.planned))} | {look} {report.outcome} | {_cell(items)} | {cost} |")
        lines = [f"check  {'pass' if each.passed else 'FAIL'} {each.what}" for each in _verdicts(one)]
        lines += [f"failed {key}: {error}" for key, error in report.progress.failures[:FAILED_SHOWN]]
        further = report.progress.items["failed"] - FAILED_SHOWN
        lines += [f"failed {further:,} more"] if further > 0 else []
        lines += [f"reject {each.place}: {each.what}" for each in report.progress.rejections]
        further = report.progress.rejected - len(report.progress.rejections)
        lines += [f"reject {further:,} more (runner status --rejected)"] if further > 0 else []
        lines += [f"note   {text}" for text in report.progress.notes]
        lines += [f"error  {report.error}"] if report.error is not None else []
        if lines:
            details.append(_folded(_name(one.planned), lines))
    if len(applied) > ROWS:
        head.append(f"| … and {len(applied) - ROWS} more | | | |")
    return fold(head, details)


def status_markdown(statuses: Sequence[StageStatus]) -> str:
    """Return what the ledger knows."""
    head = ["<!-- runner:status -->", "### runner status", ""]
    head += ["| recipe | items | jobs | last apply |", "|---|---|---|---|"]
    for one in statuses[:STATUS_ROWS]:
        name = one.scope.recipe + (f"/{one.scope.stage}" if one.scope.stage else "")
        items, jobs = (_counts(part) for part in (one.counts, one.jobs))
        outcome = "never" if one.run is None else one.run.outcome or "not ended"
        head.append(f"| {_cell(name)} | {_cell(items)} | {_cell(jobs)} | {outcome} |")
    if len(statuses) > STATUS_ROWS:
        head.append(f"| … and {len(statuses) - STATUS_ROWS} more | | | |")
    return fold(head, [])


def fold(head: Sequence[str], details: Sequence[str]) -> str:
    """Join head and details; details that do not fit are left out from the end, and said.

    Args:
        head: lines that always stand; cut only when they alone are too long.
        details: blocks that may be left out.
    """
    text = "\n".join(head) + "\n"
    if len(text) > LIMIT:
        text = text[: LIMIT - 100].rpartition("\n")[0] + "\n\n… cut: too long for a comment\n"
    for number, block in enumerate(details):
        left = f"\n… details of {len(details) - number} more left out\n"
        if len(text) + len(block) + len(left) > LIMIT:
            return text + left
        text += "\n" + block
    return text


def _folded(title: str, lines: Sequence[str]) -> str:
    # Cut once before, so that megabytes of a prompt are not made harmless only to be left out, and once after.
    shown = [safe(line[: LINE + 1].replace("\n", "\\n")) for line in lines[:LINES]]
    shown = [line if len(line) <= LINE else f"{line[:LINE]}…" for line in shown]
    shown += [f"… and {len(lines) - LINES} more lines"] if len(lines) > LINES else []
    body = html.escape("\n".join(shown), quote=False)
    return f"<details><summary>{html.escape(title)}</summary>\n\n<pre>\n{body}\n</pre>\n</details>\n"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {state}" for state, number in counts.items() if number)


def _verdicts(applied: Applied) -> Sequence[Verdict]:
    report = applied.report
    return report.published.verdicts if report is not None and report.published is not None else ()


def _name(planned: Planned) -> str:
    scope = planned.work.scope
    return scope.recipe + (f"/{scope.stage}" if scope.stage else "")


def _cell(text: str) -> str:
    """Return text that cannot break a table or become a mention or a tag."""
    for character, harmless in _HARMLESS:
        text = text.replace(character, harmless)
    return safe(text)
