"""Who may write: leases that end by themselves, and a fence for holders that slept past theirs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from runner.ledger.codec import pack, unpack
from runner.ledger.database import Connection, transaction
from runner.model.errors import LeaseHeld
from runner.model.item import Json
from runner.model.ledger import Lease


def acquire(
    connection: Connection, name: str, holder: Mapping[str, Json], span: tuple[float, float], dead: int
) -> Lease:
    """Take the lease for (now, seconds) when it is free, has ended, or has the epoch `dead`; raises LeaseHeld."""
    now, ttl_s = span
    packed = pack(holder, f"the holder of {name}")
    with transaction(connection):
        at = connection.now(now)
        times = {"since": at, "until": at + ttl_s, "now": at}
        taken = connection.change("lease_taken", name=name, holder=packed, dead=dead, **times)
        epoch = connection.fetch("fence", name=name)[0][0]
        if not taken:
            raise held(name, holder_now(connection, name, now) or {})
    return Lease(name, epoch, now + ttl_s)


def renew(connection: Connection, lease: Lease, now: float, ttl_s: float) -> Lease:
    """Prolong the lease, ended or not, unless it was taken over; raises LeaseLost."""
    with transaction(connection, lease):
        until = connection.now(now) + ttl_s
        connection.change("lease_renewed", name=lease.name, epoch=lease.epoch, until=until)
    return Lease(lease.name, lease.epoch, now + ttl_s)


def release(connection: Connection, lease: Lease) -> None:
    """Give the lease back; one that was taken over is left alone."""
    with transaction(connection):
        connection.change("lease_released", name=lease.name, epoch=lease.epoch)


def holder_now(connection: Connection, name: str, now: float) -> Mapping[str, Json] | None:
    """Return the holder with `since`, `until` and `epoch`; None when the lease is free."""
    rows = connection.fetch("lease", name=name)
    at = connection.now(now)
    if not rows or rows[0][3] <= at:
        return None
    epoch, holder, since, until = rows[0]
    return {**unpack(holder), "since": since, "until": until - at + now, "epoch": epoch}


def held(name: str, holder: Mapping[str, Json]) -> LeaseHeld:
    """Say who holds the lease and since when."""
    since = datetime.fromtimestamp(float(holder.get("since", 0.0)), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    who = f"process {holder.get('pid', '?')} on {holder.get('host', '?')}"
    return LeaseHeld(
        f"another apply works on {name}: {who}, since {since}",
        holder=dict(holder),
        mend="wait until it ends; the lease of a dead one ends by itself",
    )
