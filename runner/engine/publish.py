"""Judges all records and writes the sinks: a projection of the ledger, in source order, all or nothing.

A sink that already shows this version of the ledger in this shape is left alone, so a new sink, or one whose file was
lost, is filled without a single call to the platform. Rows are never replaced by none unless the recipe allows it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from runner.engine.plan import SinkPlan
from runner.engine.record import record_shape, records
from runner.engine.work import Work
from runner.model.contracts import Check, Checked, Sink, Verdict
from runner.model.event import Published
from runner.model.item import Json, Record
from runner.model.ledger import Lease, Publication
from runner.model.row_contracts import SupportsOverwrite, SupportsRejected, SupportsRemember

CHECKS = "checks"
"""Name under which the ledger keeps that the checks have passed for a version."""

UNRECORDABLE_KEPT = 1000


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What publishing did.

    Attributes:
        verdicts: of all checks, in recipe order; empty when nothing had to be judged again.
        written: identity of the sinks that were written, with their rows.
        kept: number of sinks that were current already.
        unrecordable: (item key, error) of results that do not fit the recipe's `record`.
    """

    verdicts: Sequence[Verdict] = ()
    written: Mapping[str, int] = field(default_factory=dict)
    kept: int = 0
    unrecordable: Sequence[tuple[str, str]] = ()

    @property
    def passed(self) -> bool:
        """Whether no check stands in the way of the sinks."""
        return all(verdict.passed or verdict.severity != "error" for verdict in self.verdicts)


async def sink_plans(work: Work, *, rows_change: bool) -> Sequence[SinkPlan]:
    """Say what would become of each sink; reads only."""
    version = await work.ledger.version(work.scope)
    publications = await work.ledger.publications(work.scope)
    plans = []
    for sink, shapes in zip(work.sinks(), sink_shapes(work), strict=True):
        why = await _why_write(sink, publications.get(sink.identity), shapes, version)
        if not why and rows_change:
            why = "rows change"
        plans.append(SinkPlan(sink.identity, "write" if why else "keep", why))
    return plans


async def checks_change(work: Work) -> bool:
    """Whether the checks that passed last differ from those of the recipe: apply then checks the records again."""
    judged = (await work.ledger.publications(work.scope)).get(CHECKS)
    return judged is not None and judged.publish != work.publish


def sink_shapes(work: Work) -> Sequence[Sequence[str]]:
    """Return for each sink the hashes under which it is current, the one to write first."""
    return work.sink_shapes or [[record_shape(work.record)]] * len(work.sinks())


async def _why_write(sink: Sink, last: Publication | None, shapes: Sequence[str], version: int) -> str:
    """Return why the sink must be written, empty when it is current."""
    if last is None:
        overwrites = isinstance(sink, SupportsOverwrite) and await sink.overwrites()
        return "new, replaces what is there" if overwrites else "new"
    if last.publish not in shapes:
        return "record or options changed"
    if last.version != version:
        return "rows changed"
    return "" if await sink.holds(last.receipt) else "lost or changed outside"


async def publish(work: Work, lease: Lease) -> PublishReport:
    """Check the records and write every sink that is not current.

    Raises:
        ConfigError: a sink cannot be written; the others are left as they were.
    """
    version = await work.ledger.version(work.scope)
    publications = await work.ledger.publications(work.scope)
    sinks = work.sinks()
    stale = [
        sink
        for sink, shapes in zip(sinks, sink_shapes(work), strict=True)
        if await _why_write(sink, publications.get(sink.identity), shapes, version)
    ]
    judged = publications.get(CHECKS)
    rejected = int((await work.ledger.fingerprint(work.scope)).get("rejected", 0))
    if not stale and judged is not None and _is_judged(judged, work, version, rejected):
        return PublishReport(kept=len(sinks))
    opened: list[Sink] = []
    try:
        for sink in stale:
            await sink.open()
            opened.append(sink)
        report, rows = await _judge_and_write(work, stale, _checks(work, judged, rejected))
        before = max((publications[sink.identity].rows for sink in stale if sink.identity in publications), default=0)
        if before and not rows and not work.allow_empty:
            report = replace(report, verdicts=[*report.verdicts, _emptied(before)])
        if report.passed:
            receipt = {**_told(report), "rejected": rejected}
            await _commit(work, lease, stale, Published(CHECKS, work.publish, version, rows, 0.0, receipt))
            return PublishReport(
                report.verdicts,
                dict.fromkeys((sink.identity for sink in stale), rows),
                len(sinks) - len(stale),
                report.unrecordable,
            )
        return report
    finally:
        for sink in opened:
            await sink.abort()


def _is_judged(last: Publication, work: Work, version: int, rejected: int) -> bool:
    """Whether the checks have passed for these rows; earlier versions did not store how many were rejected."""
    is_same = (last.publish, last.version) == (work.publish, version)
    return is_same and last.receipt.get("rejected", rejected) == rejected


def _checks(work: Work, last: Publication | None, rejected: int) -> Sequence[Check]:
    """Return fresh checks; those that compare get what was found when the checks passed last."""
    checks = work.checks()
    for check in checks:
        if isinstance(check, SupportsRemember) and last is not None:
            check.remember([*last.receipt.get("verdicts", ()), {"published_rows": last.rows}])
        if isinstance(check, SupportsRejected):
            check.reject(rejected)
    return checks


def _told(report: PublishReport) -> Mapping[str, Json]:
    return {"verdicts": [dict(verdict.details) for verdict in report.verdicts]}


async def _judge_and_write(work: Work, sinks: Sequence[Sink], checks: Sequence[Check]) -> tuple[PublishReport, int]:
    rows = 0
    unrecordable: list[tuple[str, str]] = []
    async for batch in records(work):
        for check in checks:
            check.add(batch)
        good = [record for record in batch if record.outcome == "succeeded"]
        unrecordable.extend((record.key, record.error) for record in batch if record.outcome == "unrecordable")
        rows += len(good)
        for sink in sinks:
            if good:
                await sink.write(good)
    verdicts = [check.verdict() for check in checks]
    if unrecordable:
        verdicts.append(_unrecordable(len(unrecordable)))
    return PublishReport(verdicts, unrecordable=unrecordable[:UNRECORDABLE_KEPT]), rows


def _unrecordable(number: int) -> Verdict:
    """A result that does not fit `record` is a fault of the recipe: mending it costs nothing, a wrong sink might."""
    what = f"record: {number} results do not fit; mend `record` (| default(...)) and apply again, nothing is paid again"
    return Verdict(passed=False, what=what, details={"unrecordable": number})


def _emptied(before: int) -> Verdict:
    """Refuse to replace published rows by none: a source that became empty is most likely a fault."""
    rows = "1 row" if before == 1 else f"{before:,} rows"
    what = f"sinks: {rows} would be replaced by no rows; if intended, write `allow_empty: true` next to `sinks:`"
    return Verdict(passed=False, what=what, details={"rows": 0, "before": before})


async def _commit(work: Work, lease: Lease, sinks: Sequence[Sink], passed: Published) -> None:
    """Make each sink visible and write that down; a crash in between is healed by the next apply.

    Args:
        work: the stage.
        lease: to write under.
        sinks: opened and written.
        passed: says that the checks have passed, for which version and how many rows.
    """
    shapes = {sink.identity: known[0] for sink, known in zip(work.sinks(), sink_shapes(work), strict=True)}
    for sink in sinks:
        receipt = await sink.commit()
        event = Published(sink.identity, shapes[sink.identity], passed.version, passed.rows, work.clock.now(), receipt)
        await work.ledger.record(work.scope, lease, [event])
    await work.ledger.record(work.scope, lease, [replace(passed, at=work.clock.now())])


async def preflight(work: Work) -> None:
    """Try the sinks that can be tried before anything is paid.

    Raises:
        ConfigError: one of them could not be written.
    """
    for sink in work.sinks():
        if isinstance(sink, Checked):
            await sink.check()


async def published_rows(work: Work) -> AsyncIterator[Sequence[Record]]:
    """Give the succeeded records of the stage, for a recipe whose source is this one."""
    async for batch in records(work):
        yield [record for record in batch if record.outcome == "succeeded"]
