"""Whether the items that somebody names are there, before anything is done about them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from runner.assembly.session import Session
from runner.engine.select import filtered, selection_mark
from runner.engine.work import Work
from runner.model.errors import UsageError
from runner.model.ledger import ItemStatus
from runner.model.recipe import Recipe
from runner.model.suggestion import closest

_COMPARED: Final = 10_000  # keys; more would take seconds, for a guess
_SHOWN: Final = 10


async def refuse_unknown(
    session: Session, recipes: Sequence[Recipe], keys: Sequence[str], *, replaced: bool = False
) -> None:
    """Raise unless every key is that of a selected item that can be tried again; writes nothing.

    A source is read for it, unless it can prove that the selection in the ledger is what it would give.

    Args:
        session: of the project.
        recipes: that may select the items.
        keys: of the items.
        replaced: whether items that have succeeded are to be paid for again; else only others can be tried again.

    Raises:
        UsageError: of some keys there is no item, or it has (not) succeeded.
        ConfigError: a source cannot be read.
    """
    missing, seen = dict.fromkeys(keys), list[str]()
    found: set[str] = set()
    for recipe in recipes:
        for work in await session.work(recipe):
            async for some in _selected(work):
                for key in missing.keys() & some.keys():
                    found.add(key)
                    if some[key] is replaced:
                        del missing[key]
                seen += list(some)[: _COMPARED - len(seen)]
            if not missing:
                return
    if unknown := [key for key in missing if key not in found]:
        raise _unknown(unknown, seen, ", ".join(recipe.name for recipe in recipes[:_SHOWN]))
    first = next(iter(missing))
    if replaced:
        what = f"item {first!r} has not succeeded: it has no result to replace"
        raise UsageError(what, mend="runner apply sends new items, runner retry sends failed ones")
    what = f"item {first!r} has already succeeded"
    raise UsageError(what, mend=f"to pay for it again: runner apply --replace {first}")


def _unknown(missing: Sequence[str], seen: Sequence[str], names: str) -> UsageError:
    shown = missing[:_SHOWN]
    listed = ", ".join(map(repr, shown)) + (f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else "")
    noun = "there is no item" if len(missing) == 1 else "there are no items"
    close = dict.fromkeys(guess for key in shown if (guess := closest(key, seen)))
    guess = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
    mend = f"{guess}nothing was done; runner status --failed lists the items that have failed or are held"
    return UsageError(f"{noun} {listed} in the selection of {names}", mend=mend)


async def _selected(work: Work) -> AsyncIterator[dict[str, bool]]:
    """Yield the keys of the selected items in batches, each with whether the item has succeeded."""
    known, mark = await work.ledger.fingerprint(work.scope), await selection_mark(work)
    is_known = mark and known.get("work") == work.work and all(known.get(name) == mark[name] for name in mark)
    if is_known:
        async for rows in work.ledger.selected(work.scope):
            yield {key: status == ItemStatus.SUCCEEDED for key, _, _, status in rows}
    else:
        async for batch in filtered(work):
            standings = await work.ledger.standings(work.scope, work.work, batch.items)
            pairs = zip(batch.items, standings, strict=True)
            yield {item.key: standing.status == ItemStatus.SUCCEEDED for item, standing in pairs}
