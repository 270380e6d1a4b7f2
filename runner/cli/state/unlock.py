"""`runner state unlock`: take the lease from a holder that is dead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from runner.assembly.deciding import unlock as decide
from runner.assembly.loading import Loaded
from runner.assembly.session import open_session
from runner.cli import options
from runner.cli.console import out
from runner.cli.exits import Exit
from runner.cli.loading import load_or_stop
from runner.cli.loop import run
from runner.cli.options import Asked
from runner.cli.plan_text import holder_text
from runner.model.item import Json


@click.command("unlock")
@options.recipes
@options.emulated
@click.option("--yes", is_flag=True, help="Do it; without it the holders are only shown.")
def unlock(asked: Asked, *, emulate: bool, yes: bool) -> Exit:
    """Show who holds the leases of recipes, and take them away with --yes.

    Hardly ever needed: the lease of a process that died on this machine is taken over at once, any other one ends by
    itself a minute after its last sign of life. A holder that lives after all can write nothing any more.

    \b
    Examples:
      runner state unlock -f recipes/invoices.yaml
      runner state unlock -f recipes/invoices.yaml --yes
    """
    holders = run(_unlock(load_or_stop(asked), emulate=emulate, yes=yes))
    for recipe, holder in holders:
        if holder is None:
            out(f"{recipe} is not locked")
        else:
            done = "was locked" if yes else "is locked"
            out(f"{recipe} {done} {holder_text(holder)}" + ("" if yes else "; --yes takes the lease away"))
    locked = any(holder is not None for _, holder in holders)
    return Exit.LOCKED if locked and not yes else Exit.DONE


async def _unlock(loaded: Loaded, *, emulate: bool, yes: bool) -> Sequence[tuple[str, Mapping[str, Json] | None]]:
    async with open_session(loaded.project, loaded.known, loaded.catalog, emulate=emulate) as session:
        ledger, now = await session.ledger(), session.clock.now()
        return [
            (recipe.name, await (decide(session, recipe) if yes else ledger.holder(session.lease_name(recipe), now)))
            for recipe in loaded.recipes
        ]
