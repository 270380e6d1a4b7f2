"""Errors as people read them: what, how to mend, and the exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from typing import TextIO

from runner.cli.console import err, one_line, paint
from runner.cli.exits import Exit
from runner.model.errors import (
    AuthError,
    ConfigError,
    Indeterminate,
    Interrupted,
    LeaseHeld,
    LeaseLost,
    LedgerLocked,
    LedgerUnavailable,
    PauseTooLong,
    PlanRefused,
    RecipeError,
    Refused,
    RunnerError,
    StopRun,
    Unavailable,
    UnexpectedReply,
    UsageError,
)
from runner.model.problem import Problem, Severity

_CODES: tuple[tuple[type[RunnerError], Exit], ...] = (
    (RecipeError, Exit.INVALID),
    (AuthError, Exit.LOGIN),
    (UsageError, Exit.USAGE),
    (ConfigError, Exit.INVALID),  # behind the two kinds of it that have codes of their own
    (PauseTooLong, Exit.PENDING),
    (StopRun, Exit.LOGIN),
    (Unavailable, Exit.LOGIN),
    (LeaseHeld, Exit.LOCKED),
    (LedgerLocked, Exit.LOCKED),
    (LeaseLost, Exit.LOCKED),
    (LedgerUnavailable, Exit.LOGIN),
    (PlanRefused, Exit.PLAN_REFUSED),
    (Interrupted, Exit.INTERRUPTED),
    (Refused, Exit.FAILED_ITEMS),  # by a sink: what was paid is in the ledger, some of it could not be delivered
    (Indeterminate, Exit.LOGIN),
    (UnexpectedReply, Exit.LOGIN),
)


PROBLEMS_SHOWN = 50


def code_of(error: Exception) -> Exit:
    """Return the exit code of an error."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    return Exit.UNEXPECTED


def tell(error: Exception) -> Exit:
    """Print an error and return its exit code; with RUNNER_DEBUG=1 its traceback before it, without secrets."""
    if os.environ.get("RUNNER_DEBUG"):
        err("".join(traceback.format_exception(error)))
    if isinstance(error, RecipeError):
        tell_problems(error.problems)
    elif isinstance(error, RunnerError):
        err(f"{paint('error', 'bad', sys.stderr)}: {one_line(str(error))}")
        if error.mend:
            err(f"    mend: {one_line(error.mend)}")
    else:
        err(f"{paint('error', 'bad', sys.stderr)}: {type(error).__name__}: {error}")
        err("    mend: this is a fault of runner; run again with RUNNER_DEBUG=1 for the traceback and report it")
    return code_of(error)


def tell_problems(problems: Sequence[Problem]) -> None:
    """Print problems, coloured by their severity; of very many the first, errors before warnings."""
    is_long = len(problems) > PROBLEMS_SHOWN
    shown = sorted(problems, key=lambda problem: problem.severity is not Severity.ERROR) if is_long else problems
    for problem in shown[:PROBLEMS_SHOWN]:
        err(problem_text(problem, sys.stderr))
    if is_long:
        err(f"and {len(problems) - PROBLEMS_SHOWN:,} more (all of them: runner validate -o json)")


def problem_text(problem: Problem, stream: TextIO) -> str:
    """Return one problem as it is printed on a stream."""
    style = "bad" if problem.severity is Severity.ERROR else "warn"
    tag = f"{problem.severity}[{problem.slug}]"
    shown = replace(problem, what=one_line(problem.what), mend=one_line(problem.mend))
    return str(shown).replace(tag, paint(tag, style, stream), 1)
