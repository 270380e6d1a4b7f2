"""The units of a source and what a target gives for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

Json: TypeAlias = Any
"""A JSON value: None, bool, int, float, str, list of Json, dict of str to Json."""


class Body(Protocol):
    """The bytes of an item, read only when they are sent."""

    @property
    def size(self) -> int:
        """Length in bytes, as it was when the item was read from its source."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Give the bytes in order, in pieces of at most 1 MiB.

        Raises:
            ItemUnreadable: the bytes are gone, or are not those that were hashed.
        """


@dataclass(frozen=True, slots=True)
class Item:
    """One unit of a source.

    Attributes:
        key: identity within the source; the same after the content has changed.
        content: 16-byte digest of everything that may reach a target; equal content is equal work.
        value: what templates see as `item`; JSON values only.
        body: the raw bytes when the item is a file, else None.
    """

    key: str
    content: bytes
    value: Mapping[str, Json]
    body: Body | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A place in a source that holds no usable item; never dropped in silence.

    Attributes:
        place: for people, for example `data/tickets.jsonl:17`.
        what: why it is no item.
    """

    place: str
    what: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Some items in source order, and what could not be read among them."""

    items: Sequence[Item]
    rejected: Sequence[Rejected] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What the target gave for one item.

    Attributes:
        key: the item's key.
        value: the platform's result; None when the item failed.
        error: why the item failed; empty when it succeeded.
        cost: money the item cost, in the connection's currency; None when not told per item.
        is_unreadable: whether this is a placeholder for an unreadable piece of the results; `error` says where and
            what it is, `key` is that of its item when known.
    """

    key: str
    value: Json = None
    error: str = ""
    cost: float | None = None
    is_unreadable: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """One row for the sinks.

    Attributes:
        key: key of the item it comes from.
        row: what the sinks write, in field order.
        outcome: `succeeded`, `failed` or `held`; sinks get only succeeded ones, checks all.
        item: the item's value, for checks that compare with it.
        error: why it failed, empty when it did not.
        result: what the target gave, for checks that judge more than the row; None when it did not succeed.
    """

    key: str
    row: Mapping[str, Json]
    outcome: str = "succeeded"
    item: Mapping[str, Json] = field(default_factory=dict)
    error: str = ""
    result: Json = None
