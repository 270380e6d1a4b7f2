"""A Postgres server for the tests, of the binaries that the machine has, in a folder and on a socket of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


def binaries() -> Path | None:
    """Return the folder of `initdb` and `pg_ctl`; None without a server on this machine."""
    found = shutil.which("pg_ctl")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


def user() -> str | None:
    """Return the user to run the server as: it refuses to be run by root."""
    return None if os.getuid() else "nobody"


@dataclass(frozen=True)
class Server:
    """A running server; `url` has a place for the name of a database."""

    folder: Path
    home: Path
    url: str

    def start(self) -> None:
        """Start it; returns when it takes connections."""
        options = f"-k {self.home} -c listen_addresses='' -c max_connections=50 -c fsync=off"
        _run(self.folder / "pg_ctl", "-D", self.home / "data", "-l", self.home / "log", "-w", "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: as a crash does, or `fast`: as a restart for an update does."""
        _run(self.folder / "pg_ctl", "-D", self.home / "data", "-m", mode, "-w", "stop")


@contextmanager
def running() -> Iterator[Server]:
    """Run a server."""
    folder = binaries()
    if folder is None:
        pytest.skip("no Postgres server on this machine (apt-get install postgresql)")
    home = Path(tempfile.mkdtemp(prefix="pg"))  # short: the path of a socket has at most 107 bytes
    server = Server(folder, home, f"postgresql://runner@/{{}}?host={home}")
    try:
        if user():
            shutil.chown(home, user())
        _run(folder / "initdb", "-D", home / "data", "-U", "runner", "-A", "trust", "--no-sync", "-E", "UTF8")
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def postgres() -> Iterator[str]:
    """Run a server; give its URL without a database name."""
    with running() as server:
        yield server.url


def _run(*command: object) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(
        words, user=user(), cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60, check=False
    )
    if done.returncode:
        pytest.skip(f"the Postgres server of this machine does not start: {done.stderr.decode()[-300:]}")
