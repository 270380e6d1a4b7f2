"""Whether the items that somebody names are there, before anything is done about them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from runner.assembly.session import Session
from runner.engine.select import filtered, selection_mark
from runner.engine.work import Work
from runner.model.errors import UsageError
from runner.model.recipe import Recipe
from runner.model.suggest import closest

_COMPARED: Final = 10_000  # keys; more would take seconds, for a guess
_SHOWN: Final = 10


async def refuse_unknown(session: Session, recipes: Sequence[Recipe], keys: Sequence[str]) -> None:
    """See that every key is that of an item which one of the recipes selects; writes nothing.

    A source is read for it, unless it can prove that the selection in the ledger is what it would give.

    Raises:
        UsageError: of some keys there is no item.
        ConfigError: a source cannot be read.
    """
    missing, seen = dict.fromkeys(keys), list[str]()
    for recipe in recipes:
        for work in await session.work(recipe):
            async for some in _selected(work):
                for key in missing.keys() & set(some):
                    del missing[key]
                seen += some[: _COMPARED - len(seen)]
            if not missing:
                return
    raise _unknown(list(missing), seen, ", ".join(recipe.name for recipe in recipes[:_SHOWN]))


def _unknown(missing: Sequence[str], seen: Sequence[str], names: str) -> UsageError:
    shown = missing[:_SHOWN]
    listed = ", ".join(map(repr, shown)) + (f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else "")
    noun = "there is no item" if len(missing) == 1 else "there are no items"
    close = dict.fromkeys(guess for key in shown if (guess := closest(key, seen)))
    guess = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
    mend = f"{guess}nothing was done; runner status --failed lists the items that have failed or are held"
    return UsageError(f"{noun} {listed} in the selection of {names}", mend=mend)


async def _selected(work: Work) -> AsyncIterator[list[str]]:
    known, mark = await work.ledger.fingerprint(work.scope), await selection_mark(work)
    if mark and all(known.get(name) == value for name, value in mark.items()):
        async for rows in work.ledger.selected(work.scope):
            yield [key for key, *_ in rows]
    else:
        async for batch in filtered(work):
            yield [item.key for item in batch.items]
