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
from runner.cli.loading import projects_or_stop
from runner.cli.loop import run
from runner.cli.options import Asked
from runner.cli.plan_text import holder_text
from runner.engine.lease import holder_now
from runner.model.item import Json


@click.command("unlock")
@options.recipes
@options.emulated
@click.option("--yes", is_flag=True, help="Do it; without it the holders are only shown.")
def unlock(asked: Asked, *, emulate: bool, yes: bool) -> Exit:
    """Show who holds the leases of recipes, and take them away with --yes.

    Without --yes it ends with 16 when one of them is in the way of the next apply.

    Hardly ever needed: the lease of a process that died on this machine is taken over at once, any other one ends by
    itself a minute after its last sign of life. A holder that lives after all can write nothing any more.

    \b
    Examples:
      runner state unlock -f recipes/invoices.yaml
      runner state unlock -f recipes/invoices.yaml --yes
    """
    holders = run(_unlock(projects_or_stop(asked), emulate=emulate, yes=yes))
    for recipe, holder in holders:
        out(f"{recipe} {_told(holder, yes=yes)}")
    locked = any(holder is not None and not holder.get("dead") for _, holder in holders)
    return Exit.LOCKED if locked and not yes else Exit.DONE


def _told(holder: Mapping[str, Json] | None, *, yes: bool) -> str:
    if holder is None:
        return "is not locked"
    verb = "was" if yes else "is"
    if holder.get("dead"):
        return f"{verb} {holder_text(holder)}"
    return f"{verb} locked {holder_text(holder)}" + ("" if yes else "; --yes takes the lease away")


async def _unlock(
    projects: Sequence[Loaded], *, emulate: bool, yes: bool
) -> Sequence[tuple[str, Mapping[str, Json] | None]]:
    found = []
    for loaded in projects:
        async with open_session(loaded.project, loaded.known, loaded.catalog, emulate=emulate) as session:
            ledger, now = await session.ledger(), session.clock.now()
            for recipe in loaded.recipes:
                name = recipe.name if len(projects) == 1 else f"{loaded.project.name}: {recipe.name}"
                found.append((name, await holder_now(ledger, session.lease_name(recipe), now)))
                if yes:
                    await decide(session, recipe)
    return found
