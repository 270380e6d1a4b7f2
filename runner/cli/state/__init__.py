"""`runner state`: look into the ledger, and decide what no program may decide."""

from __future__ import annotations

import click

from runner.cli.state.adopt import adopt
from runner.cli.state.copy import copy
from runner.cli.state.export import export
from runner.cli.state.list import list_jobs
from runner.cli.state.mark import mark
from runner.cli.state.show import show
from runner.cli.state.unlock import unlock


@click.group("state")
def command() -> None:
    """Look into the ledger, and decide what no program may decide.

    \b
    Examples:
      runner state list -f recipes/                      jobs in flight, in doubt, held
      runner state show 4be19 -f recipes/                one job, or one item by its key, and its errors
      runner state adopt 4be19 run-77 -f recipes/        this job is run-77 on the platform
      runner state mark 4be19 absent -f recipes/         it was never accepted: send its items again
      runner state unlock -f recipes/invoices.yaml --yes its holder is dead, on a machine that cannot be asked
      runner state copy .runner/ledger.db env:NEW_URL    to Postgres, for several machines
    """


for each in (list_jobs, show, adopt, mark, unlock, export, copy):
    command.add_command(each)
