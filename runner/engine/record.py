"""From an item's outcome to a row: pure rendering of the recipe's `record`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Final

from runner.engine.work import Work
from runner.model.contracts import Expression
from runner.model.errors import RunnerError
from runner.model.item import Json, Record
from runner.model.job import Job, SupportsUrl
from runner.model.ledger import ItemStatus, Outcome

_NEED_KEPT: Final = frozenset({("job",), ("job", "kept"), ("job", "url")})


async def records(work: Work) -> AsyncIterator[Sequence[Record]]:
    """Give one record per selected item, in source order, in batches.

    An item that did not succeed, and a result that does not fit the recipe's `record`, have an empty row and say so in
    `outcome` (`failed`, `held`, `unrecordable`); the paid result of the latter stays in the ledger.
    """
    reads = frozenset(_job_paths(work.record))
    with_kept = not reads.isdisjoint(_NEED_KEPT)
    async for batch in work.ledger.outcomes(work.scope, with_kept=with_kept):
        yield [_record(work, outcome, with_url=with_kept) for outcome in batch]


def _job_paths(value: Expression | Json) -> Iterator[tuple[str, ...]]:
    """Return the first two steps of every path into `job` that a record reads."""
    if isinstance(value, Mapping):
        for one in value.values():
            yield from _job_paths(one)
    elif isinstance(value, list):
        for one in value:
            yield from _job_paths(one)
    elif callable(value):
        yield from (path[:2] for path in value.paths if path[0] == "job")


def _record(work: Work, outcome: Outcome, *, with_url: bool) -> Record:
    if outcome.status != ItemStatus.SUCCEEDED:
        return Record(outcome.key, {}, outcome.status, outcome.value, outcome.error)
    try:
        row = _row(work, outcome, with_url=with_url)
    except RunnerError as error:
        return Record(outcome.key, {}, "unrecordable", outcome.value, str(error))
    return Record(outcome.key, row, "succeeded", outcome.value, result=outcome.result)


def _row(work: Work, outcome: Outcome, *, with_url: bool) -> Mapping[str, Json]:
    result = outcome.result
    if work.record is None:
        return result if isinstance(result, dict) else {"item": outcome.key, "result": result}
    scope = {"item": outcome.value, "result": result, "job": _job(work, outcome, with_url=with_url)}
    return {name: _value(field, scope) for name, field in work.record.items()}


def _job(work: Work, outcome: Outcome, *, with_url: bool) -> Mapping[str, Json]:
    """Return what a record reads of the job; its members are those of the schema."""
    target, key = work.target, outcome.job
    url = None
    if with_url and key is not None and isinstance(target, SupportsUrl):
        url = target.url(Job(key, outcome.attempt, (), outcome.kept, outcome.id))
    return {
        "key": key,
        "id": outcome.id,
        "platform": work.platform,
        "url": url,
        "kept": outcome.kept,
        "attempt": outcome.attempt,
        "cost": outcome.cost,
        "item": outcome.key,
        "work": work.work,
        "recipe": work.scope.recipe,
        "at": outcome.at,
        "adopted": str(outcome.adopted),
    }


def _value(field: Expression | Json, scope: Mapping[str, Json]) -> Json:
    if isinstance(field, dict):
        return {name: _value(inner, scope) for name, inner in field.items()}
    if isinstance(field, list):
        return [_value(inner, scope) for inner in field]
    return field(scope) if callable(field) else field


def record_shape(record: Mapping[str, Expression | Json] | None) -> str:
    """Return 32 hex letters over the fields of a record and their order."""
    text = json.dumps(None if record is None else [[name, _text(field)] for name, field in record.items()])
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _text(field: Expression | Json) -> Json:
    if isinstance(field, dict):
        return {name: _text(inner) for name, inner in field.items()}
    if isinstance(field, list):
        return [_text(inner) for inner in field]
    return {"expression": field.text} if callable(field) else field
