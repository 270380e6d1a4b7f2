"""From one document to one recipe, or to everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from runner.documents import Document, Schema, load_schema, problems_of
from runner.model.item import Json
from runner.model.problem import Problem, Severity
from runner.model.project import Project
from runner.model.recipe import Component, Recipe, RunOptions
from runner.recipe.components import Builder
from runner.recipe.environment import Environment
from runner.recipe.frame import fixed_text_problems, frame_of, part_of
from runner.recipe.kinds import Kinds
from runner.recipe.options import overlaid, run_options
from runner.recipe.scopes import Renderer, Scope, plain
from runner.recipe.stages import Stages
from runner.recipe.variables import values_of

API_VERSION: Final = "runner/v1"
_WORDS: Final = ("description", "labels")


@dataclass(frozen=True, slots=True)
class Given:
    """What a recipe gets from outside.

    Attributes:
        project: with the chosen profile.
        kinds: what there is to choose from.
        vars: `--var` of the command line, as text.
        environ: variables, of which templates read those that the project lists as `env`.
        trigger: what started the recipe; None when nothing has yet.
    """

    project: Project
    kinds: Kinds
    vars: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    trigger: Mapping[str, Json] | None = None


def load_recipe(document: Document, given: Given) -> tuple[Recipe | None, list[Problem]]:
    """Return the recipe of a document, None when an error stands among the problems."""
    problems = list(document.problems)
    recipe = None
    if document.value is not None:
        schema = recipe_schema()
        found = problems_of(frame_of(schema), document.value, document, noun="the recipe")
        problems += found
        if isinstance(document.value, dict):
            recipe, more = _Loading(document, given, schema).recipe()
            problems += more
        elif not found:
            what = "the recipe must be an object, not a text"
            problems.append(Problem("wrong-type", what, document.mark_of(())))
    elif not problems:
        problems.append(Problem("empty-document", "the file holds nothing", document.mark_of(())))
    is_wrong = any(problem.severity is Severity.ERROR for problem in problems)
    return (None if is_wrong else recipe), problems


def recipe_schema() -> Schema:
    """Return the schema of recipes."""
    schema = load_schema("recipe")
    if schema is None:
        raise FileNotFoundError("schemas/recipe.json is not where the program was installed")
    return schema


class _Loading:
    """One document on its way; fields of the wrong type have been told by the schema and are passed over here."""

    def __init__(self, document: Document, given: Given, schema: Schema) -> None:
        self._document = document
        self._given = given
        self._schema = schema
        self._value: Mapping[str, Json] = document.value
        self._problems: list[Problem] = []

    def recipe(self) -> tuple[Recipe | None, list[Problem]]:
        scope = self._scope()
        renderer = Renderer(self._document, scope)
        self._problems += fixed_text_problems(self._document)
        builder = Builder(self._document, renderer, self._given.kinds, self._given.project, self._problems)
        words = {name: self._rendered(renderer, name) for name in _WORDS}
        run = self._run(renderer)
        stages = Stages(builder, self._schema.data).build()
        triggers, notify = (self._components(builder, field) for field in ("triggers", "notify"))
        self._problems += renderer.problems
        self._warn_unused(scope)
        recipe = Recipe(
            name=str(self._value.get("name")),
            path=self._document.file,
            stages=stages,
            run=run,
            description=words["description"] or "",
            labels=words["labels"] or {},
            vars=scope.values["vars"],
            triggers=triggers,
            notify=notify,
            trigger=self._given.trigger or {},
        )
        return recipe, self._problems

    def _scope(self) -> Scope:
        given = self._given
        environment = Environment(given.project.environment, given.project.secret_variables)
        values: dict[str, Json] = {
            "env": environment.values(given.environ),
            "recipe": {name: self._value.get(name) for name in ("name", "description")},
            "run": {"profile": given.project.profile, "project": given.project.name},
        }
        declared = self._declared(Scope(dict(values), environment=environment))
        variables = values_of(declared, given.vars, self._document)
        self._problems += variables.problems
        values["vars"] = variables.values
        has_triggers = bool(self._value.get("triggers"))
        if has_triggers and given.trigger is not None:
            values["trigger"] = given.trigger
        pending = frozenset({"trigger"}) if has_triggers and given.trigger is None else frozenset()
        written = self._value.get("vars")
        unknown = frozenset(written if isinstance(written, dict) else ()) - variables.values.keys()
        return Scope(values, unknown, pending, environment=environment)

    def _declared(self, scope: Scope) -> Mapping[str, Json]:
        """Return the declarations that have the right form, their defaults rendered."""
        value = self._value.get("vars")
        whole = part_of(self._schema, "variable")
        renderer = Renderer(self._document, scope)
        declared: dict[str, Json] = {}
        for name, declaration in value.items() if isinstance(value, dict) else ():
            if isinstance(declaration, dict) and whole.fits(declaration):
                declared[name] = renderer.render(declaration, whole.data, ("vars", name))
        self._problems += renderer.problems
        return declared

    def _rendered(self, renderer: Renderer, name: str) -> Json:
        schema = part_of(self._schema, name)
        value = self._value.get(name)
        before = renderer.evaluated
        rendered = renderer.render(value, schema.data, (name,))
        if renderer.evaluated > before:
            noun = f"the {name} of the recipe"
            self._problems += problems_of(schema, plain(rendered), self._document, (name,), noun=noun)
        return rendered if schema.fits(plain(rendered)) else None

    def _run(self, renderer: Renderer) -> RunOptions:
        run = self._rendered(renderer, "run") if "run" in self._value else {}
        is_sure = isinstance(run, dict) and not renderer.problems
        return run_options(overlaid(self._given.project.run, run)) if is_sure else RunOptions()

    def _components(self, builder: Builder, field: str) -> list[Component]:
        room = "notifiers" if field == "notify" else field
        value = self._value.get(field)
        listed = value if isinstance(value, list) else []
        made = [builder.component(room, one, (field, at)) for at, one in enumerate(listed)]
        return [one for one in made if one is not None]

    def _warn_unused(self, scope: Scope) -> None:
        declared = self._value.get("vars")
        for name in declared if isinstance(declared, dict) else ():
            if name not in scope.used:
                mark = self._document.key_mark_of(("vars", name))
                what = f'the variable "{name}" is not used'
                mend = f"read it as {{{{ vars.{name} }}}}, or delete it"
                self._problems.append(Problem("unused-var", what, mark, mend, Severity.WARNING))
