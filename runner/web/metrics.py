"""Counts of the service in the text format of Prometheus, version 0.0.4: a dozen lines need no library."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_TEXTS: Final = {
    "runner_orders_total": ("counter", "Signed requests and schedule times, by trigger and what became of them."),
    "runner_runs_ended_total": ("counter", "Runs that ended, by recipe and outcome."),
    "runner_runs_open": ("gauge", "Runs that wait or run now."),
    "runner_runs_limit": ("gauge", "Most runs that may wait or run (--max-runs)."),
    "runner_start_time_seconds": ("gauge", "When the service started, epoch seconds."),
}

_OF_A_BRANCH: Final = {
    "runner_sync_healthy": ("gauge", "1 when the newest commit is applied and no recipe is failing, else 0."),
    "runner_sync_frozen": ("gauge", "1 while a freeze window is on, else 0."),
    "runner_sync_checked_at_seconds": ("gauge", "When the branch was last looked at, epoch seconds."),
    "runner_sync_commit": ("gauge", "1 for the last good commit."),
    "runner_recipe_health": ("gauge", "1 for the state of each recipe: healthy, degraded or failing."),
}
"""Told when the service follows a branch."""

Labels = tuple[tuple[str, str], ...]


class Metrics:
    """Counters by name and labels; gauges are given when the text is made."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, Labels]] = Counter()

    def count(self, name: str, **labels: str) -> None:
        """Add one."""
        self._counts[name, tuple(sorted(labels.items()))] += 1

    def text(self, gauges: Mapping[tuple[str, Labels], float]) -> str:
        """Return all of it."""
        values: dict[tuple[str, Labels], float] = {**self._counts, **gauges}
        lines: list[str] = []
        known = {name for name, _ in values}
        texts = {**_TEXTS, **{name: each for name, each in _OF_A_BRANCH.items() if name in known}}
        for name, (kind, text) in texts.items():
            lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
            lines += _samples(name, sorted((labels, value) for (one, labels), value in values.items() if one == name))
        return "\n".join(lines) + "\n"


def _samples(name: str, values: Iterable[tuple[Labels, float]]) -> list[str]:
    return [f"{name}{_braces(labels)} {value:.17g}" for labels, value in values]


def _braces(labels: Labels) -> str:
    inner = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{inner}}}" if inner else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
