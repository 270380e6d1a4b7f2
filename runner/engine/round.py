"""One walk over the source that sends what is new: selects, groups, and launches jobs as there is room."""

from __future__ import annotations

from collections.abc import Sequence

from runner.engine.agenda import Action, Step
from runner.engine.apply import Apply
from runner.engine.decide import decide
from runner.engine.job_recheck import waits_for_rereading
from runner.engine.key import job_key
from runner.engine.select import (
    DUPLICATE,
    RowTally,
    SelectionDigest,
    duplicate,
    filtered,
    memory,
    refused,
    selection_mark,
)
from runner.engine.shared import Shared, find_shared, take_over
from runner.engine.stop import Reason
from runner.model.item import Item
from runner.model.job import Job
from runner.model.ledger import ItemStatus, Standing
from runner.model.row_contracts import SupportsNotes


class Group:
    """Items of the job being formed, in source order, up to the limits of one job."""

    def __init__(self, apply: Apply) -> None:
        capabilities = apply.work.target.capabilities
        self._most_items = None if capabilities.whole_source else apply.work.items_per_job
        self._most_bytes = capabilities.max_bytes_per_job
        self._bytes = 0
        self.items: list[Item] = []
        self.standings: list[Standing] = []

    def takes(self, item: Item) -> bool:
        """Whether the item still fits; the first one always does."""
        if not self.items:
            return True
        if self._most_items is not None and len(self.items) >= self._most_items:
            return False
        return self._most_bytes is None or self._bytes + _size(item) <= self._most_bytes

    def add(self, item: Item, standing: Standing) -> None:
        """Take an item."""
        self.items.append(item)
        self.standings.append(standing)
        self._bytes += _size(item)

    @property
    def is_full(self) -> bool:
        """Whether no further item can fit."""
        return self._most_items is not None and len(self.items) >= self._most_items


def _size(item: Item) -> int:
    return item.body.size if item.body is not None else 0


async def walk(apply: Apply) -> bool:
    """Select everything and launch every group of new items.

    Returns:
        Whether the walk came to its end; an apply that must end, or finds no usable row, leaves the old selection in
        place.
    """
    work = apply.work
    mark = await selection_mark(work)
    going, tally = _Walk(apply), RowTally()
    apply.progress.rejected = 0
    apply.progress.rejections.clear()
    async for batch in filtered(work, tally):
        if apply.stop.everything:
            return False
        apply.progress.reject(batch.rejected)
        if tally.refusal(is_whole=False):
            break
        await going.batch(batch.items)
    await going.launch()
    if apply.stop.everything:
        return False
    if reason := tally.refusal(is_whole=True):
        await apply.flight.drained()  # jobs of earlier applies are paid: their results are taken all the same
        apply.stop.ask(Reason.ERROR, refused(reason))
        return False
    for text in work.source.notes() if isinstance(work.source, SupportsNotes) else ():
        apply.progress.note(text)
    kept = await memory(work, mark, going.position) if not apply.progress.rejected else {}
    mark.update(kept, digest=going.selection.text(), rejected=apply.progress.rejected)
    await work.ledger.finish_selection(work.scope, apply.lease(), going.position, mark)
    if going.shared:
        apply.released += await take_over(apply, going.shared)
    return True


class _Walk:
    """Where one walk stands: the selection so far, and the group that is being formed."""

    def __init__(self, apply: Apply) -> None:
        self._apply = apply
        self._group = Group(apply)
        self.selection = SelectionDigest()
        self.position = 0
        self.shared: list[Shared] = []

    async def batch(self, items: Sequence[Item]) -> None:
        """Select some items and launch what becomes full."""
        apply, work = self._apply, self._apply.work
        standings = await work.ledger.select(work.scope, apply.lease(), work.work, self.position, items)
        elsewhere = await find_shared(work, items, standings)
        for place, (item, standing) in enumerate(zip(items, standings, strict=True)):
            if standing.status == DUPLICATE:
                apply.progress.reject([duplicate(item.key)])
                continue
            self.position += 1
            self.selection.add(item)
            if item.key in apply.replaced and standing.status == ItemStatus.SUCCEEDED and not apply.stop.submitting:
                apply.replaced.discard(item.key)
                await self._add(item, standing)
            elif place in elsewhere and (item.key, item.content) not in apply.unshared:
                self.shared.append(elsewhere[place])
            elif _is_wanted(apply, item, standing) and not waits_for_rereading(apply, standing, item.key):
                await self._add(item, standing)

    async def _add(self, item: Item, standing: Standing) -> None:
        if not self._group.takes(item):
            await self.launch()
        self._group.add(item, standing)
        if self._group.is_full:
            await self.launch()

    async def launch(self) -> None:
        """Launch the group that was formed, and begin a new one."""
        group, self._group = self._group, Group(self._apply)
        if group.items:
            await _launch(self._apply, group)


def _is_wanted(apply: Apply, item: Item, standing: Standing) -> bool:
    decision = decide(standing, skip=apply.work.skip, attempts=apply.work.run.attempts)
    if apply.stop.submitting or not decision.is_work or (apply.wants is not None and decision not in apply.wants):
        return False
    return apply.only is None or (item.key, item.content) in apply.only


async def _launch(apply: Apply, group: Group) -> None:
    """Form the job, take its share out of the budget, and give it to the workers when there is room."""
    await apply.flight.room()
    if apply.stop.submitting:
        return
    room = apply.purse.room()  # only now: a job that has landed meanwhile may have cost less than was reserved
    fits = len(group.items) if room is None else min(room, len(group.items))
    if fits:
        _start(apply, group.items[:fits], group.standings[:fits])
    if fits < len(group.items):
        apply.stop.ask(Reason.BUDGET)


def _start(apply: Apply, items: Sequence[Item], standings: Sequence[Standing]) -> None:
    attempt = 1 + max(standing.attempt for standing in standings)
    job = Job(job_key(apply.work.scope, apply.work.work, attempt, items), attempt, tuple(items))
    if job.key in apply.flight:  # it is just being released: its items come again in the next round
        apply.released += len(items)
        return
    apply.launched += 1
    apply.flight.start(job, apply.purse.reserve(len(items)))
    ids = tuple(standing.id for standing in standings if standing.id is not None)
    apply.agenda.now(Step(Action.LOOK if apply.missing else Action.SUBMIT, job, ids))
