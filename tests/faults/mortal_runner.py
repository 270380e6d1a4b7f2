"""The installed command with kill points: `FAULTS_DIE_AT=17 python -m tests.faults.mortal_runner apply -f ...`.

The process kills itself (SIGKILL) at its 17th moment. Moments lie before and after every commit of the ledger, between
a commit and the counter beside it, before and after every request, and around every rename and sync of a sink. With
`FAULTS_MOMENTS=FILE` the names of all moments are written there. `FAULTS_CLOCK=SECONDS` sets the wall clock wrong by so
much, `FAULTS_CLOCK_AFTER=N` only from the Nth moment on. `FAULTS_STOP_AT=17` stops it there (SIGSTOP), until somebody
lets it go on; `FAULTS_LEASE=SECONDS` makes leases that short. Nothing of this is known to the program itself.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from runner.cli import main
from runner.engine import lease
from runner.ledger import serial, sqlite, sqlite_files
from runner.transport import clock, http1, network, not_after

DIE_AT = int(os.environ.get("FAULTS_DIE_AT", "0"))
STOP_AT = int(os.environ.get("FAULTS_STOP_AT", "0"))
LEASE_S = float(os.environ.get("FAULTS_LEASE", "0"))
MOMENTS = os.environ.get("FAULTS_MOMENTS", "")
CLOCK_S = float(os.environ.get("FAULTS_CLOCK", "0"))
CLOCK_AFTER = int(os.environ.get("FAULTS_CLOCK_AFTER", "0"))

_lock = threading.Lock()
_count = 0


def moment(name: str) -> None:
    """Die here, when it is time to."""
    global _count
    with _lock:
        _count += 1
        if MOMENTS:
            with Path(MOMENTS).open("a", encoding="utf-8") as file:
                file.write(name + "\n")
        if _count == DIE_AT:
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)
        if _count == STOP_AT:
            os.kill(os.getpid(), signal.SIGSTOP)


def around(holder: type, verb: str, name: str) -> None:
    """Put a moment before and after a verb."""
    real = getattr(holder, verb)

    @functools.wraps(real)
    def wrapped(*arguments, **named):
        moment(f"before {name}")
        result = real(*arguments, **named)
        moment(f"after {name}")
        return result

    setattr(holder, verb, wrapped)


def around_requests() -> None:
    real = network.NetworkWire.open

    async def opened(self, sent):
        path = "/" + sent.url.split("/", 3)[-1].split("?")[0]
        moment(f"before {sent.method} {path}")
        received = await real(self, sent)
        moment(f"after {sent.method} {path}")
        return received

    network.NetworkWire.open = opened
    before_look()


def before_look() -> None:
    """Put a moment before the look that stands right before a write; the gap behind it is named in `HeldLease`."""
    real = not_after.refuse_late

    def refused(until) -> None:
        moment("before look")
        real(until)

    vars(http1)["refuse_late"] = refused


def around_syncs() -> None:
    real = os.fsync

    def synced(fd: Any) -> None:
        path = Path(f"/proc/self/fd/{fd}").readlink()
        name = f"folder {path.name}" if path.is_dir() else "file"
        moment(f"before sync {name}")
        real(fd)
        moment(f"after sync {name}")

    os.fsync = synced


def wrong_clock() -> None:
    def now(self) -> float:
        return time.time() + (CLOCK_S if _count >= CLOCK_AFTER else 0.0)

    clock.SystemClock.now = now


def short_leases() -> None:
    vars(sqlite_files)["_BUSY_S"] = LEASE_S  # a holder that was stopped inside a transaction lets nobody in
    lease.TTL_S, lease.BEAT_S, lease.MARGIN_S = LEASE_S, LEASE_S / 2, LEASE_S / 4


def arm() -> None:
    around(sqlite.SqliteConnection, "commit", "commit")
    around(serial.SerialFile, "write", "serial")
    around_requests()
    try:
        from runner.ledger import postgres_connection
    except ImportError:
        pass
    else:
        around(postgres_connection.PostgresConnection, "commit", "commit")
    real = os.replace

    def replaced(*arguments, **named):
        moment("before rename")
        real(*arguments, **named)
        moment("after rename")

    os.replace = replaced
    around_syncs()
    if CLOCK_S:
        wrong_clock()
    if LEASE_S:
        short_leases()


if __name__ == "__main__":
    arm()
    sys.exit(main.main())
