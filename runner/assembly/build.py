"""From a component of a recipe to the connector that does it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from runner import checks, filters, sinks, sources, targets
from runner.assembly.emulated_sinks import RealFiles
from runner.engine.record import record_shape
from runner.engine.work import Work
from runner.kinds import build, load_kind
from runner.model.contracts import Check, Filter, Leaving, Notifier, Place, Sink, Source, Target
from runner.model.item import Json
from runner.model.ledger import Ledger, Scope
from runner.model.recipe import Component, Recipe, Stage
from runner.platforms import Connection
from runner.recipe.fingerprint import digest, named
from runner.recipe.scopes import templates_in

Connect = Callable[[Component], Awaitable[Connection]]


class Builder:
    """Builds the work of the stages of one recipe; platform kinds come from their connection."""

    def __init__(
        self,
        recipe: Recipe,
        place: Place,
        ledger: Ledger,
        scope: Scope,
        connect: Connect,
        real_files: RealFiles | None = None,
    ) -> None:
        """Build nothing yet; `real_files` are those that emulated rows must not replace."""
        self._real_files = real_files
        self._recipe = recipe
        self._place = place
        self._ledger = ledger
        self._scope = scope
        self._connect = connect

    async def work(self, stage: Stage) -> Work:
        """Return the work of one stage.

        Raises:
            ConfigError: a connector cannot be built: a path outside the project, a connection without its secret.
        """
        sink_makers = [await self._sink(component) for component in stage.sinks]
        target = await self._target(stage)
        return Work(
            scope=Scope(self._scope.project, self._scope.profile, self._recipe.name, stage.name),
            work=stage.work,
            publish=stage.publish,
            selector=selector(stage),
            source=await self._source(stage.source),
            filters=lambda: [self._filter(component) for component in _filters(stage)],
            target=target,
            checks=lambda: [self._check(component) for component in stage.checks],
            sinks=lambda: [make() for make in sink_makers],
            sink_shapes=[sink_shapes(stage.record, component) for component in stage.sinks],
            siblings=self._siblings(stage),
            ledger=self._ledger,
            clock=self._place.clock,
            record=stage.record,
            run=self._recipe.run,
            skip=stage.skip,
            allow_empty=stage.allow_empty,
            source_text=_text(stage.source),
            connection=await self._identity(stage.target),
            target_text=_text(stage.target) + _leaves(target),
            platform=stage.target.platform,
            sink_kinds=[component.kind for component in stage.sinks],
        )

    async def notifiers(self) -> Sequence[Notifier]:
        """Return who is told about the runs of the recipe."""
        return [
            (await self._connect(component)).notifier(component.kind, _without_connection(component), self._place)
            for component in self._recipe.notify
        ]

    def _siblings(self, stage: Stage) -> Sequence[Scope]:
        """Return the scopes of the other stages that send the very same work."""
        return [
            Scope(self._scope.project, self._scope.profile, self._recipe.name, other.name)
            for other in self._recipe.stages
            if other.name != stage.name and other.work == stage.work
        ]

    async def _source(self, component: Component) -> Source:
        if component.platform is None:
            made: Source = self._local(sources.KINDS, component, "runner.sources")
            return made
        connection = await self._connect(component)
        return connection.source(component.kind, _without_connection(component), self._place)

    async def _target(self, stage: Stage) -> Target:
        component = stage.target
        if component.platform is None:
            made: Target = self._local(targets.KINDS, component, "runner.targets")
            return made
        connection = await self._connect(component)
        subset = None if stage.subset is None else stage.subset.plain["name"]
        return connection.target(
            component.kind, _without_connection(component), self._place, subset=subset, skip=stage.skip
        )

    async def _identity(self, component: Component) -> str:
        return "" if component.platform is None else (await self._connect(component)).identity

    async def _sink(self, component: Component) -> Callable[[], Sink]:
        if component.platform is None:
            return lambda: self._local(sinks.KINDS, self._diverted(component), "runner.sinks")
        connection = await self._connect(component)
        return lambda: connection.sink(component.kind, _without_connection(component), self._place)

    def _diverted(self, component: Component) -> Component:
        if self._real_files is None:
            return component
        return replace(component, options=self._real_files.divert(component.options, self._place))

    def _filter(self, component: Component) -> Filter:
        made: Filter = self._local(filters.KINDS, component, "runner.filters")
        return made

    def _check(self, component: Component) -> Check:
        made: Check = self._local(checks.KINDS, component, "runner.checks")
        return made

    def _local(self, table: Mapping[str, str], component: Component, group: str) -> Json:
        return build(load_kind(table, component.kind, group), component.options, self._place)


def _filters(stage: Stage) -> Sequence[Component]:
    return [*([stage.subset] if stage.subset is not None else []), *stage.filters]


def selector(stage: Stage) -> str:
    """Return the hash of what decides which items are selected: source, filters, and what their expressions read."""
    return digest([[named(component) for component in (stage.source, *_filters(stage))], stage.skip])


def sink_shapes(record: Mapping[str, Json] | None, sink: Component) -> Sequence[str]:
    """Return the hash of what a sink is made of; what earlier versions stored counts where nothing was bound to it."""
    now = digest([None if record is None else list(record.items()), named(sink)])
    is_bound = any(template.bound for value in (record or {}, sink.options) for template in templates_in(value))
    return [now] if is_bound else [now, record_shape(record)]


def _without_connection(component: Component) -> Mapping[str, Json]:
    return {name: value for name, value in component.options.items() if name != "connection"}


def _leaves(target: Target) -> str:
    left = target.leaves() if isinstance(target, Leaving) else ""
    return f", leaves {left}" if left else ""


def _text(component: Component) -> str:
    """Return the component in one line for plans: its kind and its short texts, but no expression."""
    shown = [
        str(value)
        for name, value in component.plain.items()
        if name != "connection" and _is_shown(value) and len(str(value)) <= 80 and "{{" not in str(value)
    ]
    return " ".join([component.kind, *shown])


def _is_shown(value: Json) -> bool:
    return isinstance(value, (str, int)) and not isinstance(value, bool)
