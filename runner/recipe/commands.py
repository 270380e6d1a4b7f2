"""Refuse commands of recipes and secrets that the project does not allow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from runner.documents import Document
from runner.model.command import changes_what_runs, entry_for, fault_of_entry, is_allowed
from runner.model.item import Json
from runner.model.problem import Mark, Problem
from runner.model.project import Project, SecretRef
from runner.model.recipe import Component, Recipe, Stage


def commands_of(document: Document) -> tuple[Sequence[Sequence[str]], list[Problem]]:
    """Return the entries below `allow` in a project file, and what is wrong with them; a wrong one allows nothing."""
    value = document.value if isinstance(document.value, Mapping) else {}
    allow = value.get("allow")
    written = allow.get("commands") if isinstance(allow, Mapping) else None
    commands: list[Sequence[str]] = []
    problems: list[Problem] = []
    for at, one in enumerate(written if isinstance(written, list) else ()):
        entry = [one] if isinstance(one, str) else one
        if not isinstance(entry, list) or not entry or not all(isinstance(word, str) for word in entry):
            continue  # the schema has reported it
        if fault := fault_of_entry(entry):
            mark = document.mark_of(("allow", "commands", at))
            problems.append(Problem("open-command", fault, mark, "for example [python3, train.py]"))
        else:
            commands.append(tuple(entry))
    return commands, problems


def command_problems(recipes: Sequence[Recipe], project: Project) -> Iterator[Problem]:
    """Yield a problem for every command of a recipe that the project does not allow."""
    for component in (part for recipe in recipes for stage in recipe.stages for part in _parts(stage)):
        argv = component.options.get("argv")
        if component.platform is not None or argv is None:
            continue
        words = argv if isinstance(argv, list) else []
        if not is_allowed(words, project.commands):
            yield _refused(words, component.mark, project.path)
        env = component.options.get("env")
        for name in env if isinstance(env, Mapping) else ():
            if changes_what_runs(name):
                what = f"the variable {name} changes what the command runs"
                yield Problem("command-variable", what, component.mark, "omit it from env")


def secret_command_problems(project: Project) -> Iterator[Problem]:
    """Yield a problem for every command of a secret that the project does not allow."""
    fields = [value for one in project.connections.values() for value in one.fields.values()]
    for one in (*fields, *project.secrets.values(), project.ledger):
        if isinstance(one, SecretRef) and one.store == "command" and not is_allowed(one.argv, project.commands):
            yield _refused(one.argv, one.mark, project.path)


def _parts(stage: Stage) -> Iterator[Component]:
    yield from (stage.source, *stage.filters, stage.target, *stage.checks, *stage.sinks)


def _refused(argv: Sequence[Json], mark: Mark | None, file: str) -> Problem:
    known = [word for word in argv if isinstance(word, str)]
    what = f"the project does not allow the command {' '.join(known)[:120]!r}"
    entry = entry_for(argv)
    mend = f"add to {file or 'runner.yaml'}: allow: {{commands: [[{', '.join(map(_written, entry))}]]}}"
    if not entry:
        mend = "write the program and its script literally: no template over items or triggers there"
    return Problem("command-not-allowed", what, mark, mend)


def _written(word: str) -> str:
    is_plain = word.replace("-", "").replace("_", "").replace("/", "").replace(".", "").isalnum() and word[:1].isalpha()
    return word if is_plain else json.dumps(word, ensure_ascii=False)
