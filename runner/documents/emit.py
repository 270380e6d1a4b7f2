"""JSON values as YAML for people."""

from __future__ import annotations

import yaml

from runner.model.item import Json


def to_yaml(value: Json) -> str:
    """Return a value as YAML in the order of its fields; text that could be read as something else is quoted."""
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)
    return text
