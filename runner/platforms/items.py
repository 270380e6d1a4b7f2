"""Items as manifests see them: their fields, a safe name for a file, and the token by which a result finds its item.

Names and tokens are functions of the job's items alone, so that they are the same after a restart.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Final, TypeAlias

from runner.model.errors import RecipeError
from runner.model.item import Item, Json
from runner.platforms.tree import Tree, View
from runner.transport.bodies import json_body, whole
from runner.transport.request import Content

LONGEST_NAME: Final = 200
"""Bytes of an upload name; below the 255 of file systems and APIs, so that a platform may add to it."""

LONGEST_LOAD: Final = 32 << 20
"""Most bytes of one item that are held in memory."""

FIELDS: Final = ("key", "upload_name", "token", "number", "size", "content", "uploaded")
"""What a manifest may read of an item besides the item's own fields."""

Over: TypeAlias = Callable[[Mapping[str, Json]], Mapping[str, Json]]
Around: TypeAlias = Callable[[Item], Mapping[str, Json]]

_BAD: Final = re.compile(r"[^\w .,()+@=\[\]-]+")
_TAG: Final = 8


@dataclass(frozen=True, slots=True)
class TokenRule:
    """How tokens are made.

    Attributes:
        of: what they are made of; None takes the item's key.
        longest: None for a token that is taken as it is.
        letters: a pattern of one character that must not stand in a token; None allows all.
    """

    of: Tree | None = None
    longest: int | None = None
    letters: re.Pattern[str] | None = None

    @property
    def is_made(self) -> bool:
        """Whether tokens are shortened and cleaned here (and are unique by that)."""
        return self.longest is not None or self.letters is not None


@dataclass(frozen=True, slots=True)
class Seat:
    """One item in its job.

    Attributes:
        name: unique in the job, a single safe path segment.
        token: unique in the job; None when the manifest's template failed or two items share it.
        problem: why the item cannot take part; empty when it can.
        number: from 1, in the order of the job.
    """

    item: Item
    number: int
    names: Names
    token: str | None
    problem: str = ""

    @property
    def name(self) -> str:
        """Name of the item as a file."""
        return self.names.of(self.number)


class Names:
    """The names of a job's items as files; they are made when the first of them is read, which is rare."""

    __slots__ = ("_items", "_names")

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items
        self._names: Sequence[str] = ()

    def of(self, number: int) -> str:
        """Return the name of one item; the first one has number 1."""
        if not self._names:
            taken: set[str] = set()
            self._names = [_unique(_clean(_wanted(item)), item.key, taken, LONGEST_NAME) for item in self._items]
        return self._names[number - 1]


def seated(
    items: Sequence[Item], rule: TokenRule, scope: Mapping[str, Json], over: Over | None = None
) -> Sequence[Seat]:
    """Give every item of a job its name and token.

    Args:
        items: of the job, in order.
        rule: of the target.
        scope: what the token's template may read besides the item.
        over: gives the options for an item's value; None leaves those of the scope.
    """
    names = Names(items)
    if rule.of is None and not rule.is_made and len({item.key for item in items}) == len(items):
        return [Seat(item, number, names, item.key) for number, item in enumerate(items, 1)]
    tokens: set[str] = set()

    def around(item: Item) -> Mapping[str, Json]:
        return scope if over is None else {**scope, "options": over(item.value)}

    return [_seat(Seat(item, number, names, None), rule, around, tokens) for number, item in enumerate(items, 1)]


def viewed(seat: Seat, uploaded: Mapping[str, Json] | None = None) -> View:
    """Return what templates see as `item`: its own fields, and `FIELDS` over them.

    Args:
        seat: the item in its job.
        uploaded: what was kept for it after its upload.
    """
    item = seat.item

    def extra(name: str) -> Json:
        if name == "content":
            return content_of(item)
        if name == "size":
            return _size(item)
        if name == "key":
            return item.key
        if name == "upload_name":
            return seat.name
        return {"token": seat.token, "number": seat.number, "uploaded": uploaded}[name]

    return View(item.value, extra)


async def loaded(view: View) -> View:
    """Return the same item with its bytes in memory, for calls that write them inside a text.

    Raises:
        Refused: they are too many.
    """
    content = await whole(view["content"], LONGEST_LOAD)
    return View(view.value, lambda name: content if name == "content" else view.extra(name))


def content_of(item: Item) -> Content:
    """Return the item's bytes; an item that is no file is its value as JSON."""
    return item.body if item.body is not None else json_body(dict(item.value))


def _size(item: Item) -> int:
    if item.body is not None:
        return item.body.size
    size = item.value.get("size")
    return size if isinstance(size, int) else len(json_body(dict(item.value)))


def _seat(bare: Seat, rule: TokenRule, around: Around, taken: set[str]) -> Seat:
    item = bare.item
    try:
        wanted = item.key if rule.of is None else str(rule.of({**around(item), "item": viewed(bare)}))
    except RecipeError as error:
        return replace(bare, problem=error.problems[0].what)
    if rule.is_made:
        clean = rule.letters.sub("_", wanted) if rule.letters else wanted
        joint = "-" if rule.letters is None or not rule.letters.search("-") else "_"
        token = _unique(
            clean, item.key, taken, rule.longest or LONGEST_NAME, joint, changed=not clean or clean != wanted
        )
    elif wanted in taken:
        return replace(bare, problem=f"another item of the job has the same token {wanted!r}")
    else:
        token = wanted
        taken.add(token)
    return replace(bare, token=token)


def _wanted(item: Item) -> str:
    """Return the name a person would give the item; made of its value alone, which survives a restart."""
    name = item.value.get("name")
    text = name if isinstance(name, str) and name else item.key
    text = re.split(r"[/\\]", text)[-1] or text
    return text if "." in text or "size" in item.value else f"{text}.json"


def _clean(text: str) -> str:
    text = _BAD.sub("_", unicodedata.normalize("NFC", text)).strip(" .")
    return text.lstrip("-") or "item"


def _unique(text: str, key: str, taken: set[str], longest: int, joint: str = "-", *, changed: bool = False) -> str:
    """Return the text, cut to its bytes, with a digest of the key in it when it was changed or is taken."""
    if changed or len(_bytes(text)) > longest or text.casefold() in taken:
        digest = blake2b(_bytes(key), digest_size=16).hexdigest()
        tagged = [_tagged(text, f"{joint}{digest[:length]}", longest) for length in (_TAG, len(digest))]
        text = tagged[0] if tagged[0].casefold() not in taken else tagged[1]
    taken.add(text.casefold())
    return text


def _tagged(text: str, tag: str, longest: int) -> str:
    stem, dot, ending = text.rpartition(".")
    if not dot or not stem or len(_bytes(ending)) > 10:
        stem, dot, ending = text, "", ""
    room = max(0, longest - len(_bytes(f"{tag}{dot}{ending}")))
    return f"{_bytes(stem)[:room].decode('utf-8', 'ignore').rstrip(' .')}{tag}{dot}{ending}"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
