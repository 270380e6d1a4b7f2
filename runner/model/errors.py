"""Run-time errors, by what the caller can do about them.

RunnerError
├── RecipeError        mend the documents: carries every problem
├── ConfigError        mend a setting: connection, secret, ledger, a path
│   ├── AuthError      the platform refused the login
│   └── UsageError     the command names what is not there: mend the command
├── Unavailable        worth asking again later
│   ├── UnreadableReply  the reply to a free request does not fit the manifest: repeat it, but not for ever
│   └── StopRun        the platform as a whole is down or forbids: stop the run, nothing is lost
│       └── PauseTooLong   the platform asks to wait for longer than the run may: a later apply continues
├── Refused            asking again is useless: the request itself is wrong
├── Indeterminate      nobody knows whether the request had its effect
├── UnexpectedReply    a reply was received in full and does not fit the manifest: keep it, send nothing again
├── JobLost            the platform no longer knows the job
├── ItemUnreadable     one item of a source cannot be read; the others can
├── LedgerError        the durable state cannot be read or written
│   ├── LedgerUnavailable  it cannot be reached now
│   ├── LedgerLocked    another process is in the middle of a write to it
│   ├── LeaseHeld      another apply works on the recipe
│   └── LeaseLost      this apply was overtaken and must not write
├── PlanRefused        a saved plan is stale, used or expired
└── Interrupted        a signal ended the run; the state is safe
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from runner.model.problem import Problem


def with_extra(name: str) -> str:
    """Return how to mend that a library is missing which an extra of runner brings."""
    return f"install it with its extra: pip install -e '.[{name}]' in a checkout of runner"


class RunnerError(Exception):
    """Root of all errors that a user is told in one sentence.

    Attributes:
        mend: how to mend it, empty when unknown.
    """

    def __init__(self, what: str, *, mend: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.mend = mend

    def __str__(self) -> str:
        return self.what


class RecipeError(RunnerError):
    """Documents cannot be used; `problems` holds all that is wrong with them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class ConfigError(RunnerError):
    """A setting outside the recipe is missing or wrong."""


class AuthError(ConfigError):
    """The platform refused the login (401, 403).

    Attributes:
        status: HTTP status, None when the refusal is not from HTTP.
    """

    def __init__(self, what: str, *, status: int | None = None, mend: str = "") -> None:
        super().__init__(what, mend=mend)
        self.status = status


class UsageError(ConfigError):
    """A command was given what it cannot work with: a path, a selection, a job that is not there."""


class Unavailable(RunnerError):
    """The other side cannot answer now; the same request may succeed later.

    Attributes:
        retry_after_s: what the other side asked for, None when it said nothing.
        status: HTTP status, None when there was no reply.
        is_busy: whether a rule of the manifest says that the platform works and only asks to wait.
    """

    def __init__(
        self,
        what: str,
        *,
        retry_after_s: float | None = None,
        status: int | None = None,
        is_busy: bool = False,
        mend: str = "",
    ) -> None:
        super().__init__(what, mend=mend)
        self.retry_after_s = retry_after_s
        self.status = status
        self.is_busy = is_busy


class StopRun(Unavailable):
    """Going on would only fail every further item: stop the run, it goes on later."""


class PauseTooLong(StopRun):
    """The platform asks to wait for longer than `run.max_pause`: the apply ends, and a later one goes on.

    Attributes:
        until: epoch seconds at which the pause ends.
    """

    def __init__(self, what: str, *, until: float, retry_after_s: float, mend: str = "") -> None:
        super().__init__(what, retry_after_s=retry_after_s, mend=mend)
        self.until = until


class UnreadableReply(Unavailable):
    """The reply to a free request came in full, but is not what the manifest describes.

    The next reply may fit; when it keeps misfitting, the job is held for a person.
    """


class Refused(RunnerError):
    """The request is wrong and will be wrong again.

    Attributes:
        status: HTTP status, None when the refusal is not from HTTP.
        items: keys of the items that the platform blames; empty when it names none.
    """

    def __init__(self, what: str, *, status: int | None = None, items: Collection[str] = (), mend: str = "") -> None:
        super().__init__(what, mend=mend)
        self.status = status
        self.items = frozenset(items)


class Indeterminate(RunnerError):
    """The request may or may not have had its effect: a lost reply, a time-out, a 5xx.

    Attributes:
        status: HTTP status of a reply that could not be read, None without one; 2xx proves that it had its effect.
    """

    def __init__(self, what: str, *, status: int | None = None, mend: str = "") -> None:
        super().__init__(what, mend=mend)
        self.status = status


class UnexpectedReply(RunnerError):
    """A reply was received in full, but it is not what the manifest describes; it is not a lost one.

    After a paying request the job exists: it is held (failed where `is_failure`), never sent again automatically.

    Attributes:
        status: HTTP status of the reply.
        is_failure: whether the platform's own words or an error rule say that the request failed.
        stop: why the whole run must stop too (a sign-in page, a used-up quota); None when only this job is concerned.
        kept: the reply, to be kept with the held job: a corrected manifest may read it.
    """

    def __init__(
        self,
        what: str,
        *,
        status: int | None = None,
        is_failure: bool = False,
        stop: RunnerError | None = None,
        kept: Mapping[str, Any] | None = None,
        mend: str = "",
    ) -> None:
        super().__init__(what, mend=mend)
        self.kept = kept or {}
        self.status = status
        self.is_failure = is_failure
        self.stop = stop


class JobLost(RunnerError):
    """The platform does not know the job any more."""


class ItemUnreadable(RunnerError):
    """The body of one item cannot be read (vanished file, no permission)."""


class LedgerError(RunnerError):
    """The ledger cannot be opened, read or written."""


class LedgerUnavailable(LedgerError):
    """The ledger cannot be reached now; what was recorded is safe, and the next apply goes on."""


class LedgerLocked(LedgerError):
    """Another process holds a write open for too long: nothing can be read or written."""


class LeaseHeld(LedgerError):
    """Another apply holds the lease.

    Attributes:
        holder: host, pid, since (epoch seconds) and ci_url of the other apply.
    """

    def __init__(self, what: str, *, holder: dict[str, Any], mend: str = "") -> None:
        super().__init__(what, mend=mend)
        self.holder = holder


class LeaseLost(LedgerError):
    """Another apply took the lease over while this one slept; nothing more may be written."""


class PlanRefused(RunnerError):
    """A saved plan is stale, was used, or has expired; or a freeze window of the project is on."""


class Interrupted(RunnerError):
    """A signal asked the run to end; what was submitted is recorded."""
