"""Rows of files become items: keys, digests, and what came twice."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from runner.model.contracts import Expression
from runner.model.errors import ConfigError, RecipeError
from runner.model.item import Batch, Item, Json, Rejected
from runner.seen import Seen

KeyOption: TypeAlias = str | Expression | None

ROW_BYTES: Final = 250  # expected; only to make room beforehand
MOST_EXPECTED: Final = 1 << 20


class Rows:
    """Turns the rows of one reading into items.

    A key is the field that the recipe names, or what its expression gives; without either it is the digest of the
    content, and equal rows get `#2`, `#3` ... in their order. With `normalize: nfc` a key is taken in the normal form C
    of Unicode, so that an é of one and of two characters is the same.
    """

    def __init__(self, key: KeyOption, size_bytes: int = 0, normalize: str = "none") -> None:
        self._key = key
        self._is_normal = normalize == "nfc"
        self._seen = Seen(min(max(size_bytes // ROW_BYTES, 1000), MOST_EXPECTED))
        self._repeats: dict[str, int] = {}
        self._files: list[str] = []
        self._starts: list[int] = []
        self._last = 0

    def begin(self, label: str) -> None:
        """Say that the following rows come from the file that people know as `label`."""
        self._files.append(label)
        self._starts.append(self._last)

    def batch(self, numbers: Sequence[int], values: Sequence[Json], digests: Sequence[bytes]) -> Batch:
        """Return the items of some rows of the current file; `numbers` are their lines, growing."""
        if not numbers:
            return Batch(())
        keys, rejected = self._usable(_keys(self._key, values, digests), numbers)
        start = self._starts[-1]
        self._last = start + numbers[-1]
        again = self._seen.add(keys, [start + number for number in numbers])
        items = list(map(Item, keys, digests, values))
        if self._key is None:
            for position in again:
                items[position] = self._repeat(items[position])
            return Batch(items)
        for position in sorted({*again, *rejected}, reverse=True):
            del items[position]
            if position not in rejected:
                what = f"the key {keys[position]!r} was already given by {self._place(again[position])}"
                rejected[position] = Rejected(self._place(start + numbers[position]), what)
        return Batch(items, [rejected[position] for position in sorted(rejected)])

    def _usable(self, keys: Sequence[Json], numbers: Sequence[int]) -> tuple[Sequence[str], dict[int, Rejected]]:
        if {*map(type, keys)} == {str} and "" not in keys and "".join(keys).isascii():
            return keys, {}
        rejected: dict[int, Rejected] = {}
        good: list[str] = []
        for position, key in enumerate(keys):
            text, what = _text(key)
            text = nfc(text) if self._is_normal else text
            # no text that a row can give is like this one, so it is never taken for a repeat
            good.append(text if not what else f"\ud800{self._starts[-1] + numbers[position]}")
            if what:
                rejected[position] = Rejected(self._place(self._starts[-1] + numbers[position]), what)
        return good, rejected

    def _repeat(self, item: Item) -> Item:
        self._repeats[item.key] = self._repeats.get(item.key, 1) + 1
        return Item(f"{item.key}#{self._repeats[item.key]}", item.content, item.value)

    def _place(self, number: int) -> str:
        file = bisect_right(self._starts, number - 1) - 1
        return f"{self._files[file]}:{number - self._starts[file]}"


def nfc(text: str) -> str:
    """Return a text in the normal form C of Unicode."""
    return unicodedata.normalize("NFC", text)


def refuse_normalize(normalize: str) -> None:
    """Raise ConfigError for an option `normalize` that there is not."""
    if normalize not in ("none", "nfc"):
        raise ConfigError(f"normalize is none or nfc, not {normalize!r}")


def key_field(key: KeyOption) -> str | None:
    """Return the field that is the key; None without a key, or with an expression over several fields."""
    if key is None or isinstance(key, str):
        return key
    return None if key.names else key.text  # a plain word, compiled: it names a field


def _keys(key: KeyOption, values: Sequence[Mapping[str, Json]], digests: Sequence[bytes]) -> Sequence[Json]:
    if key is None:
        return [content.hex() for content in digests]
    if isinstance(key, str) or not key.names:
        field = key if isinstance(key, str) else key.text
        return [value.get(field) for value in values]
    return [_evaluated(key, value) for value in values]


def _evaluated(key: Expression, value: Mapping[str, Json]) -> Json:
    try:
        return key({"item": value})
    except RecipeError as error:
        return error


def _text(key: Json) -> tuple[str, str]:
    """Return (key, empty) or (empty, why it is none)."""
    if isinstance(key, RecipeError):
        return "", f"the key cannot be made: {key}"
    if isinstance(key, int) and not isinstance(key, bool):
        return str(key), ""
    if not isinstance(key, str) or not key:
        what = "missing or empty" if key is None or key == "" else f"neither text nor a whole number: {key!r:.80}"
        return "", f"the key is {what}"
    try:
        key.encode()
    except UnicodeEncodeError:
        return "", f"the key is not valid text: {key!r:.80}"
    return key, ""
