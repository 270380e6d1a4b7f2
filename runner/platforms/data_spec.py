"""Sources, sinks and notifiers as their manifest describes them, compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.model.item import Json
from runner.platforms.compiling import REPLY, Compiler, Names
from runner.platforms.step import FOUND, Call, Step, compile_call, compile_step, compile_steps, kept_names
from runner.platforms.tree import Pointer, Tree

Options = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Reading:
    """One value asked from the platform."""

    before: Sequence[Step]
    call: Call | None
    value: Tree


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """One kind of source; `body` is where the bytes of an item are, `size` how many."""

    name: str
    options: Options
    before: Sequence[Step]
    step: Step
    key: Tree
    value: Tree | None
    content: Tree | None
    body: Call | None
    size: Tree | None
    total: Tree | None
    count: Reading | None
    fingerprint: Reading | None


@dataclass(frozen=True, slots=True)
class SinkSpec:
    """One kind of sink."""

    name: str
    options: Options
    identity: Tree | None
    check: Sequence[Step]
    element: Tree | None
    rows_per_call: int
    before: Sequence[Step]
    write: Sequence[Step]
    undo: Sequence[Step]
    after: Sequence[Step]
    receipt: Tree | None
    holds: Reading | None


@dataclass(frozen=True, slots=True)
class NotifierSpec:
    """One kind of notifier."""

    name: str
    options: Options
    tell: Sequence[Step]


def compile_source(compiler: Compiler, name: str, base: Names) -> SourceSpec:
    """Compile `sources.NAME`."""
    at: Pointer = ("sources", name)
    names: Names = {**base, "kept": kept_names(compiler, (*at, "before"))}
    found: Names = {**names, **REPLY, **FOUND}
    return SourceSpec(
        name=name,
        options=compiler.at((*at, "options")) or {},
        before=compile_steps(compiler, (*at, "before"), base),
        step=compile_step(compiler, at, names),
        key=compiler.needed((*at, "key"), found),
        value=compiler.tree((*at, "value"), found, keeps_nulls=compiler.at((*at, "nulls")) == "keep"),
        content=compiler.tree((*at, "content"), {**found, "value": None}),
        body=compile_call(compiler, (*at, "body"), {**names, **FOUND}),
        size=compiler.tree((*at, "body", "size"), found),
        total=compiler.tree((*at, "total"), {**names, **REPLY}),
        count=compile_reading(compiler, (*at, "count"), base),
        fingerprint=compile_reading(compiler, (*at, "fingerprint"), base),
    )


def compile_sink(compiler: Compiler, name: str, base: Names) -> SinkSpec:
    """Compile `sinks.NAME`; what one of its steps keeps may be read by all."""
    at: Pointer = ("sinks", name)
    kept = frozenset[str]().union(*(kept_names(compiler, (*at, part)) for part in ("before", "write", "after")))
    names: Names = {**base, "kept": kept, "count": None}
    over_items = compiler.options("sinks", name, over_items=True)
    return SinkSpec(
        name=name,
        options=compiler.at((*at, "options")) or {},
        identity=compiler.tree((*at, "identity"), base),
        check=compile_steps(compiler, (*at, "check"), base),
        element=compiler.tree((*at, "element"), {**base, "record": None, "item": None, "options": over_items}),
        rows_per_call=compiler.at((*at, "rows_per_call")) or 500,
        before=compile_steps(compiler, (*at, "before"), names),
        write=compile_steps(compiler, (*at, "write"), {**names, "rows": None}),
        undo=compile_steps(compiler, (*at, "undo"), names),
        after=compile_steps(compiler, (*at, "after"), names),
        receipt=compiler.tree((*at, "receipt"), names),
        holds=compile_reading(compiler, (*at, "holds"), {**base, "receipt": frozenset({"rows", "kept"})}),
    )


def compile_notifier(compiler: Compiler, name: str, base: Names) -> NotifierSpec:
    """Compile `notifiers.NAME`."""
    at: Pointer = ("notifiers", name)
    names: Names = {**base, "event": None}
    return NotifierSpec(name, compiler.at((*at, "options")) or {}, compile_steps(compiler, (*at, "tell"), names))


def compile_reading(compiler: Compiler, at: Pointer, names: Names) -> Reading | None:
    """Compile a block that asks for one value."""
    if compiler.at(at) is None:
        return None
    before = compile_steps(compiler, (*at, "before"), names)
    known: Names = {**names, "kept": kept_names(compiler, (*at, "before"))}
    call = compile_call(compiler, at, known)
    return Reading(before, call, compiler.needed((*at, "value"), {**known, **(REPLY if call else {})}))
