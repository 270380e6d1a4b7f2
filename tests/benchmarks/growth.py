"""How cost grows from 1,000 to 1,000,000 items, one job each: time and memory of `apply`, and a plot of both.

The million is the memory row as well: its resident memory is looked at all the time, and must not grow with the items.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from tests.benchmarks import light
from tests.benchmarks.measure import AtMost, Figure, Row, Sample, Setting, once, per_second, rounds, seconds, tell
from tests.benchmarks.plot import Panel, svg

PLOT = Path(__file__).parent / "growth.svg"
SIZES = (1_000, 10_000, 100_000, 1_000_000)
SMALL = (100, 1_000)
LOOKED_EVERY_S = 0.1
ONCE_FROM = 100_000


def rows(setting: Setting) -> Iterator[Row]:
    """Measure the sizes; large ones once, because they take minutes."""
    measured: dict[int, Sequence[Sample]] = {}
    with light.server() as url:
        for count in SMALL if setting.small else SIZES:
            samples, memory = _measured(setting, url, count)
            measured[count] = samples
            yield _time(count, samples)
        yield _memory(count, samples, memory)
    if not setting.small:
        PLOT.write_text(picture(measured))


def _measured(setting: Setting, url: str, count: int) -> tuple[Sequence[Sample], Sequence[float]]:
    """Return the samples, and the memory over time of the last one."""
    folder = light.write_project(setting.room(f"growth-{count}"), url)
    light.write_recipe(folder, light.write_items(folder / "items.jsonl", count))
    samples = []
    for _ in range(1 if count >= ONCE_FROM else min(setting.runs, 3)):
        memory: list[float] = []
        samples.append(once(light.apply(folder, count), partial(_looking, memory=memory)))
        tell(f"    {count:,} items: {samples[-1].wall_s:.1f} s, {samples[-1].peak_mib:.0f} MiB")
    shutil.rmtree(folder)  # the ledger of a million items takes half a gigabyte
    return samples, memory


def _looking(pid: int, memory: list[float]) -> None:
    threading.Thread(target=_look, args=(pid, memory), daemon=True).start()


def _look(pid: int, memory: list[float]) -> None:
    """Note the resident memory again and again until the process has ended."""
    page_mib = os.sysconf("SC_PAGESIZE") / 2**20
    while True:
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except (FileNotFoundError, ProcessLookupError):
            return
        if pages:  # none are left when it has ended and nobody has waited for it yet
            memory.append(pages * page_mib)
        time.sleep(LOOKED_EVERY_S)


def _time(count: int, samples: Sequence[Sample]) -> Row:
    peak = max(sample.peak_mib for sample in samples)
    return Row(
        f"growth-{count}",
        f"apply of {count:,} items, one job each (uvloop)",
        "",
        "s",
        seconds(samples),
        None,
        None,
        f"{per_second(samples, count).median:,.0f} items/s, at most {peak:.0f} MiB; {rounds(len(samples))}.",
    )


def _memory(count: int, samples: Sequence[Sample], memory: Sequence[float]) -> Row:
    quarters = [max(memory[len(memory) * part // 4 : max(1, len(memory) * (part + 1) // 4)]) for part in range(4)]
    told = ", ".join(f"{peak:.0f}" for peak in quarters)
    return Row(
        f"growth-{count}-memory",
        f"memory, {count:,} items streamed through",
        "",
        "MiB",
        Figure([samples[-1].peak_mib], [samples[-1].cpu_s], [samples[-1].peak_mib]),
        None,
        AtMost(300),
        f"The most in each quarter of the time: {told} MiB.",
    )


def picture(measured: dict[int, Sequence[Sample]]) -> str:
    """Return the plot."""
    times = [(count, seconds(samples).median) for count, samples in measured.items()]
    peaks = [(count, max(sample.peak_mib for sample in samples)) for count, samples in measured.items()]
    panels = [Panel("seconds of apply, by items", "s", times), Panel("peak memory, by items", "MiB", peaks)]
    return svg(panels, "One job for each item, done at once, durable ledger, JSONL sink")
