"""`runner validate`: every problem of every document, at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from runner.assembly.loading import Loaded
from runner.assembly.other_documents import OtherDocuments, check_others
from runner.cli import options
from runner.cli.at_once import valid_text
from runner.cli.console import err, out, out_json, paint
from runner.cli.exits import Exit
from runner.cli.failures import tell_problems
from runner.cli.loading import load, stop_without
from runner.cli.options import Asked
from runner.model.errors import RecipeError
from runner.model.problem import Problem, Severity


@click.command("validate")
@options.recipes
@options.output("text", "json", "sarif")
def command(asked: Asked, *, form: str) -> Exit:
    """Check recipes, the project file, manifests and tests, without touching any platform.

    A folder means its recipes and the manifests of their project; any document may be named.

    All problems of all files are told, each with file:line:col and how to mend it. Exit code 3 when there is an error.

    \b
    Examples:
      runner validate -f recipes/
      runner validate recipes/*.yaml -o json
      runner validate platforms/acme.yaml
      runner validate -f recipes/ -o sarif > runner.sarif
    """
    try:
        projects = load(asked)
        others = check_others(asked.paths, projects)
        found = [problem for loaded in projects for problem in (*loaded.problems, *_trigger_problems(loaded))]
        problems = _merged(found, others)
        valid = {"recipe": sum(len(loaded.recipes) for loaded in projects), **others.valid}
        if asked.select and not any(loaded.errors for loaded in projects):
            stop_without(projects, asked)
    except RecipeError as error:
        problems, valid = list(error.problems), {}
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    if form == "sarif":
        from runner.cli.forms.sarif import sarif  # start-up

        out_json(sarif(problems))
    elif form == "json":
        from runner.cli.forms.problem_json import problem_json  # start-up

        document = {
            "format_version": 1,
            "kind": "Validate",
            "valid": not errors,
            "recipes": valid.get("recipe", 0),
            "manifests": valid.get("manifest", 0),
            "project_files": valid.get("project file", 0),
            "tests": valid.get("test", 0),
            "problems": [problem_json(one) for one in problems],
        }
        out_json(document)
    else:
        _tell(problems, errors, valid)
    return Exit.INVALID if errors else Exit.DONE


def _trigger_problems(loaded: Loaded) -> list[Problem]:
    """Return what `runner serve` would refuse; nothing where it cannot run, as its libraries are not installed."""
    if not any(recipe.triggers for recipe in loaded.recipes):
        return []
    try:
        from runner.web.triggers import trigger_problems  # the web parts come with an extra
    except ImportError:
        return []
    return trigger_problems(loaded.recipes)


def _merged(problems: Sequence[Problem], others: OtherDocuments) -> list[Problem]:
    """Return all problems once, those of manifests first: what is wrong with recipes may follow from them."""
    passed_over = {one for one in problems if one.slug == "not-a-recipe" and one.mark and one.mark.file in others.files}
    found = dict.fromkeys([*others.problems, *(one for one in problems if one not in passed_over)])
    return [one for one in found if one.slug != "no-recipes" or not others.files]


def _tell(problems: list[Problem], errors: int, valid: Mapping[str, int]) -> None:
    tell_problems(problems)
    if errors:
        err(paint(f"{errors} {'error' if errors == 1 else 'errors'}", "bad"))
    else:
        out(paint(valid_text(valid), "good"))
