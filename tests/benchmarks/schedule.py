"""Jobs of 30 s: how near to a perfect schedule, how many questions, how late an end is noticed.

10,000 items in skipped time (see `skipping.py`), 64 in flight and then all of them.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence

from tests.benchmarks.measure import AtMost, Figure, Row, Sample, Setting, Variant, once, python, rounds, tell
from tests.benchmarks.paced import DURATION_S


def rows(setting: Setting) -> Iterator[Row]:
    """Measure it, at most three rounds: what is skipped differs little."""
    count = setting.size(10_000, 500)
    for in_flight in (setting.size(64, 16), count):
        yield from _measured(setting, count, in_flight)


def _measured(setting: Setting, count: int, in_flight: int) -> Iterator[Row]:
    runs = min(setting.runs, 3)
    folder = setting.room(f"schedule-{in_flight}")
    facts: dict[str, list[float]] = {}
    samples: list[Sample] = []
    for number in range(runs):
        room = folder / str(number)
        room.mkdir()
        command = python("-m", "tests.benchmarks.paced", str(count), str(in_flight), "facts.json")
        samples.append(once(Variant("paced", command, room)))
        for name, value in json.loads((room / "facts.json").read_text()).items():
            facts.setdefault(name, []).append(value)
        tell(f"    {number + 1}/{runs} {in_flight:,} in flight: {_text(facts)} in {samples[-1].wall_s:.1f} s")
    yield from _rows(
        f"schedule-{count}-{in_flight}", f"{count:,} jobs of 30 s, {in_flight:,} in flight", facts, samples
    )


def _text(facts: dict[str, list[float]]) -> str:
    return ", ".join(f"{name} {values[-1]:.4g}" for name, values in facts.items())


def _rows(name: str, work: str, facts: dict[str, list[float]], samples: Sequence[Sample]) -> Iterator[Row]:
    cpu_s, peak_mib = [sample.cpu_s for sample in samples], [sample.peak_mib for sample in samples]
    real_s = statistics.median(sample.wall_s for sample in samples)
    note = (
        f"{rounds(len(samples))}. Time in which nothing happened was skipped, work took its real time: "
        f"this ran {real_s:.0f} s instead of its schedule. Standard loop."
    )
    took, late = Figure(facts["took_s"], cpu_s, peak_mib), Figure(facts["late_s"])
    yield Row(
        f"{name}-end", f"{work}: all done", "a perfect schedule", "s", took, Figure(facts["ideal_s"]), AtMost(1.1), note
    )
    polls = f"The job that was asked most often was asked {max(facts['most_polls']):.0f} times."
    yield Row(
        f"{name}-polls", f"{work}: questions a job, mean", "", "polls", Figure(facts["polls"]), None, AtMost(6), polls
    )
    duration = Figure([DURATION_S] * len(samples))
    yield Row(
        f"{name}-late", f"{work}: end noticed after, median", "duration of a job", "s", late, duration, AtMost(0.1)
    )
