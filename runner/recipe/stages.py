"""The stages of a recipe: what each sets, and what it shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from runner.documents import Pointer, load_schema
from runner.model.item import Json
from runner.model.problem import Problem
from runner.model.recipe import Component, Stage
from runner.model.suggestion import did_you_mean
from runner.model.work_hash import WorkHash
from runner.recipe.components import CONNECTION, Builder
from runner.recipe.fingerprint import publish_digest, work_hash
from runner.recipe.order import circle, ordered
from runner.recipe.scopes import plain
from runner.templating import Template, tree_of

if TYPE_CHECKING:
    from runner.model.contracts import Expression

FILTER_ORDER: Final = ("keys", "where", "sample", "limit")
_SKIP: Final = "succeeded"

Placed: TypeAlias = tuple[Json, Pointer]


class Stages:
    """Builds the stages of one recipe; a component that several share is built, and complained about, once."""

    def __init__(self, builder: Builder, schema: Mapping[str, Json]) -> None:
        self._builder = builder
        self._document = builder.document
        self._value: Mapping[str, Json] = builder.document.value
        self._schema = schema
        self._components: dict[Pointer, Component | None] = {}
        self._records: dict[Pointer, Mapping[str, Expression | Json] | None] = {}

    def build(self) -> Sequence[Stage]:
        """Return the stages in an order in which all that a stage needs stands before it."""
        listed = self._value.get("stages")
        if not isinstance(listed, list):
            stage = self._stage({}, ())
            return [stage] if stage else []
        given = [(one, ("stages", at)) for at, one in enumerate(listed) if isinstance(one, dict)]
        names = self._names(given)
        needs = {name: self._needs(given[at], names) for name, at in names.items()}
        if found := circle(needs):
            mark = self._document.key_mark_of((*given[names[found[0]]][1], "needs"))
            what = f"the stages need each other in a circle: {' -> '.join(found)}"
            self._problem(Problem("cyclic-needs", what, mark, "let one of them need nothing"))
            needs = {name: [] for name in names}
        stages = {name: self._stage(*given[at]) for name, at in names.items()}
        return [stage for name in ordered(needs) if (stage := stages[name]) is not None]

    def _problem(self, problem: Problem) -> None:
        self._builder.problems.append(problem)

    def _names(self, given: Sequence[Placed]) -> dict[str, int]:
        """Return name to position; a second stage of a name is a problem."""
        names: dict[str, int] = {}
        for at, (stage, pointer) in enumerate(given):
            name = str(stage.get("name", f"number {at + 1}"))
            if name in names:
                other = self._document.mark_of((*given[names[name]][1], "name"))
                what = f'there is already a stage "{name}"'
                mark = self._document.mark_of((*pointer, "name"))
                self._problem(Problem("duplicate-stage", what, mark, "give it another name", other=other))
            else:
                names[name] = at
        return names

    def _needs(self, placed: Placed, names: Mapping[str, int]) -> list[str]:
        stage, pointer = placed
        needs = stage.get("needs", [])
        known: list[str] = []
        for at, name in enumerate(needs if isinstance(needs, list) else ()):
            if not isinstance(name, str):
                continue
            if name in names:
                known.append(name)
                continue
            mark = self._document.mark_of((*pointer, "needs", at))
            mend = did_you_mean(name, sorted(names), "Stages")
            self._problem(Problem("unknown-stage", f'there is no stage "{name[:80]}"', mark, mend))
        return known

    def _stage(self, own: Mapping[str, Json], pointer: Pointer) -> Stage | None:
        source = self._needed("source", "sources", own, pointer)
        target = self._needed("target", "targets", own, pointer)
        filters = self._filters(*self._shared("filter", own, pointer))
        record = self._record(*self._shared("record", own, pointer))
        checks = self._listed("checks", own, pointer)
        sinks = self._listed("sinks", own, pointer)
        if source is None or target is None:
            return None
        subset = filters.pop("subset", None)
        skip = filters.pop("skip", None)
        return Stage(
            name=str(own.get("name", "")),
            needs=[name for name in own.get("needs", []) if isinstance(name, str)],
            source=source,
            filters=[filters[name] for name in FILTER_ORDER if name in filters],
            subset=subset,
            skip=_SKIP if skip is None else str(skip.options["skip"]),
            target=target,
            record=record,
            checks=checks,
            sinks=sinks,
            work=self._work(target),
            publish=publish_digest(record, checks, sinks),
            allow_empty=self._shared("allow_empty", own, pointer)[0] is True,
        )

    def _work(self, target: Component) -> WorkHash:
        catalog, kind = self._builder.kinds.catalog, target.kind
        if CONNECTION not in target.options:
            return work_hash(target)
        return work_hash(target, catalog.digest(kind), catalog.first_digest(kind), catalog.sent_defaults(kind))

    def _shared(self, name: str, own: Mapping[str, Json], pointer: Pointer) -> Placed:
        return (own[name], (*pointer, name)) if name in own else (self._value.get(name), (name,))

    def _once(self, room: str, placed: Placed) -> Component | None:
        value, pointer = placed
        if pointer not in self._components:
            self._components[pointer] = self._builder.component(room, value, pointer)
        return self._components[pointer]

    def _needed(self, name: str, room: str, own: Mapping[str, Json], pointer: Pointer) -> Component | None:
        value, place = self._shared(name, own, pointer)
        if value is None and place[-1:] == (name,) and name not in own and name not in self._value:
            noun = f'the stage "{own.get("name")}"' if own else "the recipe"
            mark = self._document.key_mark_of(pointer)
            mend = f"Kinds: {', '.join(self._builder.kinds.names(room))}"
            self._problem(Problem("missing-field", f'{noun} needs the field "{name}"', mark, mend))
            return None
        return self._once(room, (value, place))

    def _listed(self, name: str, own: Mapping[str, Json], pointer: Pointer) -> list[Component]:
        value, place = self._shared(name, own, pointer)
        listed = value if isinstance(value, list) else []
        made = [self._once(name, (one, (*place, at))) for at, one in enumerate(listed)]
        return [one for one in made if one is not None]

    def _filters(self, value: Json, pointer: Pointer) -> dict[str, Component]:
        made: dict[str, Component] = {}
        for name, options in value.items() if isinstance(value, dict) else ():
            place = (*pointer, name)
            schema = load_schema(f"filters/{name}") if name in self._schema_filters() else None
            if place not in self._components and schema is not None:
                self._components[place] = self._builder.of_kind("filters", name, options, place, schema)
            component = self._components.get(place)
            if component is not None:
                made[name] = component
        self._check_condition(made.get("where"))
        return made

    def _check_condition(self, where: Component | None) -> None:
        condition = where.options.get("where") if where is not None else None
        if where is not None and isinstance(condition, str):
            mend = f'write "{{{{ {condition[:60]} }}}}"'
            what = "the condition of filter where is a text, no expression"
            self._problem(Problem("not-an-expression", what, where.mark, mend))

    def _schema_filters(self) -> Mapping[str, Json]:
        known: Mapping[str, Json] = self._schema["definitions"]["filter"]["properties"]
        return known

    def _record(self, value: Json, pointer: Pointer) -> Mapping[str, Expression | Json] | None:
        if not isinstance(value, dict):
            return None
        if pointer not in self._records:
            schema = self._schema["definitions"]["record"]
            rendered = {
                name: self._builder.renderer.render(one, schema, (*pointer, name)) for name, one in value.items()
            }
            self._records[pointer] = {name: _expression(one) for name, one in rendered.items()}
        return self._records[pointer]


def _expression(value: Json) -> Expression | Json:
    """Make one expression of a nested field; what holds no template stays as it is."""
    if isinstance(value, Template) or plain(value) == value:
        return value
    return tree_of(value)
