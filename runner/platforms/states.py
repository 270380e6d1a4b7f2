"""What the platform's words for the state of a job mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from runner.model.errors import RecipeError
from runner.model.item import Json
from runner.model.job import JobState, JobStatus
from runner.platforms.compiling import Compiler, Names
from runner.platforms.step import compile_map
from runner.platforms.tree import Pointer, Scope, Tree
from runner.transport.text import plain

LONGEST_WORD = 80
_TREES = ("status", "error", "progress", "cost", "after", "bad_items")


@dataclass(frozen=True, slots=True)
class StateRules:
    """How a poll's reply is read; every tree may be None.

    Attributes:
        words: the platform's word to our status; empty when `rules` decide.
        rules: tried in order.
    """

    status: Tree | None
    words: Mapping[str, JobStatus]
    rules: Sequence[tuple[Tree, JobStatus]]
    error: Tree | None
    progress: Tree | None
    cost: Tree | None
    after: Tree | None
    counters: Mapping[str, Tree]
    keep: Mapping[str, Tree]
    bad_items: Tree | None

    def read(self, scope: Scope, poll_after_s: float | None) -> JobState:
        """Read how a job stands.

        Args:
            scope: with `response`, `headers`, `status` and what the place gives besides.
            poll_after_s: what the headers ask for.

        Raises:
            RecipeError: the reply lacks what the manifest reads.
        """
        word = "" if self.status is None else _text(self.status(scope))
        status = self._meaning(word) if self.words else self._decide(scope)
        after = None if self.after is None else number_of(_optional(self.after, scope))
        # Words that are known are the manifest's own, and safe to show.
        shown = word if word in self.words else plain(word, LONGEST_WORD)
        return JobState(
            status=status,
            word=shown or ("" if status is JobStatus.HELD else str(status)),
            progress=None if self.progress is None else number_of(_optional(self.progress, scope)),
            error="" if self.error is None else plain(_text(_optional(self.error, scope))),
            cost=None if self.cost is None else number_of(_optional(self.cost, scope)),
            kept={name: value for name, tree in self.keep.items() if (value := _optional(tree, scope)) is not None},
            counters={name: _optional(tree, scope) for name, tree in self.counters.items()},
            poll_after_s=after if after is not None else poll_after_s,
            reply=scope.get("response"),
            bad_items=named_items(self.bad_items, scope) if status is JobStatus.FAILED else frozenset(),
        )

    def _meaning(self, word: str) -> JobStatus:
        """Return the status of a word; no word at all (yet) is not a new one: the job is asked again."""
        return self.words.get(word, JobStatus.HELD if word else JobStatus.RUNNING)

    def _decide(self, scope: Scope) -> JobStatus:
        for when, status in self.rules:
            if when.is_true(scope):
                return status
        return JobStatus.HELD


def compile_states(compiler: Compiler, pointer: Pointer, names: Names) -> StateRules:
    """Compile the state rules of a poll block."""
    data = compiler.at((*pointer, "states"))
    words: dict[str, JobStatus] = {}
    rules: list[tuple[Tree, JobStatus]] = []
    if isinstance(data, Mapping):
        words = {_text(word): JobStatus(name) for name, listed in data.items() for word in listed}
        if not compiler.has((*pointer, "status")):
            compiler.tell("missing-field", "states by words need status, where the word stands", pointer)
    elif isinstance(data, list):
        for at, rule in enumerate(data):
            when = compiler.needed((*pointer, "states", at, "when"), names)
            rules.append((when, JobStatus(rule["is"])))
    trees = {name: compiler.tree((*pointer, name), names) for name in _TREES}
    counters, keep = (compile_map(compiler, (*pointer, name), names) for name in ("counters", "keep"))
    return StateRules(words=words, rules=rules, counters=counters, keep=keep, **trees)


def named_items(tree: Tree | None, scope: Scope) -> frozenset[str]:
    """Return tokens, and numbers as `#2`, of the items that a reply blames; none when it names none."""
    given = _optional(tree, scope)
    each = given if isinstance(given, list) else [given]
    return frozenset(f"#{one}" if isinstance(one, int) else str(one) for one in each if one is not None)


def _optional(tree: Tree | None, scope: Scope) -> Json:
    """Grow what a reply need not hold (yet): what is not there is None."""
    try:
        return None if tree is None else tree(scope)
    except RecipeError:
        return None


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def number_of(value: Json) -> float | None:
    """Return a reply's value as a finite number; None for anything else, such as `nan` and `1e999`."""
    try:
        number = None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number is not None and isfinite(number) else None
