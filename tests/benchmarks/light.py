"""The light server as a process, and a project whose recipes work on it."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measure import ROOT, Variant, python

PLATFORMS = Path(__file__).parent / "platforms"
PROJECT = """\
apiVersion: runner/v1
kind: Project
name: benchmarks
connections:
  light: {platform: light, base_url: "%s"}
"""
RECIPE = """\
apiVersion: runner/v1
kind: Recipe
name: items
source:
  jsonl: {path: %s, key: id}
target:
  light.%s: {connection: light}
run:
  items_per_job: %d
  max_in_flight: %d
  poll: {first: 10ms, factor: 1.5, max: 1s}
record:
  id: "{{ item.id }}"
  of: "{{ result.of }}"
  length: "{{ result.length }}"
sinks:
  - jsonl: {path: out.jsonl}
"""
TEXT = "One line of an invoice that somebody wants to have read, with a sum and a date. " * 3


@dataclass(frozen=True, slots=True)
class Stats:
    """What the server counted so far."""

    submitted: int
    asked: int
    seconds: float

    @property
    def requests(self) -> int:
        return self.submitted + self.asked


@contextmanager
def server() -> Iterator[str]:
    """Start the light server; give its address."""
    command = python("-m", "tests.benchmarks.server")
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(child.stdout.readline())}"
        finally:
            child.terminate()


def stats(url: str) -> Stats:
    """Ask the server what it has done and what CPU that took."""
    with urllib.request.urlopen(f"{url}/stats") as reply:
        return Stats(**json.load(reply))


def write_items(file: Path, count: int) -> Path:
    """Write so many items of about 300 bytes, one to a line."""
    with file.open("w") as lines:
        lines.writelines(json.dumps({"id": f"item-{index:07}", "text": TEXT}) + "\n" for index in range(count))
    return file


def write_project(folder: Path, url: str) -> Path:
    """Write the project file and its platform."""
    (folder / "runner.yaml").write_text(PROJECT % url)
    shutil.copytree(PLATFORMS, folder / "platforms")
    return folder


def write_recipe(folder: Path, items: Path, kind: str = "job", *, per_job: int = 1, in_flight: int = 64) -> Path:
    """Write `recipe.yaml`."""
    file = folder / "recipe.yaml"
    file.write_text(RECIPE % (items.name, kind, per_job, in_flight))
    return file


def apply(folder: Path, count: int, **environ: str) -> Variant:
    """Return the variant that applies the recipe from nothing: no ledger, no sink's file."""

    def before() -> None:
        shutil.rmtree(folder / ".runner", ignore_errors=True)
        (folder / "out.jsonl").unlink(missing_ok=True)

    command = python("-m", "runner", "apply", "-f", "recipe.yaml", "-o", "json")
    return Variant("runner", command, folder, before, lambda: complete(folder / "out.jsonl", count), environ)


def complete(file: Path, count: int) -> None:
    """Make sure that there is a row for every item.

    Raises:
        RuntimeError: there are more or fewer.
    """
    with file.open("rb") as lines:
        found = sum(1 for _ in lines)
    if found != count:
        raise RuntimeError(f"{file.name} has {found} rows for {count} items")
