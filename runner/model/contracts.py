"""The contracts between the rooms: a few verbs each, optional powers as tiny contracts of their own.

A power is asked for by `isinstance`. Nothing connects before its first verb is called; what waits for nothing is
synchronous.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from runner.model.item import Batch, Json, Record, Result
from runner.model.job import Capabilities, Change, Estimate, Job, JobState, Submitted


class Expression(Protocol):
    """A compiled `{{ ... }}` field whose names are known only at run time."""

    @property
    def text(self) -> str:
        """The field as the recipe has it."""

    @property
    def names(self) -> frozenset[str]:
        """The top-level names it reads, for example `{"item"}`."""

    @property
    def paths(self) -> frozenset[tuple[str, ...]]:
        """The longest plain paths it reads, for example `{("item", "name")}`."""

    def __call__(self, scope: Mapping[str, Json]) -> Json:
        """Evaluate it; a whole expression keeps its type, anything else is text.

        Raises:
            RecipeError: a name or attribute is undefined, or a bound was hit; carries the mark of the field.
        """


class Clock(Protocol):
    """Time, handed in, so that tests need not wait."""

    def now(self) -> float:
        """Epoch seconds."""

    def monotonic(self) -> float:
        """Seconds that never go back."""

    async def sleep(self, delay_s: float) -> None:
        """Wait; 0 lets others run."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a connector lives: handed to every kind when it is built.

    Attributes:
        root: folder of the project file; relative paths of a recipe start here.
        state: folder for what must survive a restart (`.runner`), inside `root` unless the project says otherwise.
        clock: the time.
        allowed: folders outside `root` that the project file allows to read and write.
        records: gives the published rows of another recipe by name, for the source `recipe`.
        environment: variables that child processes may see; secrets are not among them.
        commands: the allowed commands, each the beginning of an argv; None where no project restricts them.
        is_emulated: whether emulators replace everything real: then a connector of any kind reaches no other machine,
            be it a store, a database, a notifier or a telemetry endpoint.
    """

    root: Path
    state: Path
    clock: Clock
    allowed: Sequence[Path] = ()
    records: Callable[[str, str], AsyncIterator[Sequence[Record]]] | None = None
    environment: Mapping[str, str] | None = None
    commands: Sequence[Sequence[str]] | None = None
    is_emulated: bool = False


# -- sources, filters


class Source(Protocol):
    """Where the items come from."""

    def read(self) -> AsyncIterator[Batch]:
        """Give all items in a stable order, in batches of 1..1000 items; may be called again.

        Equal keys must not be given twice: the second one is a `Rejected` when the source can know, else the engine
        rejects it. Nor may a key or value hold a lone surrogate, which has no UTF-8: it is a `Rejected`, too.

        Raises:
            ConfigError: the source as a whole cannot be read (no such folder, no such project).
        """


@runtime_checkable
class Counted(Protocol):
    """A source that knows how many items it has without reading them."""

    async def count(self) -> int | None:
        """Return the number of items, None when it is not known now."""


@runtime_checkable
class Fingerprinted(Protocol):
    """A source that can tell cheaply that nothing has changed."""

    async def fingerprint(self) -> str | None:
        """Return a text that is equal only when `read` would give equal items; None when it cannot tell."""


@dataclass(frozen=True, slots=True)
class Same:
    """Items in a row that stand as they stood when the source remembered them.

    Attributes:
        first: number of the first one then, from 0; the others followed it.
        count: how many.
    """

    first: int
    count: int


@runtime_checkable
class Recalling(Protocol):
    """A source that knows again what it has given, without making items of it."""

    async def remember(self) -> tuple[str, int] | None:
        """Keep what tells every item that `read` would give now; an earlier memory may be lost by it.

        Returns:
            A name for `recall`, and the number of items; None when that cannot be, or is not worth it.
        """

    async def recall(self, name: str) -> AsyncGenerator[Sequence[Batch | Same], None] | None:
        """Read like `read`, but say `Same` of what surely stands as it stood; None when the memory is lost.

        Every remembered item is said to be the same once at most, in growing order. Everything else is given as
        items, even when it stood there before. Keys are only compared among the items that are given.
        """


@runtime_checkable
class Checked(Protocol):
    """Any connector that can try its login or paths before work begins."""

    async def check(self) -> None:
        """Do one cheap thing that fails as the real work would.

        Raises:
            ConfigError, AuthError, Unavailable: as the real work would.
        """


@runtime_checkable
class Closing(Protocol):
    """Any connector that holds something open (a client, a process)."""

    async def close(self) -> None:
        """Give it back; may be called twice."""


class Filter(Protocol):
    """Chooses items; sees every batch once, in order; one object serves one pass."""

    def apply(self, batch: Batch) -> Batch:
        """Return the items to keep, in order; `rejected` is passed on, with items that could not be judged added."""


@runtime_checkable
class Holding(Protocol):
    """A filter that must see everything before it can let the last items go (a sample of fixed size)."""

    def rest(self) -> Batch:
        """Return what was held back, in source order; called once after the last batch."""


@runtime_checkable
class Ending(Protocol):
    """A filter that knows when no further item can pass (a limit)."""

    @property
    def is_over(self) -> bool:
        """Whether reading on is useless."""


# -- target


class Target(Protocol):
    """The job service that does the paid work."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do and promises; known without asking the platform."""

    async def submit(self, job: Job) -> Submitted:
        """Send the paying request, once, without any retry of its own.

        Nothing of it may leave after `job.not_after`: check it right before each write, the last one included.

        Raises:
            Refused: surely not created, and useless to repeat: the items fail.
            ConfigError, AuthError, StopRun: surely not created; the whole run stops.
            Unavailable: surely not created; may be sent again (`retry_after_s`).
            UnexpectedReply: it was accepted (or failed), and its reply cannot be used: never to be sent again.
            Indeterminate: the outcome is unknown; with a 2xx status the job exists. Every other exception counts as
                this one.
        """

    async def poll(self, job: Job) -> JobState:
        """Ask once how the job stands.

        Raises:
            JobLost: the service no longer knows the job.
            Unavailable: worth asking again.
            ConfigError, AuthError, StopRun: the run stops, the job goes on.
        """

    def results(self, job: Job, state: JobState) -> AsyncIterator[Sequence[Result]]:
        """Give the results of a terminal job, in batches, in any order, keyed by item key.

        An item may be missing; a key that is not the job's is dropped by the engine and reported. `state` is the
        latest one, with its `reply`.

        Raises:
            JobLost, Unavailable, ConfigError, AuthError, StopRun: as `poll`; the job is collected again later.
        """


@runtime_checkable
class Preparing(Protocol):
    """A target that builds something unpaid first: a container, uploaded files."""

    async def prepare(self, job: Job) -> Mapping[str, Json]:
        """Do the unpaid steps and return the values to keep; must be safe to run again after a crash.

        Raises:
            Refused: the items fail. Unavailable, ConfigError, AuthError, StopRun: as `submit`.
        """


@runtime_checkable
class Finding(Protocol):
    """A target whose lost jobs can be looked for."""

    async def find(self, job: Job) -> Submitted | None:
        """Look for a job whose reply was lost; None when the listing does not show it.

        Raises:
            Unavailable, ConfigError, AuthError, StopRun: nothing is known; asked again later, never taken for "not
                there".
        """


@runtime_checkable
class SupportsFindAll(Protocol):
    """A target that lists all remote jobs that may be a lost one."""

    async def find_all(self, job: Job) -> Sequence[Submitted]:
        """Look for all jobs (at most 100) that fit a lost one, in the listing's order; errors as `Finding.find`."""


@runtime_checkable
class Cancelling(Protocol):
    """A target whose running jobs can be cancelled."""

    async def cancel(self, job: Job) -> None:
        """Ask for it; the end is seen by `poll`."""


@runtime_checkable
class Estimating(Protocol):
    """A target that knows a price beforehand."""

    async def estimate(self, items: int) -> Estimate:
        """Return what `items` new items would cost."""


@runtime_checkable
class Comparing(Protocol):
    """A target that brings something on the platform about besides jobs: a prompt, a version."""

    async def compare(self) -> Sequence[Change]:
        """Return what the next submit would make or change there; changes nothing.

        Raises:
            ConfigError, AuthError, Unavailable: it cannot be told.
        """


@runtime_checkable
class PollingMany(Protocol):
    """A target whose listing tells how many jobs stand in one request."""

    async def poll_many(self, jobs: Sequence[Job]) -> Mapping[str, JobState]:
        """Return job key to state; a job that is missing from the answer is polled alone."""


@runtime_checkable
class Cleaning(Protocol):
    """A target that leaves something on the platform which may be removed."""

    async def clean_up(self, job: Job) -> None:
        """Remove it; called after the job was settled, its results are durable. A failure changes nothing."""


@runtime_checkable
class Leaving(Protocol):
    """A target that leaves something behind on the platform; the plan names it."""

    def leaves(self) -> str:
        """Return what, for people: `data rows in the dataset A`; empty when these options leave nothing."""


# -- checks, sinks


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found.

    Attributes:
        passed: whether the sinks may be written.
        what: one line for the report, with the measured value and the bound.
        details: for `-o json`, for example counts per class.
        severity: `error` stops the sinks, `warning` is only told.
    """

    passed: bool
    what: str
    details: Mapping[str, Json]
    severity: str = "error"


class Check(Protocol):
    """Judges the records before any sink is written; one object serves one pass."""

    def add(self, batch: Sequence[Record]) -> None:
        """See some records: succeeded, failed and held ones."""

    def verdict(self) -> Verdict:
        """Judge all that was seen."""


class Sink(Protocol):
    """Writes records, all or nothing; one object serves one publication."""

    @property
    def identity(self) -> str:
        """What it writes to, for example `jsonl out/a.jsonl`: unique among the sinks of a recipe."""

    async def open(self) -> None:
        """Begin beside what is there; readers still see the old rows.

        Raises:
            ConfigError: it cannot be written, with the path or address.
        """

    async def write(self, batch: Sequence[Record]) -> None:
        """Take succeeded records in source order."""

    async def commit(self) -> Mapping[str, Json]:
        """Make everything visible at once and durable; return the receipt."""

    async def abort(self) -> None:
        """Leave no trace of this publication; may be called at any time after `open`."""

    async def holds(self, receipt: Mapping[str, Json]) -> bool:
        """Whether what this receipt was given for is still there, unchanged. Cheap; may be called without `open`."""


class Notifier(Protocol):
    """Told what happens to a run; a failure of it never changes the run.

    Every event has `event` (its name), `at` (epoch seconds), `recipe`, `error` (empty when nothing went wrong) and
    `metadata` (all that the jobs told with their progress so far). In the order of a run:

    | event | when | besides |
    |---|---|---|
    | run_started | nothing has been read yet | |
    | source_read | the plan stands | items: selected, work: how many of them will be submitted |
    | stage_started | a stage begins | stage |
    | jobs_running | once, when the first job is accepted or found running | |
    | progress | a job told how far it is; a slow listener gets the newest only | progress: 0.0-1.0 or null, job |
    | stage_ended | | stage, outcome (`skipped` when it did not begin) |
    | run_paused | the process ends or gives up waiting, the run does not: the next apply goes on | outcome, items |
    | run_ended | once | outcome, items: status to number |

    `outcome` of run_paused is `interrupted` or `pending`; of run_ended `done`, `failed_items`, `check_failed`,
    `budget`, `held`, `stopped` (the platform is down or forbids), `cancelled`, or `error` (it could not begin). Only
    `done` is a full success.
    """

    async def tell(self, event: Mapping[str, Json]) -> None:
        """Pass one event on; called for one event after the other, never for two at once."""
