"""The Data Manager's filters: which tasks a `query`, a view or a run's `filters_json` means, and in which order.

Two forms are known: `{"conjunction": "and", "items": [{"filter": "filter:tasks:COLUMN", "operator", "type", "value"}]}`
and, as stored with a view, `{"conjunction", "filters": [{"column", "operator", "type", "value", "child_filters"}]}`.

Source: label-studio 1.23.2 over HTTP and label-studio-sdk 2.1.2 (data_manager.py), read 2026-11.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from runner.emulators.label_studio.store import Task
from runner.model.item import Json

PREFIX = "filter:tasks:"


class BadFilter(ValueError):
    """A filter that the server cannot evaluate; the real one answers 500."""


def stamp(seconds: float | None) -> str | None:
    """Show a time as the server does, `2026-11-21T16:18:52.956113Z`."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def chosen(tasks: Iterable[Task], group: Mapping[str, Json] | None) -> list[Task]:
    """Keep the tasks that a filter group lets through; no group lets all through.

    Raises:
        BadFilter: an unknown column, operator or value.
    """
    items = _items(group or {})
    if not items:
        return list(tasks)
    join = any if str((group or {}).get("conjunction", "and")).lower() == "or" else all
    return [task for task in tasks if join(_passes(task, item) for item in items)]


def ordered(tasks: list[Task], ordering: Sequence[str]) -> list[Task]:
    """Sort by the first key of an ordering such as `["-tasks:data.text"]`; by id when there is none.

    Raises:
        BadFilter: an unknown column.
    """
    key = str(ordering[0]) if ordering else "tasks:id"
    column = key.lstrip("-").removeprefix("tasks:").lstrip("-")
    rows = [(value(task, column), task) for task in tasks]
    rows.sort(
        key=lambda row: (row[0] is None, _comparable(row[0]), row[1].id), reverse="-" in key.partition("tasks:")[0]
    )
    return [task for _, task in rows]


def selected(tasks: list[Task], selection: Mapping[str, Json] | None) -> list[Task]:
    """Keep what `selectedItems` names: `{"all": false, "included": [ids]}` or `{"all": true, "excluded": [ids]}`."""
    if not selection:
        return tasks
    if selection.get("all"):
        out = set(selection.get("excluded") or ())
        return [task for task in tasks if task.id not in out]
    wanted = set(selection.get("included") or ())
    return [task for task in tasks if task.id in wanted]


def value(task: Task, column: str) -> Json:
    """Give what a column shows for a task.

    Raises:
        BadFilter: there is no such column.
    """
    if column.startswith("data."):
        return task.data.get(column.removeprefix("data."))
    read = COLUMNS.get(column)
    if read is None:
        raise BadFilter(f"Cannot resolve keyword {column!r} into field")
    return read(task)


def _completed_at(task: Task) -> str | None:
    return stamp(max((a.created_at for a in task.annotations.values()), default=None))


def _score(task: Task) -> float | None:
    scores = [p.score for p in task.predictions.values() if p.score is not None]
    return sum(scores) / len(scores) if scores else None


COLUMNS: dict[str, Callable[[Task], Json]] = {
    "id": lambda task: task.id,
    "inner_id": lambda task: task.inner_id,
    "total_annotations": lambda task: len(task.annotations),
    "cancelled_annotations": lambda task: sum(a.was_cancelled for a in task.annotations.values()),
    "total_predictions": lambda task: len(task.predictions),
    "ground_truth": lambda task: task.truth() is not None,
    "predictions_score": _score,
    "predictions_model_versions": lambda task: [p.model_version for p in task.predictions.values()],
    "annotations_results": lambda task: json.dumps([a.result for a in task.annotations.values()]),
    "predictions_results": lambda task: json.dumps([p.result for p in task.predictions.values()]),
    "created_at": lambda task: stamp(task.created_at),
    "updated_at": lambda task: stamp(task.created_at),
    "completed_at": _completed_at,
}


def _items(group: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    items = group.get("items") or group.get("filters") or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise BadFilter("filters must be a list of objects")
    return items


def _passes(task: Task, item: Mapping[str, Json]) -> bool:
    column = str(item.get("filter") or item.get("column") or "").removeprefix(PREFIX)
    found, wanted = value(task, column), item.get("value")
    if item.get("type") == "Boolean" and isinstance(wanted, str):
        wanted = wanted.lower() == "true"
    verb = OPERATORS.get(str(item.get("operator")))
    if verb is None:
        raise BadFilter(f"unknown operator {item.get('operator')!r}")
    try:
        passed = verb(found, wanted)
    except (TypeError, ValueError, KeyError, re.error) as error:
        raise BadFilter(f"column {column} cannot be compared with {wanted!r}: {error}") from error
    return passed and all(_passes(task, child) for child in item.get("child_filters") or ())


def _texts(found: Json) -> list[str]:
    return [str(each) for each in found] if isinstance(found, list) else [str(found)]


def _equal(found: Json, wanted: Json) -> bool:
    if isinstance(found, bool) or isinstance(wanted, bool) or found is None:
        return bool(found == wanted)
    if isinstance(found, int | float):
        return float(found) == float(wanted)
    return str(wanted) in _texts(found)


def _contains(found: Json, wanted: Json) -> bool:
    return found is not None and any(str(wanted).casefold() in text.casefold() for text in _texts(found))


def _listed(found: Json, wanted: Json) -> bool:
    names = [part.strip() for part in wanted.split(",")] if isinstance(wanted, str) else list(map(str, wanted))
    return any(text in names for text in _texts(found))


def _compare(found: Json, wanted: Json) -> int | None:
    if found is None:
        return None
    if isinstance(found, int | float):
        return (float(found) > float(wanted)) - (float(found) < float(wanted))
    at, limit = _moment(str(found)), _moment(str(wanted))
    if at is not None and limit is not None:
        return (at > limit) - (at < limit)
    return (str(found) > str(wanted)) - (str(found) < str(wanted))


def _moment(text: str) -> datetime | None:
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _between(found: Json, wanted: Json) -> bool:
    return _compare(found, wanted["min"]) in {0, 1} and _compare(found, wanted["max"]) in {0, -1}


def _empty(found: Json, wanted: Json) -> bool:
    is_empty = found in (None, "", [])
    return is_empty == (wanted not in (False, "false", "False"))


def _comparable(found: Json) -> tuple[float, str]:
    if isinstance(found, int | float):
        return float(found), ""
    return 0.0, str(found)


OPERATORS: dict[str, Callable[[Json, Json], bool]] = {
    "equal": _equal,
    "not_equal": lambda found, wanted: not _equal(found, wanted),
    "less": lambda found, wanted: _compare(found, wanted) == -1,
    "greater": lambda found, wanted: _compare(found, wanted) == 1,
    "less_or_equal": lambda found, wanted: _compare(found, wanted) in {-1, 0},
    "greater_or_equal": lambda found, wanted: _compare(found, wanted) in {0, 1},
    "in": _between,
    "not_in": lambda found, wanted: not _between(found, wanted),
    "in_list": _listed,
    "not_in_list": lambda found, wanted: not _listed(found, wanted),
    "contains": _contains,
    "not_contains": lambda found, wanted: not _contains(found, wanted),
    "empty": _empty,
    "regex": lambda found, wanted: any(re.search(str(wanted), text) for text in _texts(found)),
}
