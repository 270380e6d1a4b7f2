"""Reads the source and says what apply would do; writes nothing, asks the platform for nothing but the source.

One walk over the source in batches: memory does not grow with the number of items but for 8 bytes a key, which
duplicates need. A source that can prove that it has not changed is not read at all, and of one that knows its items
again only what changed is looked at (`recalled`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from runner.engine.budget import price
from runner.engine.decide import Decision, decide
from runner.engine.plan import StagePlan, jobs_needed, safety, tally
from runner.engine.publish import CHECKS, checks_change, sink_plans
from runner.engine.recalled import recalled
from runner.engine.select import RowTally, SelectionDigest, duplicate, filtered, selection_mark
from runner.engine.shared import find_shared
from runner.engine.walked import Walked
from runner.engine.work import Work
from runner.model.contracts import Comparing, Estimating
from runner.model.item import Item
from runner.model.job import DOUBTFUL, OPEN, TERMINAL, Estimate, Find, JobStatus, SupportsPredicted
from runner.model.ledger import ItemStatus, Standing
from runner.model.row_contracts import SupportsNotes
from runner.model.turns import Queueing, SupportsJobLimit

_AFTERWARDS: Final = {each: Estimate(how=f"known afterwards, for each {each}") for each in ("job", "item")}
"""What is said when the platform tells a price but no estimate; by `cost` of the capabilities."""


async def survey(
    work: Work, *, with_items: bool = False, promised: Collection[int] = (), promises: set[int] | None = None
) -> StagePlan:
    """Make the plan of one stage.

    Args:
        work: the stage.
        with_items: also list every item that is work (for a saved plan).
        promised: `identity` of the items that earlier stages with the same work hash will have done by then.
        promises: filled with the `identity` of this stage's own work.

    Raises:
        ConfigError: the source cannot be read, or the budget limits money and nobody knows the price.
    """
    walked = await _from_ledger(work) or await _walk(work, promised, promises, with_items=with_items)
    open_jobs = Counter([str(row.status) async for row in work.ledger.jobs(work.scope, [*DOUBTFUL, *OPEN, *TERMINAL])])
    taken = walked.counts[Decision.PREDICTED]
    to_submit = sum(count for decision, count in walked.counts.items() if decision.is_work)
    rows_before = await _published_rows(work)
    capabilities = work.target.capabilities
    estimate = _AFTERWARDS.get(capabilities.cost, Estimate())
    if to_submit:
        await price(work)
    if to_submit and isinstance(work.target, Estimating):
        estimate = await work.target.estimate(to_submit)
    return StagePlan(
        scope=work.scope,
        work=work.work,
        publish=work.publish,
        counts=tally(walked.counts),
        id=walked.id,
        jobs=jobs_needed(to_submit, work.items_per_job, whole_source=capabilities.whole_source),
        items_per_job=work.items_per_job,
        rejected=walked.rejected,
        rejections=tuple(walked.rejections),
        reasons=dict(walked.reasons),
        open_jobs=dict(open_jobs),
        to_hold=_to_hold(work, open_jobs),
        estimate=estimate,
        changes=await work.target.compare() if to_submit and isinstance(work.target, Comparing) else (),
        capabilities=capabilities,
        sinks=await sink_plans(work, rows_change=bool(to_submit or taken or open_jobs) or walked.selection_differs),
        checks_change=await checks_change(work),
        items=tuple(walked.items) if with_items else None,
        source_text=work.source_text,
        target_text=work.target_text,
        promise=safety(capabilities, work.run.on_unknown_submit, work.max_in_flight),
        unchanged=walked.unchanged,
        notes=(*await _notes(work, is_read=not walked.unchanged), *_limit_notes(work, to_submit)),
        refusal=walked.refusal,
        rows_before=rows_before,
        rows_gone=min(max(walked.rows_gone, rows_before - walked.counts.total()), rows_before),
        allow_empty=work.allow_empty,
        missing=await work.ledger.regressed(work.scope),
        version=await work.ledger.version(work.scope),
        instance=await work.ledger.instance(),
    )


async def _notes(work: Work, *, is_read: bool) -> tuple[str, ...]:
    """Return the notes of the source, and which held jobs apply polls before anything is paid."""
    notes = tuple(work.source.notes()) if is_read and isinstance(work.source, SupportsNotes) else ()
    held = [row.job async for row in work.ledger.jobs(work.scope, [JobStatus.HELD]) if row.id is not None]
    if held:
        noun = "1 held job is" if len(held) == 1 else f"{len(held):,} held jobs are"
        notes += (f"{noun} asked again first, for free",)
    return notes


def _limit_notes(work: Work, to_submit: int) -> tuple[str, ...]:
    """Return how many jobs can be in flight, and who says so, when that is fewer than the recipe asks for and needs."""
    wanted, target = work.run.max_in_flight, work.target
    limits = [(wanted, "")]
    if target.capabilities.jobs_at_once is not None:
        limits.append((target.capabilities.jobs_at_once, "the platform allows no more"))
    turns = target.turns if isinstance(target, Queueing) else None
    if isinstance(turns, SupportsJobLimit) and turns.job_limit is not None:
        number, who = turns.job_limit
        limits.append((number, f"each takes a request until it is answered, and {who} is {number:,}"))
    most, why = min(limits, key=lambda each: each[0])
    if most >= wanted or to_submit <= most * work.items_per_job:
        return ()
    noun = "1 job" if most == 1 else f"{most:,} jobs"
    return (f"at most {noun} at one time, not run.max_in_flight ({wanted:,}): {why}",)


def _to_hold(work: Work, open_jobs: Mapping[str, int]) -> dict[str, int]:
    """Return the jobs whose reply was lost, if nothing can tell what became of them."""
    if work.target.capabilities.find is not Find.NONE or work.run.on_unknown_submit == "find_then_resubmit":
        return {}
    return {str(one): open_jobs[one] for one in (JobStatus.SENT, JobStatus.UNKNOWN) if open_jobs.get(one)}


async def _from_ledger(work: Work) -> Walked | None:
    """Return the counts without reading the source, when it provably has not changed and all items are at an end."""
    known = await work.ledger.fingerprint(work.scope)
    if not known or work.skip == "nothing":
        return None
    if known.get("selector") != work.selector or known.get("work") != work.work:
        return None
    counting = asyncio.create_task(work.ledger.counts(work.scope))  # in the time in which the source reads its bytes
    try:
        mark = await selection_mark(work)
    finally:
        counts = await counting
    if not mark or any(known.get(name) != value for name, value in mark.items()):
        return None
    if counts.get(ItemStatus.NEW) or (counts.get(ItemStatus.FAILED) and work.run.attempts > 1):
        return None
    walked = Walked(work)
    names = {
        ItemStatus.SUCCEEDED: Decision.DONE,
        ItemStatus.FAILED: Decision.FAILED,
        ItemStatus.HELD: Decision.HELD,
        ItemStatus.IN_JOB: Decision.PENDING,
    }
    for status, count in counts.items():
        walked.counts[names[status]] += count
    walked.rejected = int(known.get("rejected", 0))
    walked.unchanged = True
    walked.selection_differs = False
    return walked


def identity(item: Item) -> int:
    """Return a number that stands for key and content within this process."""
    return hash((item.key, item.content))


async def _walk(work: Work, promised: Collection[int], promises: set[int] | None, *, with_items: bool) -> Walked:
    if promises is None and not promised and (quickly := await recalled(work, with_items=with_items)):
        return quickly
    walked = Walked(work, with_items=with_items)
    seen: set[int] = set()
    selection, tally = SelectionDigest(), RowTally()
    async for batch in filtered(work, tally):
        walked.reject(batch.rejected)
        standings = await work.ledger.standings(work.scope, work.work, batch.items)
        elsewhere = await find_shared(work, batch.items, standings)
        predicted = await _predicted(work, batch.items, standings)
        for place, (item, standing) in enumerate(zip(batch.items, standings, strict=True)):
            # The hash of the key in place of the key: at 10^6 items a false alarm has odds of 10^-7, and only here;
            # apply compares the keys themselves.
            known = hash(item.key)
            if known in seen:
                walked.reject([duplicate(item.key)])
                continue
            seen.add(known)
            selection.add(item)
            decision = decide(standing, skip=work.skip, attempts=work.run.attempts)
            if place in elsewhere or (promised and decision.is_work and identity(item) in promised):
                decision = Decision.SHARED
            elif item.key in predicted:
                decision = Decision.PREDICTED
            walked.add(item.key, item.content, decision, standing.seen)
            if promises is not None and decision.is_taken:
                promises.add(identity(item))
    last = await work.ledger.fingerprint(work.scope)
    walked.selection_differs = selection.text() != last.get("digest")
    walked.refusal = tally.refusal(is_whole=True)
    if walked.selection_differs:
        walked.rows_gone = await _rows_gone(work, seen)
    return walked


async def _predicted(work: Work, items: Sequence[Item], standings: Sequence[Standing]) -> Collection[str]:
    """Return the keys of the items that an apply sends no paying request for, as the platform has their results."""
    if work.skip != "already_predicted" or not isinstance(work.target, SupportsPredicted):
        return ()
    decided = [decide(each, skip=work.skip, attempts=work.run.attempts) for each in standings]
    wanted = [item for item, decision in zip(items, decided, strict=True) if decision.is_work]
    return await work.target.predicted(wanted) if wanted else ()


async def _rows_gone(work: Work, seen: Collection[int]) -> int:
    """Return how many rows have an item that is not selected any more; `seen` are hashes of the selected keys."""
    gone = 0
    async for batch in work.ledger.selected(work.scope):
        gone += sum(status == ItemStatus.SUCCEEDED and hash(key) not in seen for key, _, _, status in batch)
    return gone


async def _published_rows(work: Work) -> int:
    """Return how many rows the sinks hold; the most of all sinks."""
    publications = await work.ledger.publications(work.scope)
    return max((last.rows for sink, last in publications.items() if sink != CHECKS), default=0)
