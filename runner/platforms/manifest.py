"""A manifest: read, checked against its schema, and compiled once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from runner.documents import Document, load_schema, problems_of, read
from runner.documents.validate import schema_problems
from runner.model.errors import RecipeError
from runner.model.item import Json
from runner.model.problem import Mark, Problem, Severity
from runner.model.secret import Secret
from runner.platforms.compiling import REPLY, Compiler, Names
from runner.platforms.data_spec import (
    NotifierSpec,
    SinkSpec,
    SourceSpec,
    compile_notifier,
    compile_sink,
    compile_source,
)
from runner.platforms.identity import ROOMS
from runner.platforms.job_spec import JobSpec, compile_target
from runner.platforms.step import Call, compile_call
from runner.platforms.tree import Tree, compile_tree
from runner.platforms.verdict import Verdicts, compile_verdicts

Spec = TypeVar("Spec")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a connection.

    Attributes:
        matches: the other field that this boolean is worked out from; empty for a field that the project file gives.
        pattern: what the other field must be, as a whole.
    """

    name: str
    type: str
    required: bool
    default: Json
    matches: str = ""
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """How a token is fetched; `lifetime` gives seconds or a duration."""

    when: Tree | None
    call: Call
    token: Tree
    lifetime: Tree | None
    headers: Tree


@dataclass(frozen=True, slots=True)
class ConnectionSpec:
    """What a connection needs and how it is made."""

    fields: Mapping[str, Field]
    base_url: Tree
    origins: Sequence[Tree]
    headers: Tree
    query: Tree
    exchange: Exchange | None
    limits: Mapping[str, Json]
    timeouts: Mapping[str, Json]
    retries: Mapping[str, Json]
    max_reply: int | None
    check: Call | None
    emulate: Mapping[str, Tree]


@dataclass(frozen=True, slots=True)
class Manifest:
    """One platform, compiled.

    Attributes:
        value: the document's value; do not change it.
    """

    name: str
    title: str
    file: str
    value: Mapping[str, Json]
    connection: ConnectionSpec
    verdicts: Verdicts
    sources: Mapping[str, SourceSpec]
    targets: Mapping[str, JobSpec]
    sinks: Mapping[str, SinkSpec]
    notifiers: Mapping[str, NotifierSpec]

    def emulated(self, url: str, token: str) -> Mapping[str, Json]:
        """Return the connection fields to set so that the platform's emulator takes its place.

        Args:
            url: of the emulator, without a slash at the end.
            token: the key that it accepts.
        """
        scope: dict[str, Json] = {"emulator": {"url": url, "token": token}}
        given = {name: tree(scope) for name, tree in self.connection.emulate.items()}
        return {name: Secret(str(value)) if self._is_secret(name) else value for name, value in given.items()}

    def _is_secret(self, name: str) -> bool:
        field = self.connection.fields.get(name)
        return field is not None and field.type == "secret"


def load_manifest(path: Path, *, shown: str | None = None) -> Manifest:
    """Read and compile a manifest.

    Raises:
        RecipeError: with everything that is wrong with it.
    """
    manifest, problems = _load(read(path, shown=shown))
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if errors or manifest is None:
        raise RecipeError(errors or problems)
    return manifest


def check_manifest(path: Path, *, shown: str | None = None) -> list[Problem]:
    """Return everything that is wrong with a manifest, warnings too; sorted by place."""
    document = read(path, shown=shown)
    manifest, problems = _load(document)
    if manifest is not None:
        problems = [*problems, *_option_problems(document)]
    return sorted(problems, key=lambda problem: problem.mark or Mark(document.file))


def _load(document: Document) -> tuple[Manifest | None, list[Problem]]:
    problems = list(document.problems)
    schema = load_schema("platform")
    assert schema is not None, "schemas/platform.json is part of the house"
    if not isinstance(document.value, Mapping):
        if not problems:
            problems.append(Problem("wrong-type", "a platform is an object", Mark(document.file)))
        return None, problems
    problems += problems_of(schema, document.value, document, noun="platform", is_rendered=False)
    if any(problem.severity is Severity.ERROR for problem in problems):
        return None, problems
    compiler = Compiler(document)
    manifest = _compile(compiler)
    return manifest, [*problems, *compiler.problems]


def _compile(compiler: Compiler) -> Manifest | None:
    value = compiler.document.value
    title = value.get("title", value["name"])
    connection = _connection(compiler)
    verdicts = compile_verdicts(compiler, title)
    fields = frozenset(connection.fields)

    def each(room: str, compile_one: Callable[[Compiler, str, Names], Spec | None]) -> Mapping[str, Spec]:
        specs = {name: compile_one(compiler, name, _base(compiler, room, name, fields)) for name in value.get(room, {})}
        return {name: spec for name, spec in specs.items() if spec is not None}

    return Manifest(
        name=value["name"],
        title=title,
        file=compiler.document.file,
        value=value,
        connection=connection,
        verdicts=verdicts,
        sources=each("sources", compile_source),
        targets=each("targets", compile_target),
        sinks=each("sinks", compile_sink),
        notifiers=each("notifiers", compile_notifier),
    )


def _base(compiler: Compiler, room: str, name: str, fields: frozenset[str]) -> Names:
    known = {"subset", "skip", "given"} if room == "targets" else set()
    options = compiler.options(room, name, over_items=False)
    return {"connection": fields, "options": options, "now": None, "recipe": frozenset(known)}


def _connection(compiler: Compiler) -> ConnectionSpec:
    at = ("connection",)
    data = compiler.at(at)
    fields = {name: _field(compiler, name, rule) for name, rule in data["fields"].items()}
    names: Names = {"connection": frozenset(fields), "now": None}
    if "base_url" not in data and "base_url" not in fields:
        compiler.tell("missing-field", "the connection needs a field base_url, or base_url made of its fields", at)
    plain = compile_tree("{{ connection.base_url }}", at, lambda text, *_: compiler.text(text, at))
    return ConnectionSpec(
        fields=fields,
        base_url=compiler.tree((*at, "base_url"), names) or plain,
        origins=[compiler.needed((*at, "origins", index), names) for index in range(len(data.get("origins") or ()))],
        headers=compiler.needed((*at, "headers"), names),
        query=compiler.needed((*at, "query"), names),
        exchange=_exchange(compiler, names),
        limits=data.get("limits") or {},
        timeouts=data.get("timeouts") or {},
        retries=data.get("retries") or {},
        max_reply=data.get("max_reply"),
        check=_check_call(compiler, names),
        emulate=_emulate(compiler, fields),
    )


def _field(compiler: Compiler, name: str, rule: Mapping[str, Json]) -> Field:
    matches, pattern = rule.get("matches", ""), rule.get("pattern", "")
    at = ("connection", "fields", name)
    if matches and (rule["type"] != "boolean" or matches not in compiler.at(at[:2]) or not pattern):
        compiler.tell("bad-field", "matches is for a boolean, names another field, and needs a pattern", at)
    try:
        re.compile(pattern)
    except re.error as error:
        compiler.tell("bad-pattern", f"the pattern is no regular expression: {error}", (*at, "pattern"))
    return Field(name, rule["type"], bool(rule.get("required")), rule.get("default"), matches, pattern)


def _exchange(compiler: Compiler, names: Names) -> Exchange | None:
    at = ("connection", "auth")
    if compiler.at(at) is None:
        return None
    call = compile_call(compiler, at, names)
    if call is None:
        return None
    after: Names = {**names, **REPLY}
    return Exchange(
        when=compiler.tree((*at, "when"), names),
        call=call,
        token=compiler.needed((*at, "token"), after),
        lifetime=compiler.tree((*at, "lifetime"), after),
        headers=compiler.needed((*at, "headers"), {**names, "auth": frozenset({"token"})}),
    )


def _check_call(compiler: Compiler, names: Names) -> Call | None:
    call = compile_call(compiler, ("connection",), names, "check")
    return replace(call, safe=True) if call else None


def _emulate(compiler: Compiler, fields: Mapping[str, Field]) -> Mapping[str, Tree]:
    at = ("connection", "emulate")
    names: Names = {"emulator": frozenset({"url", "token"})}
    given = compiler.at(at) or {}
    for name in given:
        if name not in fields:
            compiler.tell("unknown-field", f"the connection has no field {name!r}", (*at, name))
    return {name: compiler.needed((*at, name), names) for name in given}


def _option_problems(document: Document) -> list[Problem]:
    found: list[Problem] = []
    for room in ROOMS:
        for name, block in document.value.get(room, {}).items():
            options = block.get("options") or {}
            properties = options.get("properties", {})
            pointer = (room, name, "options", "properties")
            for field, schema in properties.items():
                found += schema_problems(schema, document, (*pointer, field))
            for field in options.get("required", ()):
                if field not in properties:
                    what = f"the option {field!r} is required, but not described"
                    found.append(Problem("unknown-field", what, document.mark_of((room, name, "options", "required"))))
    return found
