"""A kind's `Config` and its JSON Schema say the same."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from pathlib import Path

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"


def schema_of(room, kind):
    """Return the schema of a kind."""
    return json.loads((SCHEMAS / room / f"{kind}.json").read_text())


def default_of(field):
    """Return a field's default as JSON would have it; MISSING when there is none or it is null."""
    value = field.default_factory() if field.default_factory is not MISSING else field.default
    return list(value) if isinstance(value, tuple) else MISSING if value is None else value


def is_required(field):
    """Whether a Config cannot be made without the field."""
    return field.default is MISSING and field.default_factory is MISSING


def said_twice(room, kind, config):
    """Return what schema and Config say about names, defaults and required fields, as a pair."""
    schema = schema_of(room, kind)
    said = {name: one.get("default", MISSING) for name, one in schema["properties"].items()}
    meant = {field.name: default_of(field) for field in fields(config)}
    required = {field.name for field in fields(config) if is_required(field)}
    return (said, set(schema.get("required", []))), (meant, required)
