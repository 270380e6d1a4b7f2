"""From `source: {jsonl: {path: x}}` to a component, checked by the schema of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from runner.documents import Document, Pointer, Schema, problems_of
from runner.model.item import Json
from runner.model.problem import Problem
from runner.model.project import Project
from runner.model.recipe import Component
from runner.model.suggestion import did_you_mean
from runner.recipe.kinds import ONE, Kinds
from runner.recipe.scopes import Renderer, plain

CONNECTION: Final = "connection"
CONSEQUENCE: Final = "consequence"
"""Slug of a problem that follows from one of another document: it makes the recipe unusable, but is not shown."""


@dataclass(slots=True)
class Builder:
    """Builds the components of one document; collects what is wrong with them.

    Attributes:
        problems: so far, without those of the renderer.
    """

    document: Document
    renderer: Renderer
    kinds: Kinds
    project: Project
    problems: list[Problem]

    def component(self, room: str, value: Json, pointer: Pointer) -> Component | None:
        """Return the component of an object with exactly one key; None when it cannot be used.

        Args:
            room: `sources`, `targets` ...
            value: as it stands in the document at `pointer`.
            pointer: where it stands.
        """
        if not isinstance(value, dict):
            return None  # the schema of the document has told
        if len(value) != 1:
            self.problems.append(self._not_one(room, value, pointer))
            return None
        ((kind, options),) = value.items()
        schema = self.kinds.schema(room, kind)
        if schema is None and self.kinds.catalog.is_faulty(kind.partition(".")[0]):
            what = f"the platform of {ONE[room]} {kind[:80]} has a faulty manifest"
            self.problems.append(Problem(CONSEQUENCE, what, self.document.key_mark_of((*pointer, kind))))
            return None
        if schema is None:
            known = self.kinds.names(room)
            mark = self.document.key_mark_of((*pointer, kind))
            what = f'there is no {ONE[room]} "{kind[:80]}"'
            self.problems.append(Problem("unknown-kind", what, mark, did_you_mean(kind, known, "Kinds")))
            return None
        return self.of_kind(room, kind, options, (*pointer, kind), schema)

    def _not_one(self, room: str, value: Mapping[str, Json], pointer: Pointer) -> Problem:
        given = ", ".join(list(value)[:5]) if value else "nothing"
        mend = f"Kinds: {', '.join(self.kinds.names(room))}"
        place = (*pointer, list(value)[1]) if value else pointer
        what = f"a {ONE[room]} is exactly one kind with its options, not {given}"
        return Problem("one-kind", what, self.document.key_mark_of(place), mend)

    def of_kind(self, room: str, kind: str, options: Json, pointer: Pointer, schema: Schema) -> Component | None:
        """Return the component of a kind whose options stand at `pointer`."""
        noun = f"{ONE[room]} {kind}"
        connection: Json = None
        short = None if isinstance(options, dict) else self.kinds.short(room, kind)
        if short is not None:
            schema = short[1]
        elif options is None:
            options = {}
        if self.kinds.is_on_platform(room, kind):
            options, connection = self._without_connection(noun, kind, options, pointer)
        found = problems_of(schema, options, self.document, pointer, noun=noun)
        evaluated = self.renderer.evaluated
        rendered = self.renderer.render(options, schema.data, pointer)
        if not found and self.renderer.evaluated > evaluated:
            found = problems_of(schema, plain(rendered), self.document, pointer, noun=noun)
        if not found and short is None and not isinstance(rendered, dict):
            what = f"the options of {noun} are an object, not one value"
            found = [Problem("wrong-type", what, self.document.mark_of(pointer), "write its fields out")]
        self.problems.extend(found)
        if found:
            return None
        made = rendered if short is None else {short[0]: rendered}
        if connection is not None:
            made = {CONNECTION: connection, **made}
        return Component(kind, made, self.document.key_mark_of(pointer), plain(made))

    def _without_connection(self, noun: str, kind: str, options: Json, pointer: Pointer) -> tuple[Json, Json]:
        if not isinstance(options, dict):
            return options, None
        platform = kind.partition(".")[0]
        known = sorted(name for name, one in self.project.connections.items() if one.platform == platform)
        rest = {name: value for name, value in options.items() if name != CONNECTION}
        name = self.renderer.render(options.get(CONNECTION), {}, (*pointer, CONNECTION))
        if problem := self._connection_problem(noun, name, known, pointer, platform):
            self.problems.append(problem)
            return rest, None
        return rest, name

    def _connection_problem(
        self, noun: str, name: Json, known: list[str], pointer: Pointer, platform: str
    ) -> Problem | None:
        if isinstance(name, str) and name in known:
            return None
        mark = self.document.mark_of((*pointer, CONNECTION))
        mend = did_you_mean(str(name or ""), known, "Connections")
        if not known:
            is_free = isinstance(name, str) and name and name not in self.project.connections
            wish = str(name)[:80] if is_free else platform
            mend = f"add to runner.yaml: connections: {{{wish}: {{platform: {platform}, ...}}}}"
        if name is None:
            what = f'{noun} needs the field "connection"'
            return Problem("missing-field", what, self.document.key_mark_of(pointer), mend)
        if not isinstance(name, str):
            return Problem("wrong-type", f"the connection of {noun} must be a text", mark, mend)
        if name not in self.project.connections:
            slug = CONSEQUENCE if self.project.is_faulty else "unknown-connection"
            return Problem(slug, f'there is no connection "{name[:80]}"', mark, mend)
        other = self.project.connections[name].platform
        return Problem("unknown-connection", f'the connection "{name}" is one on {other}', mark, mend)
