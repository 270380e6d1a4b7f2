"""Turn JSON values, keys and texts into what a database column holds, and back without loss."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final
from zlib import crc32

import orjson

from runner import jsontext
from runner.model.errors import LedgerError
from runner.model.item import Item, Json
from runner.model.job import Adoption
from runner.model.redact import REDACTOR, redact

_PLAIN: Final = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
_SLOW: Final = b" "
EMPTY: Final = b"{}"
ADOPTIONS: Final = (Adoption.NO, Adoption.FOUND, Adoption.PROBABLE, Adoption.PERSON, Adoption.FORCED)
"""In the order of the stored numbers; append new ones."""


def pack(value: Json, what: str) -> bytes:
    """Write a JSON value as bytes, without secrets.

    What the fast library cannot hold (integers above 64 bit, lone surrogates, depth above 254) begins with a space, so
    that `unpack` reads it in the way it was written. NaN and infinity are no JSON; the readers of JSON refuse them.

    Args:
        value: the JSON value.
        what: whose value it is, for the message.

    Raises:
        LedgerError: it is no JSON value, or nested too deeply; names `what`.
    """
    packed = _packed(value, what)
    return _packed(REDACTOR.value(value), what) if REDACTOR.may_be_in(packed) else packed


def unpack(packed: bytes) -> Json:
    """Read what `pack` wrote."""
    return json.loads(packed) if packed[:1] == _SLOW else orjson.loads(packed)


def pack_item(item: Item) -> bytes:
    """Write the value of an item like `pack`, but without redaction: items are sent unchanged."""
    return _packed(item.value, f"item {item.key!r}")


def _packed(value: Json, what: str) -> bytes:
    try:
        return orjson.dumps(value, _plain, _PLAIN)
    except TypeError:
        return _SLOW + _written(value, what)


def checksum(packed: bytes) -> int:
    """Return a checksum, to see without reading the old value whether it changed (odds of an error: 1 in 2^32)."""
    return crc32(packed)


def key_bytes(key: str) -> bytes:
    """Write a key; names of files that are not UTF-8 (lone surrogates) survive."""
    return key.encode("utf-8", "surrogatepass")


def key_text(key: bytes) -> str:
    """Read what `key_bytes` wrote."""
    return key.decode("utf-8", "surrogatepass")


def text(value: str) -> str:
    r"""Make a message storable everywhere: without secrets, NUL and lone surrogates as `\x00`, `\udc80`."""
    value = redact(value)
    if value.isascii() and "\0" not in value:
        return value
    return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError


def _written(value: Json, what: str) -> bytes:
    try:
        written = jsontext.write(value)
        if json.loads(written) != value:  # the standard library makes texts of numbers that are names
            raise TypeError("it would not come back as it is")
    except (TypeError, ValueError, RecursionError) as error:
        raise LedgerError(
            f"the value of {what} cannot be stored: {error or 'it is no JSON value'}",
            mend="only JSON values can be kept: text, numbers, true, false, null, lists and objects",
        ) from error
    return written
