"""Many small jobs: 10,000 and 100,000 items, one job each, done at once, durable ledger, JSONL sink.

Against the scripts that a user would write by hand without any journal, over the same connections at one time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import light
from tests.benchmarks.measure import (
    ROOT,
    AtLeast,
    Figure,
    Row,
    Setting,
    Variant,
    in_turns,
    once,
    per_second,
    python,
    rounds,
    tell,
)

IN_FLIGHT = 64
"""As many as a recipe has that does not say."""
MANY = 256
PEERS = {
    "httpx_script": "asyncio script, httpx as it comes",
    "aiohttp_script": "asyncio script, aiohttp",
    "streams": "raw asyncio client on streams, its own HTTP parser",
    "raw": "raw asyncio client on protocols, reads only what this very server writes",
}
WANTED = {
    "httpx_script": AtLeast(5),
    "aiohttp_script": AtLeast(1),
    "streams": AtLeast(0.25),
    "raw": AtLeast(0.25),
}
SLOW = {"httpx_script": 2_000}
"""Peers that would take many minutes are measured with fewer items; their items/s do not grow with the number."""
FEW_CONNECTIONS = {"httpx_script": 100}
LONG_RUNS = 2


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison: items, jobs or connections at one time, and the loop of everybody."""

    count: int
    in_flight: int
    loop: str

    @property
    def name(self) -> str:
        return f"{self.count}-{self.in_flight}-{self.loop}"


def rows(setting: Setting) -> Iterator[Row]:
    """Measure with uvloop (`runner[fast]`), and the smaller size with the standard loop as well."""
    few, many = setting.size(10_000, 500), setting.size(100_000, 2_000)
    cases = [Case(few, IN_FLIGHT, "uvloop"), Case(few, IN_FLIGHT, "asyncio")]
    cases += [Case(few, MANY, "uvloop"), Case(many, MANY, "uvloop")]
    with light.server() as url:
        for case in cases if not setting.small else cases[:1]:
            yield from _compared(setting, url, case)
        yield _ceiling(setting, url, cases[0])


def _compared(setting: Setting, url: str, case: Case) -> Iterator[Row]:
    tell(f"  {case.count:,} items, {case.in_flight} in flight, {case.loop}")
    is_long = case.count > 10_000
    runs = min(setting.runs, LONG_RUNS) if is_long else setting.runs
    folder = place(setting.room(f"items-{case.name}"), url, case)
    samples = in_turns([ours(folder, case), *peers(folder, url, case)], runs, warm_up=not is_long)
    for peer, words in PEERS.items():
        yield Row(
            f"items-{case.name}-{peer}",
            f"{case.count:,} items, one job each, durable ledger, {case.in_flight} in flight ({case.loop})",
            f"{words} ({case.loop}), no journal",
            "items/s",
            per_second(samples["runner"], case.count),
            per_second(samples[peer], _count(peer, case)),
            None if setting.small else WANTED[peer],
            _note(peer, case, runs),
        )


def place(folder: Path, url: str, case: Case) -> Path:
    """Write the project, the recipe and the items."""
    light.write_project(folder, url)
    items = light.write_items(folder / "items.jsonl", case.count)
    light.write_recipe(folder, items, in_flight=case.in_flight)
    light.write_items(folder / "few.jsonl", min(case.count, *SLOW.values()))
    return folder


def ours(folder: Path, case: Case) -> Variant:
    return light.apply(folder, case.count, **(_without_uvloop(folder) if case.loop == "asyncio" else {}))


def _without_uvloop(folder: Path) -> Mapping[str, str]:
    """Return the environment in which nobody finds uvloop, as after an installation without the extra."""
    hidden = folder / "hidden"
    hidden.mkdir(exist_ok=True)
    (hidden / "uvloop.py").write_text("raise ImportError\n")
    return {"PYTHONPATH": f"{hidden}{os.pathsep}{ROOT}"}


def peers(folder: Path, url: str, case: Case) -> Sequence[Variant]:
    return [_peer(folder, url, peer, case) for peer in PEERS]


def _peer(folder: Path, url: str, peer: str, case: Case) -> Variant:
    out = folder / f"{peer}.jsonl"
    items = "items.jsonl" if peer not in SLOW else "few.jsonl"
    command = python(
        "-m", f"tests.benchmarks.peers.{peer}", url, items, out.name, str(_connections(peer, case)), case.loop
    )
    return Variant(peer, command, folder, after=lambda: light.complete(out, _count(peer, case)))


def _connections(peer: str, case: Case) -> int:
    return min(case.in_flight, FEW_CONNECTIONS.get(peer, case.in_flight))


def _count(peer: str, case: Case) -> int:
    return min(case.count, SLOW.get(peer, case.count))


def _note(peer: str, case: Case, runs: int) -> str:
    parts = [f"{rounds(runs)}." if runs < 5 else ""]
    if _count(peer, case) < case.count:
        parts.append(f"The httpx script did {_count(peer, case):,} items a round: more would take many minutes.")
    if _connections(peer, case) < case.in_flight:
        parts.append(f"It has {_connections(peer, case)} connections, as many as httpx opens as it comes.")
    return " ".join(part for part in parts if part)


def _ceiling(setting: Setting, url: str, case: Case) -> Row:
    """Say how many requests a second the server's own CPU time would allow, beside what its fastest client asks."""
    folder = place(setting.room("items-ceiling"), url, case)
    raw = _peer(folder, url, "raw", case)
    ceilings, reached = [], []
    for _ in range(setting.runs):
        before = light.stats(url)
        sample = once(raw)
        after = light.stats(url)
        ceilings.append((after.requests - before.requests) / (after.seconds - before.seconds))
        reached.append((after.requests - before.requests) / sample.wall_s)
    return Row(
        f"items-{case.name}-ceiling",
        "the light server's ceiling: requests per second of its own CPU",
        "what the raw asyncio client asks of it (uvloop)",
        "requests/s",
        Figure(ceilings),
        Figure(reached),
    )
