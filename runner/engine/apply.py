"""The shared state of one apply of one stage: handed to every step, owned by `run.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from runner.engine.agenda import Agenda, Split
from runner.engine.budget import Purse
from runner.engine.decide import Decision
from runner.engine.flight import Flight
from runner.engine.lease import HeldLease
from runner.engine.powers import Powers, powers_of
from runner.engine.progress import Progress
from runner.engine.replies import ReplyMonitor
from runner.engine.retry_request import RetryRequest
from runner.engine.rhythm import Rhythm
from runner.engine.stop import Reason, Stop
from runner.engine.work import Work
from runner.model.errors import UnexpectedReply
from runner.model.event import Event, JobAccepted, JobSettled
from runner.model.item import Json
from runner.model.job import Job


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Acceptance of a job that its first reply finishes: written together with its results.

    Attributes:
        reply: to be kept when the acceptance is written without the results after all.
        others: written together with it.
    """

    accepted: JobAccepted
    reply: Mapping[str, Json]
    others: Sequence[Event] = ()

    def events(self, *, is_settled: bool) -> Sequence[Event]:
        """Return what to write, before the results or in their place."""
        kept = self.accepted.kept if is_settled else {**self.accepted.kept, **self.reply}
        return [replace(self.accepted, kept=kept), *self.others]


CLAIMS: Final = 10_000
"""Most remote jobs that an apply remembers, so that no other job of ours gets one of them."""


@dataclass(slots=True)
class Apply:
    """What the steps of one apply share.

    Attributes:
        run: number of this run in the ledger.
        chance: gives a number from 0.0 to 1.0, for spreading delays.
        only: (key, content) of a saved plan; nothing else is submitted. None for everything.
        wants: decisions that are submitted; None for all that are work.
        released: items that became free again in this round and need another one.
        launched: jobs launched in this round.
        missing: why the ledger may lack jobs, so that each is looked for before it is sent; empty when it does not.
        complete_until: epoch seconds before which the ledger is complete in spite of that; None when unknown.
        began_at: monotonic seconds when the apply began.
        budget_since: epoch seconds since when the budget counts; earlier jobs are not its to settle.
        cancels: running jobs are cancelled, and nothing is sent.
        unshared: (key, content) of items whose result another stage turned out not to have any more.
        powers: of the target.
        counted: of jobs whose results came in pieces so far: the items that were counted already.
        parked: jobs that could not be asked or sent in this apply; the next one goes on with them.
        again: what a person wants to be tried again; None in a plain apply.
        replaced: keys of items that are still to be paid for again although they have succeeded.
        unread: ended jobs whose results are to be read again before the items named here are sent again.
        reread: jobs that were read in this apply, or have nothing to read.
        blocked: jobs that still run, or may: their items are not sent in this apply.
        queued: workers that wait for the turn of a paying request, and may be sent home at any moment.
        sending: keys of jobs whose paying request is under way, until its outcome is written down.
        remote: id of a remote job to the job of ours that has it, and a hash of its items; the last ones only.
        workers: how many steps may be under way at one time.
        splits: of the jobs that were refused in this round and are sent again in parts.
        split_in_vain: refused jobs of which no part was accepted.
        replies: what the replies so far show about the manifest.
        unwritten: job key to the acceptance that is written together with the results, which are at hand.
    """

    work: Work
    lease: HeldLease
    run: int
    agenda: Agenda
    flight: Flight
    purse: Purse
    rhythm: Rhythm
    progress: Progress
    stop: Stop
    chance: Callable[[], float]
    only: Collection[tuple[str, bytes]] | None = None
    wants: Collection[Decision] | None = None
    released: int = 0
    launched: int = 0
    parked: int = 0
    workers: int = 32
    missing: str = ""
    complete_until: float | None = None
    began_at: float = 0.0
    cancels: bool = False
    budget_since: float = 0.0
    unshared: set[tuple[str, bytes]] = field(default_factory=set)
    counted: dict[str, set[str]] = field(default_factory=dict)
    again: RetryRequest | None = None
    replaced: set[str] = field(default_factory=set)
    unread: dict[str, set[str]] = field(default_factory=dict)
    reread: set[str] = field(default_factory=set)
    blocked: set[str] = field(default_factory=set)
    sending: set[str] = field(default_factory=set)
    remote: dict[str, tuple[str, int]] = field(default_factory=dict)
    queued: set[asyncio.Task[None]] = field(default_factory=set)
    splits: list[Split] = field(default_factory=list)
    split_in_vain: int = 0
    replies: ReplyMonitor = field(default_factory=lambda: ReplyMonitor(is_understood=True))
    unwritten: dict[str, Acceptance] = field(default_factory=dict)
    powers: Powers = field(init=False)

    def __post_init__(self) -> None:
        self.powers = powers_of(self.work.target)

    async def record(self, *events: Event) -> None:
        """Make events durable before anything else happens, after the postponed events of their jobs."""
        if self.unwritten:
            events = (*self._put_off(events), *events)
        await self.work.ledger.record(self.work.scope, self.lease(), events)
        if any(isinstance(event, JobSettled) for event in events):
            self.replies.job_fits()

    async def write_acceptance(self, job: Job) -> None:
        """Make the acceptance of a job durable, with the reply that holds its results, if it was postponed."""
        if job.key in self.unwritten:
            accepted = self.unwritten.pop(job.key)
            await self.record(*accepted.events(is_settled=False))

    def _put_off(self, events: Sequence[Event]) -> Sequence[Event]:
        """Remove and return the postponed events of some jobs; keep a reply unless the results are among them."""
        jobs = {job for event in events if (job := getattr(event, "job", None)) in self.unwritten}
        settled = {event.job for event in events if isinstance(event, JobSettled)}
        taken = [(job, self.unwritten.pop(job)) for job in jobs]
        return [event for job, accepted in taken for event in accepted.events(is_settled=job in settled)]

    def claim(self, id_: str, job: Job) -> str | None:
        """Take a remote job for one of ours; return the key of another one of ours that has it for other items."""
        items = hash(frozenset(item.key for item in job.items))
        owner, owned = self.remote.setdefault(id_, (job.key, items))
        if len(self.remote) > CLAIMS:
            del self.remote[next(iter(self.remote))]
        return owner if owned != items else None

    async def keep_lease(self) -> None:
        """Make sure of the lease right before money is spent: a process that slept may have been overtaken.

        Raises:
            LeaseLost: another apply took the recipe over.
        """
        if self.lease.left_s() <= 0:
            await self.lease.renew()

    def misfits(self, error: UnexpectedReply, job: Job | None = None) -> None:
        """Count a reply that does not fit the manifest, and stop the run when it or the number of them asks for it.

        Args:
            error: names what does not fit; the job is recorded as held or failed by the caller, before this call.
            job: whose paying request got the reply; None for replies to other requests (poll, results).
        """
        stop = error.stop or (None if error.is_failure else self.replies.misfits(error, job))
        if stop is not None:
            self.stop.ask(Reason.ERROR, stop)

    @property
    def manifest(self) -> str:
        """Name the target's manifest and account, as `ManifestUnderstood` does; empty for a target without one.

        What an emulator answers proves nothing about the platform: its account is another one.
        """
        return f"{self.powers.manifest} {self.work.connection}" if self.powers.manifest else ""

    def now(self) -> float:
        """Epoch seconds."""
        return self.work.clock.now()
