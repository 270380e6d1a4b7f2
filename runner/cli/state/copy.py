"""`runner state copy`: a ledger goes to another store."""

from __future__ import annotations

import os
from urllib.parse import parse_qsl, urlsplit

import click

from runner.assembly.copying import copied
from runner.cli.console import out
from runner.cli.exits import Exit
from runner.cli.loop import run
from runner.transport.clock import SystemClock


@click.command("copy")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
def copy(source: str, target: str) -> Exit:
    """Copy the ledger FROM to TO, where none is yet: from a file to Postgres, or back; all of it or nothing.

    Each is a path, sqlite:PATH, postgresql://USER@HOST/DATABASE, or env:NAME: the URL stands in the variable NAME,
    for a password belongs on no command line. No recipe is read. No apply may work meanwhile; the old ledger stays
    as it is, and must not be used any more: what one of them learns the other does not know, and would pay again.

    \b
    Examples:
      runner state copy .runner/ledger.db env:RUNNER_LEDGER
      runner state copy postgresql://runner@db.example/runner ledger.db
    """
    for each in (source, target):
        _refuse_password(each)
    found = run(copied(source, target, os.environ, SystemClock()))
    for table, number in found.rows.items():
        if number:
            out(f"  {table.replace('_', ' '):<13}{number:,}")
    out(f"copied; now write `ledger: {found.ledger}` into runner.yaml")
    out(f"{source} stays as it is: never apply with it again")
    return Exit.DONE


def _refuse_password(url: str) -> None:
    """Refuse a URL with a password: the list of processes and the history of the shell show it to others."""
    try:
        parts = urlsplit(url)
        is_open = parts.password is not None or any("password" in name for name, _ in parse_qsl(parts.query))
    except ValueError:  # no URL at all: who opens it says so
        return
    if is_open and parts.scheme.startswith("postgres"):
        what = "a password belongs on no command line: put the URL into a variable, and write env:NAME for it"
        raise click.UsageError(what)
