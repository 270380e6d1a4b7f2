"""Building a selection beside the current one: compared while it streams, written from the first difference on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from runner.ledger.codec import EMPTY, checksum, key_bytes, pack_item
from runner.ledger.database import Connection, Row
from runner.model.errors import LedgerError
from runner.model.item import Item
from runner.model.ledger import Standing

DUPLICATE: Final = "duplicate"


@dataclass(slots=True)
class Building:
    """A selection on its way.

    Attributes:
        scope: row number of the scope.
        current: number of the current selection, None when there is none.
        current_count: its number of items.
        count: items chosen so far.
        differs: whether it is known to be another than the current one.
        target: number of the new selection, set by the first write of one that differs.
        keys: of the batch before, whose rows may not be written yet.
        written: done when they are.
    """

    scope: int
    current: int | None
    current_count: int
    count: int = 0
    differs: bool = False
    target: int | None = None
    keys: frozenset[str] = frozenset()
    written: asyncio.Future[None] | None = None

    async def is_written(self) -> None:
        """Wait for the batch before; raises what went wrong with it."""
        if self.written is not None:
            await self.written


@dataclass(slots=True)
class Known:
    """What the ledger has for the items of a batch, by their places in it.

    Attributes:
        standings: one per item, under the work hash that was asked for.
        rows: ids of all rows of the item's key; nothing for a key without any.
        marks: checksum of the stored value, for items that have their row.
        first: places of the items whose row has the first version of the work hash.
    """

    standings: list[Standing]
    rows: dict[int, list[int]] = field(default_factory=dict)
    marks: dict[int, int] = field(default_factory=dict)
    first: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Additions:
    """What one batch adds.

    Attributes:
        known: what the ledger has for each item of the batch.
        values: the packed value of each item.
        chosen: places in the batch of the items that are selected; the others are duplicates.
        new: places of the chosen items that need a row.
        changed: places of the chosen items whose value changed in what never reaches a target.
        differs: whether the chosen items are not the next part of the current selection.
        position: of the first chosen item in the selection.
    """

    known: Known
    values: Sequence[bytes]
    chosen: Sequence[int]
    new: Sequence[int]
    changed: Sequence[int]
    differs: bool
    position: int

    @property
    def is_empty(self) -> bool:
        """Whether nothing needs to be written."""
        return not (self.new or self.changed or self.differs or self.known.first)


def look_up(
    connection: Connection, scope: int | None, works: tuple[int | None, int | None], items: Sequence[Item]
) -> Known:
    """Return what the ledger knows about each item; one query for all.

    Args:
        connection: to read from.
        scope: row number of the scope, None when it is not known.
        works: row numbers of the work hash and of its first version, None when they are not known.
        items: of a batch.
    """
    work, first = works
    known = Known([_SEEN["never"]] * len(items))
    if scope is None or not items:
        return known
    keys = [(place, scope, key_bytes(item.key)) for place, item in enumerate(items)]
    standings = known.standings
    rows = connection.fetch("items_of_keys", keys)
    for place, number, content, row_work, status, attempt, job, error, mark in rows:
        known.rows.setdefault(place, []).append(number)
        if content != items[place].content:
            if standings[place].seen == "never":
                standings[place] = _SEEN["content"]
        elif row_work == work or (row_work == first and standings[place].seen != "same"):
            standings[place] = Standing(number, status, attempt, job, error, "same")
            known.marks[place] = mark
            (known.first.discard if row_work == work else known.first.add)(place)
        elif standings[place].seen != "same":
            standings[place] = _SEEN["work"]
    return known


def plan(connection: Connection, building: Building, items: Sequence[Item], known: Known) -> Additions:
    """Find out what a batch adds to the selection being built; reads only.

    Raises:
        LedgerError: a value cannot be stored; names the item.
    """
    values = [pack_item(item) for item in items]
    doubled = _doubled(items, building.keys)
    chosen = [place for place in range(len(items)) if place not in doubled]
    differs = building.differs or _differs(connection, building, known, chosen)
    if differs:  # else they stand behind the beginning of a selection that has no key twice
        doubled |= _chosen_before(connection, building, known)
        chosen = [place for place in chosen if place not in doubled]
        differs = bool(chosen) and (building.differs or _differs(connection, building, known, chosen))
    new = [place for place in chosen if place not in known.marks]
    changed = [place for place in chosen if known.marks.get(place) not in (None, checksum(values[place]))]
    return Additions(known, values, chosen, new, changed, differs, building.count)


def number(additions: Additions, first: int) -> None:
    """Give the new rows their ids, `first` and those after it."""
    found = additions.known.standings
    for row, place in enumerate(additions.new, first):
        found[place] = Standing(row, seen=found[place].seen)


def write(connection: Connection, building: Building, additions: Additions, items: Sequence[Item], work: int) -> None:
    """Write what a batch adds, inside a transaction; the new rows have their ids."""
    standings, values = additions.known.standings, additions.values
    if additions.new:
        _add_items(connection, building.scope, additions, items, work)
    if additions.changed:
        rows = [(standings[place].id, values[place]) for place in additions.changed]
        connection.change("values_changed", rows)
        connection.change("marks_changed", [(number, checksum(value)) for number, value in rows])
        connection.change("scopes_changed", [(building.scope,)])
    if additions.known.first:
        renewed = [(standings[place].id,) for place in sorted(additions.known.first)]
        connection.change("works_renewed", renewed, work=work)
    if additions.differs:
        if building.target is None:
            building.target = _branch(connection, building, additions.position)
        numbers = [standings[place].id for place in additions.chosen]
        connection.change("rows_chosen", list(enumerate(numbers, additions.position)), generation=building.target)


def standings(additions: Additions) -> list[Standing]:
    """Return one standing per item of the batch, duplicates marked."""
    found = additions.known.standings
    if len(additions.chosen) == len(found):
        return found
    chosen = set(additions.chosen)
    return [
        standing if place in chosen else Standing(status=DUPLICATE, seen="same") for place, standing in enumerate(found)
    ]


def begin(connection: Connection, scope: int) -> Building:
    """Begin a selection anew; what was built before and not finished is forgotten."""
    rows = connection.fetch("current", scope=scope)
    return Building(scope, rows[0][0], rows[0][1]) if rows else Building(scope, None, 0)


def finish(connection: Connection, building: Building, count: int, mark: bytes) -> bool:
    """Make the selection the current one, inside a transaction; return whether it differs from the last."""
    if building.count != count:
        raise LedgerError(
            f"the selection has {building.count} items, not {count}", mend="this is a fault of runner: please report it"
        )
    if building.target is None and building.current is not None and building.current_count == count:
        connection.change("generation_finished", generation=building.current, size=count, mark=mark)
        return False
    target = building.target if building.target is not None else _branch(connection, building, count)
    connection.change("generation_finished", generation=target, size=count, mark=mark)
    connection.change("generation_flipped", generation=target, scope=building.scope)
    return True


_SEEN: Final = {seen: Standing(seen=seen) for seen in ("never", "content", "work")}


def _doubled(items: Sequence[Item], before: frozenset[str]) -> set[int]:
    first: dict[str, int] = dict.fromkeys(before, -1)
    return {place for place, item in enumerate(items) if first.setdefault(item.key, place) != place}


def _differs(connection: Connection, building: Building, known: Known, chosen: Sequence[int]) -> bool:
    if building.current is None:
        return bool(chosen)
    until = building.count + len(chosen)
    rows = connection.fetch("slice", generation=building.current, position=building.count, until=until)
    return [row[0] for row in rows] != [known.standings[place].id for place in chosen]


def _chosen_before(connection: Connection, building: Building, known: Known) -> set[int]:
    generation = building.target if building.target is not None else building.current
    rows = [(number, generation) for numbers in known.rows.values() for number in numbers]
    if generation is None or not rows:
        return set()
    chosen = {row[0] for row in connection.fetch("chosen", rows, until=building.count)}
    return {place for place, numbers in known.rows.items() if not chosen.isdisjoint(numbers)} if chosen else set()


def _add_items(connection: Connection, scope: int, additions: Additions, items: Sequence[Item], work: int) -> None:
    rows: list[Row] = []
    values: list[Row] = []
    for place in additions.new:
        item, value, row = items[place], additions.values[place], additions.known.standings[place].id
        rows.append((row, key_bytes(item.key), item.content, checksum(value)))
        values.append((row, value))
    connection.change("items_added", rows, scope=scope, work=work)
    connection.change("values_added", values)


def _branch(connection: Connection, building: Building, until: int) -> int:
    connection.change("rows_outdated", scope=building.scope)
    connection.change("generations_outdated", scope=building.scope)
    target: int = connection.fetch("generation_taken")[0][0]
    connection.change("generation_begun", generation=target, scope=building.scope, mark=EMPTY)
    if building.current is not None and until:
        connection.change("prefix_copied", generation=target, old=building.current, until=until)
    return target


def reset(
    connection: Connection, selection: tuple[int, int], statuses: Sequence[str], keys: Sequence[str] | None
) -> int:
    """Make selected items of these statuses new again; `selection` is (scope, generation)."""
    scope, generation = selection
    if keys is None:
        return connection.change("reset_all", [(status,) for status in statuses], generation=generation)
    rows = [(scope, key_bytes(key), generation) for key in dict.fromkeys(keys)]
    return sum(connection.change("reset_keys", rows, status=status) if rows else 0 for status in statuses)
