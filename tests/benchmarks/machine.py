"""Where it was measured: processor, memory, versions; neither the name of the machine nor a path of it."""

from __future__ import annotations

import datetime
import os
import platform
import sqlite3
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

LIBRARIES = ("httpx", "httptools", "orjson", "uvloop", "aiohttp", "jinja2", "jsonschema", "pyyaml")


def description() -> str:
    """Return one line: date, cores, memory, system, Python, libraries."""
    memory_gib = os.sysconf("SC_PAGESIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    parts = [
        today,
        f"{os.cpu_count()} cores ({_processor()})",
        f"{memory_gib:.0f} GiB",
        f"{platform.system()} {platform.machine()}",
        f"Python {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
        *_versions(LIBRARIES),
    ]
    return ", ".join(parts)


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.is_file() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or "processor unknown"


def _versions(names: Sequence[str]) -> Sequence[str]:
    found = []
    for name in names:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:  # an extra that is not installed here
            continue
    return found
