"""Exit codes: one table for the code, `--help` and the README."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What a command says to the shell and to CI."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    INVALID = 3
    LOGIN = 4
    WORK = 10
    FAILED_ITEMS = 11
    CHECK_FAILED = 12
    BUDGET = 13
    PENDING = 14
    HELD = 15
    LOCKED = 16
    PLAN_REFUSED = 17
    INTERRUPTED = 130


MEANING = {
    Exit.DONE: "done, or nothing to do",
    Exit.UNEXPECTED: "unexpected error",
    Exit.USAGE: "wrong usage",
    Exit.INVALID: "recipe, project, manifest or a setting invalid",
    Exit.LOGIN: "login refused, platform or ledger unreachable, or replies misfit the manifest",
    Exit.WORK: "plan --exit-code: there is work",
    Exit.FAILED_ITEMS: "done, but items failed; plan --exit-code: rows are rejected",
    Exit.CHECK_FAILED: "a check failed, sinks untouched; test: a case failed",
    Exit.BUDGET: "stopped by the budget",
    Exit.PENDING: "pending: jobs still run, or the platform asks for a longer pause",
    Exit.HELD: "held: a person must decide",
    Exit.LOCKED: "locked by another apply",
    Exit.PLAN_REFUSED: "refused: the plan is stale, used or expired, or a freeze is on",
    Exit.INTERRUPTED: "interrupted, state is safe",
}

OUTCOMES = {
    "done": Exit.DONE,
    "failed_items": Exit.FAILED_ITEMS,
    "check_failed": Exit.CHECK_FAILED,
    "budget": Exit.BUDGET,
    "pending": Exit.PENDING,
    "held": Exit.HELD,
    "cancelled": Exit.DONE,
    "interrupted": Exit.INTERRUPTED,
    "stopped": Exit.PENDING,
}
"""What an apply came to, as exit code."""

SEVERITY = (
    Exit.INTERRUPTED,
    Exit.UNEXPECTED,
    Exit.LOGIN,
    Exit.INVALID,
    Exit.USAGE,
    Exit.LOCKED,
    Exit.PLAN_REFUSED,
    Exit.CHECK_FAILED,
    Exit.HELD,
    Exit.BUDGET,
    Exit.PENDING,
    Exit.FAILED_ITEMS,
    Exit.WORK,
    Exit.DONE,
)
"""From the worst to the best: several recipes end with the worst of their codes."""


def worst(codes: list[Exit]) -> Exit:
    """Return the worst code of several; DONE of none."""
    return min(codes, key=SEVERITY.index, default=Exit.DONE)
