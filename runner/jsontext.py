"""JSON text in and out without loss: the fast library where it keeps every value, the standard one where not.

The fast one turns whole numbers beyond 64 bits into floats, writes NaN as null, and refuses lone surrogates and
nesting deeper than 254. Here a value is read and written as it is, or refused with ValueError. Numbers with a fraction
are IEEE doubles; of two equal names in one object the last one counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import partial
from hashlib import blake2b
from math import isfinite
from typing import Final

import orjson

from runner.model.item import Json

DIGEST_BYTES: Final = 16

_CANONICAL: Final = partial(orjson.dumps, option=orjson.OPT_SORT_KEYS)
_HASH: Final = partial(blake2b, digest_size=DIGEST_BYTES)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_LONG: Final = b"0" * 19  # 2**63 has 19 digits
_AS_ZEROS: Final = bytes(48 if 48 <= byte <= 57 else 32 for byte in range(256))


def has_long_number(text: bytes) -> bool:
    """Return whether some whole number may be too long for 64 bits; quick enough to ask for every block of a file."""
    zeros = text.translate(_AS_ZEROS)
    at = zeros.find(_LONG)
    while at >= 0:
        # after a point it is a fraction, after a quote it begins a text
        if at == 0 or text[at - 1] not in b'."':
            return True
        end = zeros.find(b" ", at)
        at = zeros.find(_LONG, end) if end >= 0 else -1
    return False


def read(text: bytes) -> Json:
    """Return the value of a JSON text.

    Raises:
        ValueError: it is no JSON (NaN and Infinity are none either), not UTF-8, or nested too deep to be read.
    """
    if not has_long_number(text):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            pass  # perhaps a lone surrogate: the standard library knows better, and says the column
    try:
        return json.loads(text.decode(), parse_constant=_refuse, parse_float=finite)
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: byte {error.start + 1} is 0x{text[error.start]:02x}") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON: {error.msg} at column {error.pos + 1}") from error
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def read_many(texts: Sequence[bytes]) -> tuple[list[Json], list[bytes]] | None:
    """Return values and digests of many texts, fast; None when one of them needs `read` and `digest`, or is faulty.

    The caller has asked `has_long_number` about the whole.
    """
    try:
        values = [orjson.loads(text) for text in texts]
        digests = [made.digest() for made in map(_HASH, map(_CANONICAL, values))]
    except (orjson.JSONDecodeError, TypeError):
        return None
    return values, digests


def write(value: Json) -> bytes:
    """Return the value as compact JSON in UTF-8, the fields in their order; lone surrogates are escaped.

    Raises:
        ValueError: it holds NaN, Infinity, or is nested too deep to be written.
        TypeError: it is no JSON value.
    """
    return _write(value, sort=False)


def canonical(value: Json) -> bytes:
    """Return one text per value: fields sorted by name, no white space; errors as `write`."""
    return _write(value, sort=True)


def digest(value: Json) -> bytes:
    """Return the 16-byte BLAKE2b digest of the canonical text; errors as `write`."""
    return blake2b(canonical(value), digest_size=DIGEST_BYTES).digest()


def refuse_surrogates(value: Json) -> None:
    """Raise ValueError when a text in the value holds a lone surrogate: it has no UTF-8, and platforms refuse it."""
    try:
        orjson.dumps(value)
    except TypeError:  # that, a long number, or too deep
        found = next(_surrogates(value), None)
        if found is not None:
            raise ValueError(f"half a character (the lone surrogate {found!a}) in a text: it has no UTF-8") from None


def without_surrogates(value: Json) -> Json:
    """Return the value with U+FFFD in the place of every lone surrogate."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {without_surrogates(name): without_surrogates(one) for name, one in value.items()}
    return [without_surrogates(one) for one in value] if isinstance(value, (list, tuple)) else value


def _surrogates(value: Json) -> Iterator[str]:
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield from _SURROGATE.findall(value)
        elif isinstance(value, dict):
            waiting.extend(value)
            waiting.extend(value.values())
        elif isinstance(value, (list, tuple)):
            waiting.extend(value)


def hex_digest(value: Json) -> str:
    """Return 32 hex letters for a value of a document: BLAKE2b of its canonical text in ASCII.

    Hashes in ledgers and plans depend on it: the text must never change.

    Raises:
        ValueError: the value holds NaN or Infinity.
        TypeError: the value is not JSON.
    """
    text = json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return blake2b(text.encode("ascii"), digest_size=DIGEST_BYTES).hexdigest()


def _write(value: Json, *, sort: bool) -> bytes:
    try:
        text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS if sort else None)
    except TypeError:
        return _write_slowly(value, sort=sort)
    if b"null" in text:
        _refuse_infinite(value)
    return text


def _write_slowly(value: Json, *, sort: bool) -> bytes:
    try:
        text = json.dumps(value, sort_keys=sort, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except RecursionError as error:
        raise ValueError("nested too deep to be written") from error
    try:
        return text.encode()
    except UnicodeEncodeError:
        # a lone surrogate has no UTF-8; everything escaped is the only text that keeps it
        return json.dumps(value, sort_keys=sort, separators=(",", ":"), allow_nan=False).encode()


def _refuse_infinite(value: Json) -> None:
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, float):
            if not isfinite(value):
                raise ValueError(f"{value!r} is no JSON number")
        elif isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, (list, tuple)):
            waiting.extend(value)


def _refuse(word: str) -> Json:
    raise ValueError(f"{word} is no JSON number")


def finite(digits: str) -> float:
    """Return the number that a JSON text holds.

    Raises:
        ValueError: it is beyond what a double can hold, and could not be written again.
    """
    number = float(digits)
    if not isfinite(number):
        raise ValueError(f"{digits[:40]} is too large for a number")
    return number
