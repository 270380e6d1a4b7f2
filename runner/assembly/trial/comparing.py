"""What came of a case against what was expected: pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from runner.assembly.trial.document import Expected
from runner.documents import Pointer
from runner.model.item import Json

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One thing that is not as expected.

    Attributes:
        slug: stable name of its kind, in kebab-case.
        at: the place in the case that is not true.
    """

    slug: str
    what: str
    at: Pointer = ()
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case.

    Attributes:
        rows: of all items that succeeded, in source order.
        failed: item key to error.
        items: how many were selected.
        accepted: item to how often the emulator accepted it; None when that is not known.
        is_single: each item may be sent once only, so that more is a fault.
        unexpected: where the recorded exchange was not kept.
        error: what stopped the apply.
        notes: what checks, jobs, rejected and held items say about it, for people.
    """

    outcome: str
    rows: Sequence[Mapping[str, Json]] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    held: int = 0
    items: int = 0
    accepted: Mapping[str, int] | None = None
    is_single: bool = True
    unexpected: Sequence[Discrepancy] = ()
    error: str = ""
    notes: Sequence[str] = ()


def discrepancies(expected: Expected, found: Outcome) -> Sequence[Discrepancy]:
    """Return everything that is not as expected, causes first.

    After a request that was not recorded, and when an apply was stopped, all else would only follow from that.
    """
    if any(each.slug == "unexpected-request" for each in found.unexpected):
        return found.unexpected
    if found.outcome == "stopped" != expected.outcome:
        return [*_head(expected, found), *(each for each in found.unexpected if each.slug != "unused-exchange")]
    parts = (_head, _vain, _rows, _failures, _held, _accepted)
    return [*found.unexpected, *(each for part in parts for each in part(expected, found))]


def _head(expected: Expected, found: Outcome) -> Iterator[Discrepancy]:
    if found.outcome != expected.outcome:
        why = "; ".join(each for each in (found.error, *found.notes[:_SHOWN]) if each)
        what = f"the outcome is {found.outcome}, not {expected.outcome}{': ' if why else ''}{why}"
        yield Discrepancy("wrong-outcome", what, ("expect", "outcome"), _expect(f"outcome: {found.outcome}"))
    elif expected.error and expected.error not in found.error:
        what = f"the error is {found.error!r}, without {expected.error!r}"
        yield Discrepancy("wrong-error", what, ("expect", "error"), "expect a part of that text")


def _vain(expected: Expected, found: Outcome) -> Iterator[Discrepancy]:
    says_none = expected.rows is not None or expected.records is not None
    if found.outcome == "done" and not found.items and not says_none:
        mend = "mend the keys or the recipe's filter; when nothing must be done, expect rows: 0"
        yield Discrepancy("nothing-tried", "no item was selected, so nothing was tried", ("keys",), mend)


def _rows(expected: Expected, found: Outcome) -> Iterator[Discrepancy]:
    were = f"there {'is' if len(found.rows) == 1 else 'are'} {_count(len(found.rows), 'row')}"
    if expected.rows is not None and len(found.rows) != expected.rows:
        mend = _expect(f"rows: {len(found.rows)}")
        yield Discrepancy("wrong-rows", f"{were}, not {expected.rows}", ("expect", "rows"), mend)
    if expected.records is not None and len(found.rows) != len(expected.records):
        what = f"{were}, not {len(expected.records)}"
        yield Discrepancy("wrong-rows", what, ("expect", "records"), "name one record for each row")
    for number, (record, row) in enumerate(zip(expected.records or (), found.rows, strict=False)):
        yield from differences(record, row, ("expect", "records", number))


def _failures(expected: Expected, found: Outcome) -> Iterator[Discrepancy]:
    for key, part in (expected.failed or {}).items():
        at = ("expect", "failed", key)
        if key not in found.failed:
            yield Discrepancy("wrong-failure", f"item {key!r} has not failed", at, "leave it out when that is right")
        elif part not in found.failed[key]:
            what = f"item {key!r} failed with {found.failed[key]!r}, without {part!r}"
            yield Discrepancy("wrong-failure", what, at, "expect a part of that text")
    if expected.failed is not None or expected.outcome == "done":
        for key, error in found.failed.items():
            if key not in (expected.failed or {}):
                what = f"item {key!r} failed: {error}"
                yield Discrepancy("wrong-failure", what, ("expect", "failed"), _expect(f"failed: {{{key}: ...}}"))


def _held(expected: Expected, found: Outcome) -> Iterator[Discrepancy]:
    if expected.held is not None and found.held != expected.held:
        what = f"{_count(found.held, 'item')} {'is' if found.held == 1 else 'are'} held, not {expected.held}"
        yield Discrepancy("wrong-held", what, ("expect", "held"), _expect(f"held: {found.held}"))


def _accepted(expected: Expected, found: Outcome) -> Iterator[Discrepancy]:
    if found.accepted is None:
        return
    at = ("expect", "accepted")
    total = sum(found.accepted.values())
    if expected.accepted is not None and total != expected.accepted:
        what = f"the platform accepted {_count(total, 'item')}, not {expected.accepted}"
        yield Discrepancy("wrong-accepted", what, at, _expect(f"accepted: {total}"))
    twice = [item for item, times in found.accepted.items() if times > 1]
    if twice and found.is_single and expected.accepted != total:
        named = ", ".join(twice[:_SHOWN]) + (" and others" if len(twice) > _SHOWN else "")
        mend = "what is sent again must be found again: see find in the manifest"
        yield Discrepancy("paid-twice", f"accepted more than once: {named}", at, mend)


def differences(wanted: Json, found: Json, at: Pointer, slug: str = "wrong-value") -> Iterator[Discrepancy]:
    """Give what differs; an object may hold further fields, a list may not be longer."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for name, value in wanted.items():
            if name in found:
                yield from differences(value, found[name], (*at, name), slug)
            else:
                has = ", ".join(map(str, found)) or "none"
                yield Discrepancy(
                    slug, f"{_shown((*at, name))} is missing", (*at, name), f"fields that are there: {has}"
                )
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for number, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from differences(one, other, (*at, number), slug)
    elif wanted != found or isinstance(wanted, bool) != isinstance(found, bool):
        what = f"{_shown(at)} is {_json(found)}, not {_json(wanted)}"
        yield Discrepancy(slug, what, at, _expect(_json(found)))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _expect(text: str) -> str:
    return f"when that is right, expect it: {text}"


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _shown(at: Pointer) -> str:
    """Return `records[0].total` of a place below `expect`, `sent.item` of one below an exchange."""
    path = [step for step in at[1:] if at[0] == "expect"] or list(at[2:])
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
