"""The filters that take one value: `{{ value | name(arguments) }}`. Those over lists are in `sequences.py`."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, NoReturn
from urllib.parse import quote

from runner.model.item import Json
from runner.model.secret import Secret
from runner.templating.fault import out_of_bounds, wrong_value
from runner.templating.meter import MAX_TEXT, Meter, bounded
from runner.templating.values import is_list, is_number, json_text, kind_of, text_of

Filter = Callable[..., Json]
_MISSING: Final = object()
_NUMBER = re.compile(r"\s*[+-]?(\d[\d_]*(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?\s*")


def _needs_text(value: Json, name: str) -> str:
    if not isinstance(value, str):
        raise wrong_value(f'the filter "{name}" takes a text, not {kind_of(value)}', "convert it first: | string")
    return value


def replaced(meter: Meter, value: Json, old: str, new: str, count: int = -1) -> str:
    """Return the text with `old` replaced by `new`, at most `count` times."""
    text = _needs_text(value, "replace")
    found = text.count(old) if count < 0 else min(text.count(old), count)
    meter.spend(len(text) + found * max(len(new) - len(old), 0))
    return meter.text(text.replace(old, new, count))


def _changed(name: str, change: Callable[[str], str]) -> Filter:
    def apply(meter: Meter, value: Json) -> str:
        return meter.text(change(_needs_text(value, name)))

    return apply


def _trim(meter: Meter, value: Json, chars: str | None = None) -> str:
    return meter.text(_needs_text(value, "trim").strip(chars))


def _default(_meter: Meter, value: Json, default: Json = "", boolean: Json = None) -> Json:
    return default if boolean and not value else value


def _string(meter: Meter, value: Json) -> str:
    return meter.text(text_of(value))


def _unreadable(value: Json, noun: str) -> NoReturn:
    shown = f"{value[:40]!r}" if isinstance(value, str) else kind_of(value)
    raise wrong_value(f"{shown} is not {noun}", "give a value to take instead, for example | int(0), | float(0)")


def _int(_meter: Meter, value: Json, default: Json = _MISSING, base: int = 10) -> Json:
    try:
        if isinstance(value, str) and base != 10:
            return bounded(int(value, base))
        if isinstance(value, str) and _NUMBER.fullmatch(value) and len(value) < 1_000:
            return bounded(int(value) if value.strip().lstrip("+-").isdecimal() else int(float(value)))
        if isinstance(value, (int, float)):
            return int(value)
    except (ValueError, OverflowError):
        pass
    return _unreadable(value, "a whole number") if default is _MISSING else default


def _float(_meter: Meter, value: Json, default: Json = _MISSING) -> Json:
    try:
        if isinstance(value, (int, float)) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
            return bounded(float(value))
    except (ValueError, OverflowError):
        pass
    return _unreadable(value, "a number") if default is _MISSING else default


def _round(_meter: Meter, value: Json, digits: int = 0, method: str = "common") -> Json:
    if not is_number(value):
        raise wrong_value(f'the filter "round" takes a number, not {kind_of(value)}', "convert it: | float")
    if not isinstance(digits, int) or abs(digits) > 30:
        raise out_of_bounds("round takes -30 to 30 digits")
    if method == "common":
        return round(float(value), digits)
    scale = 10.0**digits
    quotient = float(value) * scale
    if method not in ("ceil", "floor"):
        raise wrong_value(f"there is no rounding {method!r}", "common, ceil, floor")
    return bounded((-(-quotient // 1) if method == "ceil" else quotient // 1) / scale)


def _abs(_meter: Meter, value: Json) -> Json:
    if not is_number(value):
        raise wrong_value(f'the filter "abs" takes a number, not {kind_of(value)}')
    return abs(value)


def _length(_meter: Meter, value: Json) -> int:
    if not (is_list(value) or isinstance(value, (str, Mapping))):
        raise wrong_value(f'the filter "length" takes a text, list or object, not {kind_of(value)}')
    return len(value)


def _tojson(meter: Meter, value: Json) -> str:
    return meter.text(json_text(value))


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _json(_meter: Meter, value: Json) -> Json:
    try:
        return json.loads(_needs_text(value, "json"), parse_constant=_refuse_constant)
    except ValueError as error:
        raise wrong_value(f"the text is no JSON: {error}") from None


def _segment(meter: Meter, value: Json) -> str:
    text = text_of(value)
    if text in ("", ".", ".."):
        raise wrong_value(f"{text!r} cannot be one segment of a URL path")
    return meter.text(quote(_utf8(text), safe=""))


def _utf8(value: Json) -> bytes:
    try:
        return value if isinstance(value, bytes) else text_of(value).encode()
    except UnicodeEncodeError:
        raise wrong_value("the text holds half a character (a lone surrogate)") from None


def _b64(meter: Meter, value: Json) -> str | Secret:
    if isinstance(value, Secret):
        return Secret(base64.b64encode(value.reveal().encode()).decode())
    return meter.text(base64.b64encode(_utf8(value)).decode())


def _sha256(_meter: Meter, value: Json) -> str:
    return hashlib.sha256(_utf8(value)).hexdigest()


def _digest(_meter: Meter, value: Json) -> str:
    try:
        canonical = json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise wrong_value(f"no digest can be made: {error}") from None
    return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()


def _moment(value: Json, name: str) -> datetime:
    try:
        if is_number(value):
            return datetime.fromtimestamp(value, UTC)
        moment = datetime.fromisoformat(_needs_text(value, name).strip())
    except (ValueError, OverflowError, OSError):
        raise wrong_value(f"{str(value)[:40]!r} is no time", "epoch seconds, or 2026-08-01T12:00:00Z") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _epoch_s(_meter: Meter, value: Json) -> int:
    return int(_moment(value, "epoch_s").timestamp() // 1)


def _epoch_ms(_meter: Meter, value: Json) -> int:
    return round(_moment(value, "epoch_ms").timestamp() * 1000)


def _rfc3339(_meter: Meter, value: Json) -> str:
    return _moment(value, "rfc3339").isoformat().replace("+00:00", "Z")


def _truncate(meter: Meter, value: Json, length: int = 255) -> str:
    text = _needs_text(value, "truncate")
    return meter.text(text[: max(min(length, MAX_TEXT), 0)])


FILTERS: Final[Mapping[str, Filter]] = {
    "abs": _abs,
    "b64": _b64,
    "capitalize": _changed("capitalize", str.capitalize),
    "default": _default,
    "digest": _digest,
    "epoch_ms": _epoch_ms,
    "epoch_s": _epoch_s,
    "float": _float,
    "int": _int,
    "json": _json,
    "length": _length,
    "lower": _changed("lower", str.lower),
    "replace": replaced,
    "rfc3339": _rfc3339,
    "round": _round,
    "segment": _segment,
    "sha256": _sha256,
    "string": _string,
    "title": _changed("title", str.title),
    "tojson": _tojson,
    "trim": _trim,
    "truncate": _truncate,
    "upper": _changed("upper", str.upper),
}
SECRET_FILTERS: Final = frozenset({"b64", "default"})
