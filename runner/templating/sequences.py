"""The filters over lists and objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from runner.model.item import Json
from runner.templating.fault import Fault, undefined, wrong_value
from runner.templating.filters import FILTERS, Filter
from runner.templating.meter import MAX_RANGE, Meter, bounded
from runner.templating.values import element, is_list, is_number, json_text, kind_of, text_of


def elements(value: Json, meter: Meter, name: str) -> list[Json]:
    """Return the elements of a list, the characters of a text or the field names of an object, paid for."""
    if not (is_list(value) or isinstance(value, (str, Mapping))):
        raise wrong_value(f'the filter "{name}" takes a list, not {kind_of(value)}')
    meter.elements(len(value))
    return list(value)


def attribute_of(value: Json, path: Json) -> Json:
    """Return the value under a dotted path; a number names an element."""
    for part in str(path).split("."):
        value = element(value, int(part) if part.isdecimal() and is_list(value) else part, "the element")
    return value


def _keyed(attribute: Json) -> Callable[[Json], Json]:
    return (lambda value: value) if attribute is None else (lambda value: attribute_of(value, attribute))


def _folded(attribute: Json, *, case_sensitive: bool) -> Callable[[Json], Json]:
    key = _keyed(attribute)

    def folded(value: Json) -> Json:
        found = key(value)
        return found.lower() if isinstance(found, str) and not case_sensitive else found

    return folded


def _comparing(name: str, action: Callable[[], Json]) -> Json:
    try:
        return action()
    except TypeError:
        raise wrong_value(f'the filter "{name}" cannot compare values of different types') from None


def _join(meter: Meter, value: Json, separator: str = "", attribute: Json = None) -> str:
    key = _keyed(attribute)
    parts = [text_of(key(one)) for one in elements(value, meter, "join")]
    meter.spend(sum(map(len, parts)) + len(text_of(separator)) * max(len(parts) - 1, 0))
    return meter.text(text_of(separator).join(parts))


def _end(name: str, at: int) -> Filter:
    def apply(_meter: Meter, value: Json) -> Json:
        if not (is_list(value) or isinstance(value, str)):
            raise wrong_value(f'the filter "{name}" takes a list or a text, not {kind_of(value)}')
        if not value:
            raise undefined(f'the filter "{name}" found nothing in an empty list', "give a value: | default(...)")
        return value[at]

    return apply


def _extreme(name: str, choose: Callable[..., Json]) -> Filter:
    def apply(meter: Meter, value: Json, case_sensitive: Json = None, attribute: Json = None) -> Json:
        found = elements(value, meter, name)
        if not found:
            raise undefined(f'the filter "{name}" found nothing in an empty list', "give a value: | default(...)")
        key = _folded(attribute, case_sensitive=bool(case_sensitive))
        return _comparing(name, lambda: choose(found, key=key))

    return apply


def _sort(
    meter: Meter,
    value: Json,
    reverse: Json = None,
    case_sensitive: Json = None,
    attribute: Json = None,
) -> list[Json]:
    found = elements(value, meter, "sort")
    key = _folded(attribute, case_sensitive=bool(case_sensitive))
    ordered: list[Json] = _comparing("sort", lambda: sorted(found, key=key, reverse=bool(reverse)))
    return ordered


def _unique(meter: Meter, value: Json, case_sensitive: Json = None, attribute: Json = None) -> list[Json]:
    key = _folded(attribute, case_sensitive=bool(case_sensitive))
    seen: set[Json] = set()
    kept: list[Json] = []
    for one in elements(value, meter, "unique"):
        found = key(one)
        identity = found if isinstance(found, (str, int, float, type(None))) else json_text(found)
        if identity not in seen:
            seen.add(identity)
            kept.append(one)
    return kept


def _sum(meter: Meter, value: Json, attribute: Json = None, start: Json = 0) -> Json:
    key = _keyed(attribute)
    total: Json = start
    for one in elements(value, meter, "sum"):
        number = key(one)
        if not is_number(number) or not is_number(total):
            raise wrong_value(f'the filter "sum" adds numbers, not {kind_of(number)}', "convert them: | map('float')")
        total = bounded(total + number)
    return total


def _list(meter: Meter, value: Json) -> list[Json]:
    return elements(value, meter, "list")


def _reverse(meter: Meter, value: Json) -> Json:
    if isinstance(value, str):
        return meter.text(value[::-1])
    return elements(value, meter, "reverse")[::-1]


def _object(value: Json, name: str) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        raise wrong_value(f'the filter "{name}" takes an object, not {kind_of(value)}')
    return value


def _items(meter: Meter, value: Json) -> list[Json]:
    found = _object(value, "items")
    meter.elements(3 * len(found))
    return [[name, one] for name, one in found.items()]


def _dictsort(
    meter: Meter,
    value: Json,
    case_sensitive: Json = None,
    by: str = "key",
    reverse: Json = None,
) -> list[Json]:
    if by not in ("key", "value"):
        raise wrong_value(f'"dictsort" sorts by "key" or "value", not by {by!r}')
    return _sort(meter, _items(meter, value), reverse, case_sensitive, "0" if by == "key" else "1")


def _keys(meter: Meter, value: Json) -> list[Json]:
    return elements(_object(value, "keys"), meter, "keys")


def _values(meter: Meter, value: Json) -> list[Json]:
    found = _object(value, "values")
    meter.elements(len(found))
    return list(found.values())


def _batch(meter: Meter, value: Json, size: int) -> list[Json]:
    if not isinstance(size, int) or size < 1:
        raise wrong_value('the filter "batch" takes a size of at least 1')
    found = elements(value, meter, "batch")
    meter.elements(len(found) // size + 1)
    return [found[at : at + size] for at in range(0, len(found), size)]


def numbers(meter: Meter, *bounds: Json) -> list[Json]:
    """Return the list of a `range`, of at most `MAX_RANGE` numbers."""
    if not bounds or len(bounds) > 3 or not all(isinstance(one, int) for one in bounds):
        raise wrong_value("range takes one to three whole numbers")
    if len(bounds) == 3 and bounds[2] == 0:
        raise wrong_value("the step of a range cannot be 0")
    span = range(*bounds)
    # len() of a range above the word size raises OverflowError; the difference tells without counting.
    if span and abs(span[-1] - span[0]) // abs(span.step) >= MAX_RANGE:
        raise Fault("template-bound", f"a range has more than {MAX_RANGE:_} numbers")
    meter.elements(len(span))
    return list(span)


ALL_FILTERS: Final[Mapping[str, Filter]] = dict(FILTERS) | {
    "batch": _batch,
    "count": FILTERS["length"],
    "d": FILTERS["default"],
    "dictsort": _dictsort,
    "first": _end("first", 0),
    "items": _items,
    "join": _join,
    "keys": _keys,
    "last": _end("last", -1),
    "list": _list,
    "max": _extreme("max", max),
    "min": _extreme("min", min),
    "reverse": _reverse,
    "sort": _sort,
    "sum": _sum,
    "unique": _unique,
    "values": _values,
}
