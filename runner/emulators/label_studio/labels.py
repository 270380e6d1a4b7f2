"""The label config: which questions a project asks, and what an answer to them looks like as regions.

A *control* is a tag that takes an answer (`Choices`, `Labels`, `TextArea`, `Number`); its *object* is the tag that
shows the task's data (`Text value="$text"`). A *region* is one piece of an answer:
`{"from_name": "intent", "to_name": "text", "type": "choices", "value": {"choices": ["billing"]}}`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from xml.etree import ElementTree

from runner.model.item import Json

CONTROLS = {"Choices": "choices", "Labels": "labels", "TextArea": "textarea", "Number": "number"}


@dataclass(frozen=True, slots=True)
class Control:
    """One question of a label config.

    Attributes:
        name: the tag's name, `from_name` in regions.
        to_name: the object that it is about.
        kind: region type: choices, labels, textarea or number.
        classes: allowed values in order; empty for free answers.
        field: the field of the task's data that the object shows.
        multiple: whether several choices may be given.
    """

    name: str
    to_name: str
    kind: str
    classes: tuple[str, ...]
    field: str
    multiple: bool = False


class BadConfig(ValueError):
    """The label config is no XML, or asks nothing."""


@lru_cache(maxsize=32)
def controls(label_config: str) -> tuple[Control, ...]:
    """Read the questions of a label config.

    Raises:
        BadConfig: it is not well-formed, or a control names no object.
    """
    try:
        root = ElementTree.fromstring(label_config)
    except ElementTree.ParseError as error:
        raise BadConfig(f"Label config contains invalid XML: {error}") from error
    fields = {
        tag.get("name", ""): tag.get("value", "").removeprefix("$")
        for tag in root.iter()
        if tag.get("value", "").startswith("$")
    }
    return tuple(_control(tag, fields) for tag in root.iter() if tag.tag in CONTROLS)


def variables(label_config: str) -> set[str]:
    """Name the data fields that every task of the project must have."""
    root = ElementTree.fromstring(label_config)
    return {tag.get("value", "")[1:] for tag in root.iter() if tag.get("value", "").startswith("$")}


def regions(asked: Sequence[Control], output: Mapping[str, Json]) -> list[Json]:
    """Turn a model's output, control name to value, into regions; unknown names and nulls are skipped.

    Source: label-studio 1.23.2, what the server does with the output of a prompt run, read 2026-11.
    """
    by_name = {control.name: control for control in asked}
    made: list[Json] = []
    for name, answer in output.items():
        control = by_name.get(name)
        if control is None or answer is None:
            continue
        parts = answer if control.kind == "labels" and isinstance(answer, list) else [answer]
        made += [_region(control, len(made) + place, part) for place, part in enumerate(parts)]
    return made


def fault(asked: Sequence[Control], result: Json) -> str:
    """Say what is wrong with an answer's regions; empty when nothing is."""
    if not isinstance(result, list) or not result:
        return "Result must be a non-empty list of regions"
    by_name = {control.name: control for control in asked}
    for place, region in enumerate(result):
        if not isinstance(region, dict):
            return f"Region {place}: must be an object"
        control = by_name.get(str(region.get("from_name")))
        told = _region_fault(control, region)
        if told:
            return f"Region {place}: {told}"
    return ""


def answers(result: Sequence[Json]) -> dict[str, frozenset[str]]:
    """Give what an answer says by control name, free of order and of region ids, to compare it with another."""
    said: dict[str, set[str]] = {}
    for region in result:
        value = region.get("value", {})
        kind = str(region.get("type", ""))
        told = {"textarea": value.get("text"), "number": value.get("number")}.get(kind, value.get(kind))
        words = told if isinstance(told, list) else [told]
        span = f"@{value['start']}-{value['end']}" if "start" in value and "end" in value else ""
        said.setdefault(str(region.get("from_name")), set()).update(f"{word}{span}" for word in words)
    return {name: frozenset(words) for name, words in said.items()}


def agreement(result: Sequence[Json], truth: Sequence[Json]) -> float:
    """Give the share of the ground truth's controls that an answer has exactly, 0.0-1.0."""
    given, wanted = answers(result), answers(truth)
    if not wanted:
        return 0.0
    return sum(given.get(name) == words for name, words in wanted.items()) / len(wanted)


def _control(tag: ElementTree.Element, fields: Mapping[str, str]) -> Control:
    to_name = tag.get("toName", "")
    if not tag.get("name") or to_name not in fields:
        raise BadConfig(f"toName={to_name!r} not found in names: {sorted(fields)!r}")
    classes = tuple(child.get("value", "") for child in tag.iter() if child.tag in {"Choice", "Label"})
    multiple = tag.get("choice") == "multiple"
    return Control(tag.get("name", ""), to_name, CONTROLS[tag.tag], classes, fields[to_name], multiple)


def _region(control: Control, place: int, answer: Json) -> dict[str, Json]:
    region: dict[str, Json] = {"from_name": control.name, "to_name": control.to_name, "type": control.kind}
    words = [str(word) for word in answer] if isinstance(answer, list) else [str(answer)]
    if control.kind == "choices":
        region["value"] = {"choices": words}
    elif control.kind == "textarea":
        region["value"] = {"text": words}
    elif control.kind == "number":
        region["value"] = {"number": answer}
    else:
        region["value"] = dict(answer)
    return {"id": f"r{place}", **region}


def _region_fault(control: Control | None, region: Mapping[str, Json]) -> str:
    if control is None:
        return f"Invalid value for control {region.get('from_name')!r}: not in the label config"
    if region.get("to_name") != control.to_name or region.get("type") != control.kind:
        return f"Invalid value for control {control.name!r}: wrong to_name or type"
    value = region.get("value")
    if not isinstance(value, dict):
        return f"Invalid value for control {control.name!r}: no value"
    given = value.get(control.kind) if control.kind in {"choices", "labels"} else []
    if not isinstance(given, list) or (control.classes and not set(map(str, given)) <= set(control.classes)):
        return f"Invalid value for control {control.name!r}: {given!r} not among {list(control.classes)!r}"
    return ""
