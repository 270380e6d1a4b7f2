"""The one way from the word in a recipe to the class that does it.

A table is written by hand in each room (`runner.sources.KINDS`): kind to `module:Class`. A kind is imported only when
a recipe names it; what no table holds is looked for among the entry points of its group (`runner.sources`, ...).

The class of another package ships its schema: `schema`, the JSON Schema of its options as `schemas/sources/csv.json` is
one. Its tests inherit the suites of `runner.conformance`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from runner.model.contracts import Place
from runner.model.errors import ConfigError
from runner.model.item import Json
from runner.model.suggestion import did_you_mean

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Kind = TypeVar("Kind")


def load_kind(table: Mapping[str, str], kind: str, group: str) -> type[Json]:
    """Return the class of a kind.

    Args:
        table: kind to `module:Class`, of one room.
        kind: the word of the recipe.
        group: entry point group for kinds of other packages, for example `runner.sources`.

    Raises:
        ConfigError: nobody knows the kind, or its module cannot be imported.
    """
    place = table.get(kind)
    if place is None:
        return _from_entry_points(table, kind, group)
    module, _, name = place.partition(":")
    found: type[Json] = getattr(import_module(module), name)
    return found


def build(kind: type[Kind], options: Mapping[str, Json], place: Place) -> Kind:
    """Return the connector: `kind(kind.Config(**options), place)`; nothing is opened or sent yet.

    Raises:
        ConfigError: an option is unknown or missing, or its value cannot be used.
    """
    config: Json = getattr(kind, "Config")  # noqa: B009 - not every type has one
    known = [field.name for field in fields(config)] if is_dataclass(config) else list(options)
    for name in options:
        if name not in known:
            mend = did_you_mean(name, known, "Fields", ordered=True)
            raise ConfigError(f"{kind.__name__} has no field {name!r}", mend=mend)
    try:
        made = config(**options)
    except TypeError as error:
        raise ConfigError(f"{kind.__name__}: {error}", mend=f"Fields: {', '.join(known)}") from error
    maker: Json = kind
    connector: Kind = maker(made, place)
    return connector


def package_kinds(group: str) -> Mapping[str, EntryPoint]:
    """Return the kinds of other packages by name; `group` as in `load_kind`."""
    from importlib.metadata import entry_points  # slow to import, and rarely needed

    return {point.name: point for point in entry_points(group=group)}


def package_schema(kind: str, group: str) -> Mapping[str, Json] | None:
    """Return the schema that the class of another package ships; None when no package has the kind.

    Raises:
        ConfigError: the class cannot be loaded, or ships none.
    """
    if kind not in package_kinds(group):
        return None
    found = _from_entry_points({}, kind, group)
    schema = getattr(found, "schema", None)
    if not isinstance(schema, Mapping) or not isinstance(schema.get("properties"), Mapping):
        name = f"{found.__module__}.{found.__qualname__}"
        what = f"the kind {kind!r} ships no schema: {name} has no `schema` with properties"
        raise ConfigError(what, mend="give the class `schema = {'type': 'object', 'properties': {...}}`")
    return schema


def _from_entry_points(table: Mapping[str, str], kind: str, group: str) -> type[Json]:
    outside = package_kinds(group)
    if kind not in outside:
        known = sorted({*table, *outside})
        mend = did_you_mean(kind, known, "Kinds")
        raise ConfigError(f"{group.rpartition('.')[2]}: there is no kind {kind!r}", mend=mend)
    try:
        found: type[Json] = outside[kind].load()
    except (ImportError, AttributeError) as error:
        where = outside[kind].value
        raise ConfigError(f"kind {kind!r} cannot be loaded from {where}: {error}", mend="mend its package") from error
    return found
