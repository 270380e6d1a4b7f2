"""Many small jobs: 10,000 and 100,000 items, one job each, done at once, durable ledger, JSONL sink.

Against the scripts that a user would write by hand without any journal, over the same connections at one time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.benchmarks import light
from tests.benchmarks.measure import (
    ROOT,
    AtLeast,
    Figure,
    Row,
    Sample,
    Setting,
    Variant,
    in_turns,
    once,
    per_second,
    python,
    tell,
)

IN_FLIGHT = 64
PEERS = {"httpx_script": "httpx as it comes", "aiohttp_script": "aiohttp", "raw": "raw asyncio client, no library"}
WANTED = {"httpx_script": AtLeast(5), "aiohttp_script": AtLeast(1), "raw": AtLeast(0.25)}
SLOW = {"httpx_script": 2_000}
"""Peers that would take many minutes are measured with fewer items; their items/s do not grow with the number."""


def rows(setting: Setting) -> Iterator[Row]:
    """Measure with uvloop (`runner[fast]`), then the smaller size with the standard loop as well."""
    sizes = (setting.size(10_000, 500), setting.size(100_000, 2_000))
    with light.server() as url:
        yield from _compared(setting, url, sizes[0], "uvloop")
        yield from _compared(setting, url, sizes[0], "asyncio")
        yield from _compared(setting, url, sizes[1], "uvloop")
        yield _ceiling(setting, url, sizes[0])


def _compared(setting: Setting, url: str, count: int, loop: str) -> Iterator[Row]:
    tell(f"  {count:,} items, {loop}")
    runs = setting.runs if count <= 10_000 else min(setting.runs, 3)
    folder = place(setting.room(f"items-{count}-{loop}"), url, count)
    samples = in_turns([ours(folder, count, loop), *peers(folder, url, count, loop)], runs)
    for peer, words in PEERS.items():
        yield Row(
            f"items-{count}-{loop}-{peer}",
            f"{count:,} items, one job each, durable ledger ({loop})",
            f"asyncio script, {words} ({loop}), no journal",
            "items/s",
            per_second(samples["runner"], count),
            per_second(samples[peer], _count(peer, count)),
            WANTED[peer],
            _note(peer, count, samples, runs),
        )


def place(folder: Path, url: str, count: int) -> Path:
    """Write the project, the recipe and the items."""
    light.write_project(folder, url)
    items = light.write_items(folder / "items.jsonl", count)
    light.write_recipe(folder, items, in_flight=IN_FLIGHT)
    light.write_items(folder / "few.jsonl", min(count, *SLOW.values()))
    return folder


def ours(folder: Path, count: int, loop: str) -> Variant:
    return light.apply(folder, count, **(_without_uvloop(folder) if loop == "asyncio" else {}))


def _without_uvloop(folder: Path) -> Mapping[str, str]:
    """Return the environment in which nobody finds uvloop, as after an installation without the extra."""
    hidden = folder / "hidden"
    hidden.mkdir()
    (hidden / "uvloop.py").write_text("raise ImportError\n")
    return {"PYTHONPATH": f"{hidden}{os.pathsep}{ROOT}"}


def peers(folder: Path, url: str, count: int, loop: str) -> Sequence[Variant]:
    return [_peer(folder, url, peer, _count(peer, count), loop) for peer in PEERS]


def _peer(folder: Path, url: str, peer: str, count: int, loop: str) -> Variant:
    out = folder / f"{peer}.jsonl"
    items = "items.jsonl" if peer not in SLOW else "few.jsonl"
    command = python("-m", f"tests.benchmarks.peers.{peer}", url, items, out.name, str(IN_FLIGHT), loop)
    return Variant(peer, command, folder, after=lambda: light.complete(out, count))


def _count(peer: str, count: int) -> int:
    return min(count, SLOW.get(peer, count))


def _note(peer: str, count: int, samples: Mapping[str, Sequence[Sample]], runs: int) -> str:
    parts = [f"{runs} rounds." if runs < 5 else ""]
    if _count(peer, count) < count:
        parts.append(f"The httpx script did {_count(peer, count):,} items a round: more would take many minutes.")
    return " ".join(part for part in parts if part)


def _ceiling(setting: Setting, url: str, count: int) -> Row:
    """Say how many requests a second the server's own CPU time would allow, beside what its fastest client asks."""
    folder = place(setting.room(f"items-{count}-ceiling"), url, count)
    raw = _peer(folder, url, "raw", count, "uvloop")
    ceilings, reached = [], []
    for _ in range(setting.runs):
        before = light.stats(url)
        sample = once(raw)
        after = light.stats(url)
        ceilings.append((after.requests - before.requests) / (after.seconds - before.seconds))
        reached.append((after.requests - before.requests) / sample.wall_s)
    return Row(
        f"items-{count}-ceiling",
        "the light server's ceiling: requests per second of its own CPU",
        "what the raw asyncio client asks of it (uvloop)",
        "requests/s",
        Figure(ceilings),
        Figure(reached),
    )
