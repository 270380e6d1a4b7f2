"""The frame of the benchmarks: whole processes measured in turns, and the row of the table that comes of it.

A room of rows is a module here with one function, named in the table `ROWS` of `__main__.py` by the word of `--only`:

    def rows(setting: Setting) -> Iterable[Row]:
        ours = Variant("runner", python("-m", "runner", "validate", "-f", "recipes"), folder)
        theirs = Variant("loader", python("-m", "tests.benchmarks.peers.loading", "recipes"), folder)
        samples = in_turns([ours, theirs], setting.runs)         # one warm-up round that does not count, then N rounds
        yield Row(
            "validate-1000", "`validate` of 1,000 recipes", "the C YAML loader", "s",
            seconds(samples["runner"]), seconds(samples["loader"]), AtMost(3),
        )

Every variant is a process of its own, started, waited for and measured by the kernel (`wait4`): wall clock, CPU of the
process and of all its children, its largest resident memory. `before` and `after` of a variant run outside of the
measured time; `after` must raise when the work was not done, so that nobody is fast by doing nothing.

A figure is the list of all values of one side; its median counts. The ratio of a row is ours divided by theirs, or our
figure alone where there is no other side. This module imports the standard library only, and holds little: the
kernel counts the memory of the parent as the child's until the child's program starts.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Setting:
    """How the command was called.

    Attributes:
        runs: rounds that count.
        folder: empty, for what is written.
        airbyte: the environment of the Airbyte CDK, which is made when it is not there; None when nobody asked for it.
    """

    runs: int
    small: bool
    folder: Path
    airbyte: Path | None = None

    def size(self, full: int, small: int) -> int:
        return small if self.small else full

    def room(self, name: str) -> Path:
        """Return a new folder."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        return folder


@dataclass(frozen=True, slots=True)
class Sample:
    """One whole process."""

    wall_s: float
    cpu_s: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class Variant:
    """One side of a comparison: a command, and what happens around it, unmeasured."""

    name: str
    command: Sequence[str]
    folder: Path
    before: Callable[[], object] | None = None
    after: Callable[[], object] | None = None
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AtLeast:
    limit: float
    text = "at least"

    def holds(self, ratio: float) -> bool:
        return ratio >= self.limit


@dataclass(frozen=True, slots=True)
class AtMost:
    limit: float
    text = "at most"

    def holds(self, ratio: float) -> bool:
        return ratio <= self.limit


@dataclass(frozen=True, slots=True)
class Figure:
    """All values of one side, in the unit of its row; CPU seconds and peak memory where they are known."""

    values: Sequence[float]
    cpu_s: Sequence[float] = field(default_factory=list)
    peak_mib: Sequence[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.values)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        name: unique and lasting; begins with the word of `--only` and a hyphen: `items-10000-raw`.
        work, against: what both sides did, and who the other side is.
        unit: of both figures: `items/s`, `s`, `MiB`, `x`.
        ours, theirs: the figures; no `theirs` where ours is compared with `wanted` itself.
        wanted: what the ratio (or our figure alone) must hold; None where a row only informs.
        note: sizes that differ, which loop, what stands in the way.
    """

    name: str
    work: str
    against: str
    unit: str
    ours: Figure
    theirs: Figure | None = None
    wanted: AtLeast | AtMost | None = None
    note: str = ""

    @property
    def ratio(self) -> float:
        return self.ours.median / self.theirs.median if self.theirs is not None else self.ours.median

    @property
    def reached(self) -> bool | None:
        return None if self.wanted is None else self.wanted.holds(self.ratio)


def seconds(samples: Sequence[Sample]) -> Figure:
    """Return the wall clock."""
    return _figure([sample.wall_s for sample in samples], samples)


def per_second(samples: Sequence[Sample], items: int) -> Figure:
    """Return items per second of the whole process."""
    return _figure([items / sample.wall_s for sample in samples], samples)


def mebibytes(samples: Sequence[Sample]) -> Figure:
    """Return the largest resident memory."""
    return _figure([sample.peak_mib for sample in samples], samples)


def _figure(values: Sequence[float], samples: Sequence[Sample]) -> Figure:
    return Figure(values, [sample.cpu_s for sample in samples], [sample.peak_mib for sample in samples])


def python(*arguments: str) -> Sequence[str]:
    """Return a command of this interpreter."""
    return (sys.executable, *arguments)


def in_turns(variants: Iterable[Variant], runs: int, *, warm_up: bool = True) -> Mapping[str, Sequence[Sample]]:
    """Run all variants one after the other, so many rounds; return the samples by name of the variant."""
    listed = list(variants)
    samples: dict[str, list[Sample]] = {variant.name: [] for variant in listed}
    for number in range(-1 if warm_up else 0, runs):
        for variant in listed:
            sample = once(variant)
            tell(f"    {'warm-up' if number < 0 else f'{number + 1}/{runs}'} {variant.name}: {_text(sample)}")
            if number >= 0:
                samples[variant.name].append(sample)
    return samples


def once(variant: Variant, watch: Callable[[int], object] | None = None) -> Sample:
    """Run a variant once; `watch` is called with its process id while it runs, and returns when it pleases.

    Raises:
        RuntimeError: it ended with another code than 0; its last words are in the text.
    """
    if variant.before is not None:
        variant.before()
    environ = {**os.environ, "PYTHONPATH": str(ROOT), **variant.environ}
    said = variant.folder / f"{variant.name}.stderr"
    with said.open("wb") as errors:
        began = time.perf_counter()
        child = subprocess.Popen(
            variant.command, cwd=variant.folder, env=environ, stdout=subprocess.DEVNULL, stderr=errors
        )
        if watch is not None:
            watch(child.pid)
        _, status, used = os.wait4(child.pid, 0)
        wall_s = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)  # it was waited for here, and must not be again
    if child.returncode != 0:
        raise RuntimeError(f"{variant.name} ended with {child.returncode}: {said.read_text()[-2000:]}")
    if variant.after is not None:
        variant.after()
    return Sample(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _text(sample: Sample) -> str:
    return f"{sample.wall_s:.2f} s, CPU {sample.cpu_s:.2f} s, {sample.peak_mib:.0f} MiB"


def rounds(number: int) -> str:
    """Say how many, for a note."""
    return "one round" if number == 1 else f"{number} rounds"


def tell(line: str) -> None:
    """Say on stderr how far it is."""
    print(line, file=sys.stderr, flush=True)
