"""The `run` of a recipe over the defaults of its project."""

from __future__ import annotations

from collections.abc import Mapping

from runner.model.duration import parse_duration
from runner.model.item import Json
from runner.model.recipe import Budget, PollRhythm, RunOptions

_NESTED = ("poll", "budget")


def overlaid(below: Mapping[str, Json], above: Mapping[str, Json]) -> dict[str, Json]:
    """Return one `run` laid over another; `poll` and `budget` are laid over field by field."""
    both = {**below, **above}
    for name in _NESTED:
        if isinstance(below.get(name), Mapping) and isinstance(above.get(name), Mapping):
            both[name] = {**below[name], **above[name]}
    return both


def run_options(run: Mapping[str, Json]) -> RunOptions:
    """Return the options of a checked `run`; durations become seconds."""
    given: dict[str, Json] = {name: value for name, value in run.items() if name in _PLAIN}
    for name in ("timeout", "deadline", "max_pause"):
        if name in run:
            given[f"{name}_s"] = None if run[name] == "never" else parse_duration(run[name])
    return RunOptions(**given, poll=_rhythm(run.get("poll", {})), budget=Budget(**run.get("budget", {})))


_PLAIN = ("items_per_job", "max_in_flight", "attempts", "on_unknown_submit", "same_failure_limit")


def _rhythm(poll: Mapping[str, Json]) -> PollRhythm:
    standard = PollRhythm()
    first_s = parse_duration(poll["first"]) if "first" in poll else standard.first_s
    max_s = parse_duration(poll["max"]) if "max" in poll else max(standard.max_s, first_s)
    return PollRhythm(first_s, poll.get("factor", standard.factor), max_s)
