"""Filters that Jinja does not have, or has with another meaning: what cannot be read is a fault here, never 0 or ""."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, NoReturn
from urllib.parse import quote

from runner.jsontext import finite, hex_digest
from runner.model.item import Json
from runner.model.secret import Secret
from runner.templating.bounds import MAX_TEXT, bounded_number
from runner.templating.fault import wrong_value
from runner.templating.values import is_list, is_number, json_text, kind_of, text_of

_MISSING: Final = object()
_NUMBER = re.compile(r"\s*[+-]?(\d[\d_]*(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?\s*")
_MAX_NUMBER: Final = 1_000


def needs_text(value: Json, name: str) -> str:
    """Return a text, and only that: Jinja would make "None" of a null."""
    if not isinstance(value, str):
        raise wrong_value(f'"{name}" takes a text, not {kind_of(value)}', "convert it first: | string")
    return value


def needs_object(value: Json, name: str) -> Mapping[str, Json]:
    """Return an object, and only that."""
    if not isinstance(value, Mapping):
        raise wrong_value(f'"{name}" takes an object, not {kind_of(value)}')
    return value


# -- numbers
def _unreadable(value: Json, noun: str) -> NoReturn:
    shown = f"{value[:40]!r}" if isinstance(value, str) else kind_of(value)
    raise wrong_value(f"{shown} is not {noun}", "give a value to take instead, for example | int(0), | float(0)")


def _int(value: Json, default: Json = _MISSING, base: int = 10) -> Json:
    try:
        if isinstance(value, str) and base != 10:
            return bounded_number(int(value, base))
        if isinstance(value, str) and _NUMBER.fullmatch(value) and len(value) < _MAX_NUMBER:
            return bounded_number(int(value) if value.strip().lstrip("+-").isdecimal() else int(float(value)))
        if isinstance(value, (int, float)):
            return int(value)
    except (ValueError, OverflowError):
        pass
    return _unreadable(value, "a whole number") if default is _MISSING else default


def _float(value: Json, default: Json = _MISSING) -> Json:
    try:
        if isinstance(value, (int, float)) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
            return bounded_number(float(value))
    except (ValueError, OverflowError):
        pass
    return _unreadable(value, "a number") if default is _MISSING else default


# -- texts
def _json(value: Json) -> Json:
    try:
        return json.loads(needs_text(value, "json"), parse_constant=_refuse_constant, parse_float=finite)
    except ValueError as error:
        raise wrong_value(f"the text is no JSON: {error}") from None


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _segment(value: Json) -> str:
    text = text_of(value)
    if text in ("", ".", ".."):
        raise wrong_value(f"{text!r} cannot be one segment of a URL path")
    return quote(_utf8(text), safe="")


def _utf8(value: Json) -> bytes:
    try:
        return value if isinstance(value, bytes) else text_of(value).encode()
    except UnicodeEncodeError:
        raise wrong_value("the text holds half a character (a lone surrogate)") from None


def _nfc(value: Json) -> str:
    return unicodedata.normalize("NFC", needs_text(value, "nfc"))


def _b64(value: Json) -> str | Secret:
    if isinstance(value, Secret):
        return Secret(base64.b64encode(value.reveal().encode()).decode())
    return base64.b64encode(_utf8(value)).decode()


def _sha256(value: Json) -> str:
    return hashlib.sha256(_utf8(value)).hexdigest()


def _digest(value: Json) -> str:
    try:
        return hex_digest(value)
    except (TypeError, ValueError) as error:
        raise wrong_value(f"no digest can be made: {error}") from None


def _truncate(value: Json, length: int = 255) -> str:
    return needs_text(value, "truncate")[: max(min(length, MAX_TEXT), 0)]


# -- times
def _moment(value: Json, name: str) -> datetime:
    try:
        if is_number(value):
            return datetime.fromtimestamp(value, UTC)
        moment = datetime.fromisoformat(needs_text(value, name).strip())
    except (ValueError, OverflowError, OSError):
        raise wrong_value(f"{str(value)[:40]!r} is no time", "epoch seconds, or 2026-08-01T12:00:00Z") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _epoch_s(value: Json) -> int:
    return int(_moment(value, "epoch_s").timestamp() // 1)


def _epoch_ms(value: Json) -> int:
    return round(_moment(value, "epoch_ms").timestamp() * 1000)


def _rfc3339(value: Json) -> str:
    return _moment(value, "rfc3339").isoformat().replace("+00:00", "Z")


# -- lists
def _list(value: Json) -> list[Json]:
    if not (is_list(value) or isinstance(value, (str, Mapping))):
        raise wrong_value(f'the filter "list" takes a list, not {kind_of(value)}')
    return list(value)


def _batch(value: Json, size: int) -> list[Json]:
    if not isinstance(size, int) or size < 1:
        raise wrong_value('the filter "batch" takes a size of at least 1')
    found = _list(value)
    return [found[at : at + size] for at in range(0, len(found), size)]


def _items(value: Json) -> list[Json]:
    return [[name, one] for name, one in needs_object(value, "items").items()]


FILTERS: Final[Mapping[str, Callable[..., Json]]] = {
    "b64": _b64,
    "batch": _batch,
    "digest": _digest,
    "epoch_ms": _epoch_ms,
    "epoch_s": _epoch_s,
    "float": _float,
    "int": _int,
    "items": _items,
    "json": _json,
    "keys": lambda value: list(needs_object(value, "keys")),
    "list": _list,
    "nfc": _nfc,
    "rfc3339": _rfc3339,
    "segment": _segment,
    "sha256": _sha256,
    "string": text_of,
    "tojson": json_text,
    "truncate": _truncate,
    "values": lambda value: list(needs_object(value, "values").values()),
}
