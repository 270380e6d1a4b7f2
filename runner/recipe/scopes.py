"""Which names a field may read, and rendering at load: everything that is known now becomes a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from runner.documents import Document, Pointer, schema_of
from runner.model.errors import RecipeError
from runner.model.item import Json
from runner.model.problem import Mark, Problem
from runner.model.suggestion import did_you_mean
from runner.recipe.environment import Environment
from runner.templating import Template, Tree, compile_template, is_template

Schema: TypeAlias = Mapping[str, Json]
Names: TypeAlias = frozenset[str]
Members: TypeAlias = Mapping[str, Names | None]
"""The run-time names that a field may read, each with its members; None where they are not known beforehand."""

RUN_TIME: Final[Names] = frozenset(
    {
        "item",
        "items",
        "result",
        "record",
        "job",
        "response",
        "page",
        "found",
        "status",
        "headers",
        "connection",
        "options",
    }
)
_NONE: Final[Names] = frozenset()
_NOTHING: Final[Members] = {}


@dataclass(slots=True)
class Scope:
    """What is known when a document is loaded, and what its templates were seen to read.

    Attributes:
        values: load name to value: `vars`, `env` ...
        unknown: variables whose value could not be found; templates that read them are left alone.
        pending: load names whose value comes later (`trigger`).
        used: variables that some template reads.
        environment: which variables of the environment may be read; None where `env` is not asked about.
    """

    values: Mapping[str, Json]
    unknown: frozenset[str] = frozenset()
    pending: Names = _NONE
    used: set[str] = field(default_factory=set)
    environment: Environment | None = None

    @property
    def names(self) -> Names:
        """All names known at load time."""
        return frozenset(self.values) | self.pending


class Renderer:
    """Renders the values of one document; collects what is wrong with their templates.

    Attributes:
        problems: so far.
        evaluated: how many templates became values; when it grows, types must be checked again.
    """

    def __init__(self, document: Document, scope: Scope) -> None:
        self._document = document
        self._scope = scope
        self.problems: list[Problem] = []
        self.evaluated = 0

    def render(self, value: Json, schema: Schema, pointer: Pointer, *, root: Schema | None = None) -> Json:
        """Return a value with its load-time templates evaluated and compiled templates in place of the others.

        A field whose only expression gives null is left out, as if it had not been written.

        Args:
            value: as it stands in the document at `pointer`.
            schema: of the value; `x-scope` in it gives run-time names, `x-members` what of one of them there is.
            pointer: where the value stands.
            root: the whole schema that `schema` is a part of.
        """
        return self._value(value, schema, schema if root is None else root, pointer, _NOTHING)

    def _value(self, value: Json, schema: Schema, root: Schema, pointer: Pointer, names: Members) -> Json:
        if isinstance(value, str):
            return self._text(value, pointer, _scoped(schema, root, names)) if is_template(value) else value
        if not isinstance(value, (dict, list)):
            return value
        inner = _scoped(schema, root, names)
        if isinstance(value, list):
            part = schema_of(schema, 0, root)
            return [self._value(one, part, root, (*pointer, at), inner) for at, one in enumerate(value)]
        rendered: dict[str, Json] = {}
        for name, one in value.items():
            made = self._value(one, schema_of(schema, name, root), root, (*pointer, name), inner)
            if made is not None or one is None:
                rendered[name] = made
        return rendered

    def _text(self, text: str, pointer: Pointer, members: Members) -> Json:
        names = frozenset(members)
        try:
            template = self._compiled(text, pointer)
        except RecipeError as error:
            self.problems.extend(error.problems)
            return text
        load = self._scope.names - names
        if problem := self._unreadable(template, pointer):
            self.problems.append(problem)
            return template
        if not self._knows(template, load | names, pointer) or not self._has_members(template, members, pointer):
            return template
        is_pending = self._note_used(template)
        if not is_pending and template.names <= load:
            return self._evaluated(template)
        bound = template.bind({name: value for name, value in self._scope.values.items() if name in load})
        if not is_pending and (problem := template.problem_in(bound.bound)):
            self.problems.append(problem)
        return bound

    def _compiled(self, text: str, pointer: Pointer) -> Template:
        def locate(offset: int) -> Mark:
            return self._document.locate(pointer)(offset)

        return compile_template(text, mark=self._document.mark_of(pointer), locate=locate)

    def _evaluated(self, template: Template) -> Json:
        self.evaluated += 1
        try:
            return template(self._scope.values)
        except RecipeError as error:
            self.problems.extend(error.problems)
            return template

    def _knows(self, template: Template, known: Names, pointer: Pointer) -> bool:
        for name in sorted(template.names - known):
            mark = self._document.locate(pointer)(_offset(template.text, name))
            if name in RUN_TIME or name == "trigger":
                what = f'"{name}" is not known in this field'
                mend = f"Names here: {', '.join(sorted(known))}"
                self.problems.append(Problem("out-of-scope", what, mark, mend))
            else:
                mend = did_you_mean(name, sorted(known), "Names")
                self.problems.append(Problem("unknown-name", f'there is no name "{name}"', mark, mend))
        return template.names <= known

    def _has_members(self, template: Template, members: Members, pointer: Pointer) -> bool:
        """Whether all members of run-time names exist, as far as that is known; report those that do not."""
        wrong = [
            (path, known)
            for path in sorted(template.paths)
            if len(path) > 1 and (known := members.get(path[0])) is not None and path[1] not in known
        ]
        for (name, member, *_), known in wrong:
            mark = self._document.locate(pointer)(_offset(template.text, f"{name}.{member}"))
            mend = did_you_mean(str(member), sorted(known), "Members")
            self.problems.append(
                Problem("unknown-name", f'"{name}" has no member "{member}" in this field', mark, mend)
            )
        return not wrong

    def _unreadable(self, template: Template, pointer: Pointer) -> Problem | None:
        """Return the first variable of the environment that the template must not read."""
        environment = self._scope.environment
        if environment is None or "env" not in template.names:
            return None
        for name in sorted(str(path[1]) for path in template.paths if path[0] == "env" and len(path) > 1):
            mark = self._document.locate(pointer)(_offset(template.text, name))
            if problem := environment.problem(name, mark):
                return problem
        return None

    def _note_used(self, template: Template) -> bool:
        """Remember the variables that are read; tell whether the template must wait for a value."""
        variables = self._scope.values.get("vars", {})
        must_wait = bool(template.names & self._scope.pending)
        for path in template.paths:
            if path[0] == "vars":
                read = {str(path[1])} if len(path) > 1 else set(variables) | self._scope.unknown
                self._scope.used |= read
                must_wait = must_wait or not read.isdisjoint(self._scope.unknown)
        return must_wait


def _scoped(schema: Schema, root: Schema, names: Members) -> Members:
    own = schema.get("x-scope")
    if own is None:
        return names
    known: Mapping[str, Json] = schema.get("x-members") or root.get("x-members") or {}
    return {name: frozenset(known[name]) if name in known else None for name in own}


def _offset(text: str, name: str) -> int:
    expression = text.find("{{")
    return max(text.find(name, expression), 0)


def plain(value: Json) -> Json:
    """Return a rendered value as data: templates as their text."""
    if isinstance(value, Template):
        return value.text
    if isinstance(value, Tree):
        return plain(value.data)
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


def templates_in(value: Json) -> Sequence[Template]:
    """Return every compiled template of a rendered value."""
    if isinstance(value, Template):
        return [value]
    if isinstance(value, Tree):
        return templates_in(value.data)
    if isinstance(value, dict):
        return [template for one in value.values() for template in templates_in(one)]
    return [template for one in value for template in templates_in(one)] if isinstance(value, list) else []
