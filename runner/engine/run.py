"""One apply of one stage: go on with what runs, send what is new, collect, judge, publish."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from runner.engine.agenda import Action, Agenda, Step
from runner.engine.apply import Apply
from runner.engine.budget import Purse, price, spent_since_cut_off
from runner.engine.cancel import cancel
from runner.engine.collect import collect
from runner.engine.decide import RETRIES
from runner.engine.flight import Flight
from runner.engine.job_recheck import ask_held, read_ended_again, reask, take_up
from runner.engine.kept_replies import reread_replies
from runner.engine.lease import HeldLease
from runner.engine.look import look
from runner.engine.outcome import park
from runner.engine.poll import judge, poll
from runner.engine.progress import Progress
from runner.engine.publish import PublishReport, publish
from runner.engine.reconcile import reconcile
from runner.engine.retry_request import RetryRequest, abandon_jobs, free_items
from runner.engine.rhythm import Rhythm
from runner.engine.round import walk
from runner.engine.split import close_splits
from runner.engine.stop import Reason, Stop
from runner.engine.submit import ACCEPTED, submit
from runner.engine.work import Work
from runner.model.errors import Interrupted, LedgerError, PauseTooLong
from runner.model.event import RunEnded
from runner.model.item import Json
from runner.model.job import DOUBTFUL, OPEN, TERMINAL, JobStatus
from runner.model.ledger import ItemStatus
from runner.model.repeat import LISTENER
from runner.model.turns import SupportsMaxPause

GRACE_S = 6.0
"""How long requests under way may take after a stop; then they are cut off, which the ledger survives."""

ANSWERS_S = 60.0
"""Seconds that paying requests under way may still take after a reply stopped the run: they may be paid results."""
ANSWERS_TURN_S = 0.25

WORKERS = 256
"""Most of them wait for the disk at any moment; how many requests are under way is the connection's matter."""
ROUNDS = 20

STEPS = {
    Action.LOOK: look,
    Action.SUBMIT: submit,
    Action.POLL: poll,
    Action.JUDGE: judge,
    Action.COLLECT: collect,
    Action.RECONCILE: reconcile,
    Action.CANCEL: cancel,
    Action.REASK: reask,
}
ASKED_TO_LOOK = "it was asked for"


@dataclass(frozen=True, slots=True)
class StageReport:
    """What one apply of one stage came to.

    Attributes:
        outcome: as in `RunEnded`.
        counts: item status to number over the whole selection, not only of this apply.
        published: None when the sinks were not due.
        error: what stopped it, None when nothing did.
    """

    outcome: str
    run: int
    progress: Progress
    counts: Mapping[str, int] = field(default_factory=dict)
    published: PublishReport | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """What the caller wants of one apply.

    Attributes:
        only: (key, content) of a saved plan; None for everything that is new.
        retries_only: submit only what was tried before, not what is new.
        again: what a person wants to be tried again.
        replaced: keys of items that are paid for again although they have succeeded.
        walk: False when the plan proved that the selection has not changed and nothing is new.
        wait_s: end with `pending` after this time; None waits until all is done.
        chance: gives numbers from 0.0 to 1.0.
        look_first: look for every job on the platform before it is sent, as after the loss of a ledger.
        cancels: cancel what runs, and submit nothing.
    """

    only: Collection[tuple[str, bytes]] | None = None
    walk: bool = True
    wait_s: float | None = None
    chance: Callable[[], float] = random.random
    workers: int = WORKERS
    holder: Mapping[str, Json] = field(default_factory=dict)
    retries_only: bool = False
    again: RetryRequest | None = None
    replaced: Collection[str] = ()
    look_first: bool = False
    cancels: bool = False


async def apply_stage(
    work: Work, lease: HeldLease, options: ApplyOptions, progress: Progress, stop: Stop
) -> StageReport:
    """Make true what the stage says.

    Everything that was paid is in the ledger whatever happens here; errors of the platform end up in the report.

    Raises:
        LedgerError: the ledger cannot be written; nothing was submitted after that.
    """
    since, spent = await spent_since_cut_off(work)
    purse = Purse(work.run.budget, await price(work), spent)
    missing = await work.ledger.regressed(work.scope)
    run = await work.ledger.begin_run(work.scope, lease(), work.clock.now(), options.holder)
    apply = Apply(
        work,
        lease,
        run,
        agenda=Agenda(work.clock),
        flight=Flight(work.max_in_flight),
        purse=purse,
        rhythm=Rhythm(work.run.poll, options.chance),
        progress=progress,
        stop=stop,
        chance=options.chance,
        only=options.only,
        wants=RETRIES if options.retries_only or options.again is not None else None,
        again=options.again,
        replaced=set(options.replaced),
        workers=min(options.workers, max(1, work.max_in_flight)),
        missing=missing or (ASKED_TO_LOOK if options.look_first else ""),
        complete_until=await work.ledger.complete_until(work.scope) if missing else None,
        began_at=work.clock.monotonic(),
        budget_since=since,
        cancels=options.cancels,
    )
    if isinstance(apply.powers.turns, SupportsMaxPause):
        apply.powers.turns.bound_pause(work.run.max_pause_s)
    apply.replies.is_understood = not apply.manifest or await work.ledger.understands(apply.manifest)
    if apply.missing:
        progress.note(f"every job is looked for on the platform before it is sent: {apply.missing}")
    await _fly(apply, options)
    report = await _finish(apply)
    summary = {"counts": dict(report.counts), "cost": progress.cost, "requests": progress.requests}
    with suppress(LedgerError):
        await apply.record(RunEnded(run, report.outcome, apply.now(), summary))
    return report


async def _fly(apply: Apply, options: ApplyOptions) -> None:
    """Run the crew until all jobs have landed or something asks to stop."""
    timers = asyncio.create_task(apply.agenda.run())
    crew = [asyncio.create_task(_work_off(apply)) for _ in range(apply.workers)]
    going = _cancel_all(apply) if apply.cancels else _rounds(apply, walks=options.walk)
    rounds = asyncio.create_task(going)
    limits = asyncio.create_task(_limit(apply, options.wait_s))
    stopped = asyncio.create_task(apply.stop.wait())
    try:
        await asyncio.wait({rounds, stopped, *crew}, return_when=asyncio.FIRST_COMPLETED)
        await _ground(apply, rounds, crew)
    finally:
        for task in (timers, limits, stopped, rounds, *crew):
            task.cancel()
        await asyncio.gather(timers, limits, stopped, *crew, return_exceptions=True)
        with suppress(asyncio.CancelledError):
            await rounds
    for task in crew:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            raise error


async def _ground(apply: Apply, rounds: asyncio.Task[None], crew: Sequence[asyncio.Task[None]]) -> None:
    """Let steps under way come to their end, for a while; what only waits for its turn goes home at once."""
    if apply.stop.reason is Reason.INTERRUPTED:
        apply.work.ledger.hurry()
    if not rounds.done():
        rounds.cancel()
    for task in tuple(apply.queued):
        task.cancel()
    apply.agenda.close()
    await asyncio.wait(crew, timeout=GRACE_S)
    if _answers(apply.stop) and apply.sending:
        turns = int(ANSWERS_S / ANSWERS_TURN_S)
        while apply.sending and turns:
            turns -= 1
            await asyncio.wait(crew, timeout=ANSWERS_TURN_S)
        await asyncio.wait(crew, timeout=1.0)  # what they said is being written down


def _answers(stop: Stop) -> bool:
    """Whether it was a reply that stopped the run: then the platform answers, and other replies are paid and near."""
    return stop.reason is Reason.ERROR and getattr(stop.error, "status", None) is not None


async def _limit(apply: Apply, wait_s: float | None) -> None:
    """End the apply after the caller's patience or the recipe's deadline, whichever comes first."""
    deadline_s = apply.work.run.deadline_s
    limits = [(each, reason) for each, reason in ((wait_s, Reason.WAIT), (deadline_s, Reason.DEADLINE)) if each]
    if limits:
        delay_s, reason = min(limits)
        await apply.work.clock.sleep(delay_s)
        apply.stop.ask(reason)


async def _work_off(apply: Apply) -> None:
    """Do one step after the other until the agenda is closed."""
    while (step := await apply.agenda.next()) is not None:
        following: Step | None = step
        while following is not None and (not apply.stop.everything or following.job.key in apply.unwritten):
            following = await _do(apply, following)
            apply.progress.in_flight = len(apply.flight)
            apply.progress.waiting_human = len(apply.flight.waiting_human)


async def _do(apply: Apply, step: Step) -> Step | None:
    repeats, key = apply.progress.repeats, step.job.key
    reason = repeats.get(key)
    LISTENER.set(partial(apply.progress.repeat, key))
    try:
        following = await STEPS[step.action](apply, step)
        if repeats.get(key) is reason:
            repeats.pop(key, None)  # it went well this time
        if following is None:
            await apply.write_acceptance(step.job)
        return following
    except LedgerError as error:
        apply.stop.ask(Reason.ERROR, error)
    except Exception as error:  # noqa: BLE001 - the edge of a job: one job's trouble must not end the others
        park(apply, step.job, error)
    return None


async def _rounds(apply: Apply, *, walks: bool) -> None:
    """Poll held jobs again, resume old ones, then walk over the source until a walk finds nothing to submit."""
    failed = apply.progress.items["failed"]
    freed = await abandon_jobs(apply)
    asked = await ask_held(apply)
    continued = await reread_replies(apply)
    freed += await free_items(apply)
    await _resume(apply, continued)
    walks = walks or bool(asked or continued or freed)
    for _ in range(ROUNDS):
        apply.released = apply.launched = 0
        if walks and not await walk(apply):
            return
        read_again = await read_ended_again(apply)
        await apply.flight.drained()
        close_splits(apply)
        await _reconciled(apply, walked=walks)
        has_failed = apply.work.run.attempts > 1 and apply.progress.items["failed"] > failed
        again = (apply.released or has_failed) and not apply.parked
        failed = apply.progress.items["failed"]
        if apply.stop.submitting or not (again or read_again):
            return
        walks = True
    apply.parked += apply.released  # whatever sends them back again and again, the next apply may find it gone


async def _reconciled(apply: Apply, *, walked: bool) -> None:
    """Write down that every job that the ledger might lack was looked for."""
    is_whole = walked and apply.only is None and apply.wants is None and not apply.parked and not apply.stop.submitting
    if apply.missing and is_whole:
        await apply.work.ledger.reconciled(apply.work.scope, apply.lease())


async def _cancel_all(apply: Apply) -> None:
    """Cancel every job, and wait until they have ended."""
    await _resume(apply)
    await apply.flight.drained()


async def _resume(apply: Apply, continued: Collection[str] = ()) -> None:
    """Resume every job that an earlier apply left: search for doubtful ones, poll the others.

    Held jobs that have an id can be cancelled, too; without being asked for, they stay held.

    Args:
        apply: the apply.
        continued: keys of the jobs that this apply has taken up already, by a kept reply.
    """
    work = apply.work
    held = [JobStatus.HELD] if apply.cancels else []
    async for row in work.ledger.jobs(work.scope, [*DOUBTFUL, *OPEN, *TERMINAL, *held]):
        if row.job in continued or (row.status is JobStatus.HELD and row.id is None):
            continue
        job = await take_up(apply, row)
        apply.progress.jobs["resumed"] += 1
        if row.status in DOUBTFUL:
            is_accepted = row.status is JobStatus.UNKNOWN and row.word == ACCEPTED
            step = Step(Action.RECONCILE, job, losses=row.lost, is_accepted=is_accepted, why=row.error)
            apply.agenda.now(replace(step, doubted_at=work.clock.monotonic()))
            continue
        is_cancelled = apply.cancels and row.status not in TERMINAL
        is_human = row.status is JobStatus.WAITING_HUMAN
        apply.agenda.now(Step(Action.CANCEL if is_cancelled else Action.POLL, job, is_human=is_human))


async def _finish(apply: Apply) -> StageReport:
    """Publish when nothing is pending, and name the outcome."""
    work, stop = apply.work, apply.stop
    report = StageReport("done", apply.run, apply.progress)
    if isinstance(stop.error, LedgerError):
        return replace(report, outcome="stopped", error=stop.error)
    counts = await work.ledger.counts(work.scope)
    report = replace(report, counts=counts)
    if stop.everything:
        return replace(report, outcome=_stopped(stop), error=stop.error)
    pending = counts.get(ItemStatus.IN_JOB, 0) or apply.parked
    if pending:
        return replace(report, outcome="pending")
    if apply.cancels:
        return replace(report, outcome="cancelled")
    try:
        published = await stop.unless(publish(work, apply.lease()))
    except Interrupted:
        return replace(report, outcome=_stopped(stop), error=stop.error)
    report = replace(report, published=published)
    # What is held, or was not sent for the budget's sake, is not judged yet: first a person decides about it.
    if counts.get(ItemStatus.HELD) and not published.passed:
        return replace(report, outcome="held")
    if stop.reason is Reason.BUDGET:
        return replace(report, outcome="budget")
    if counts.get(ItemStatus.HELD):
        return replace(report, outcome="held")
    if not published.passed:
        return replace(report, outcome="check_failed")
    bad = counts.get(ItemStatus.FAILED) or apply.progress.rejected
    return replace(report, outcome="failed_items" if bad else "done")


def _stopped(stop: Stop) -> str:
    if isinstance(stop.error, PauseTooLong):
        return "pending"  # nothing is wrong: a later apply goes on
    outcomes = {Reason.INTERRUPTED: "interrupted", Reason.ERROR: "stopped"}
    return outcomes.get(stop.reason, "pending") if stop.reason is not None else "pending"
