"""`runner validate`: every problem of every document, at once."""

from __future__ import annotations

import click

from runner.cli import options
from runner.cli.at_once import valid_text
from runner.cli.console import err, out, out_json, paint
from runner.cli.exits import Exit
from runner.cli.failures import tell_problem
from runner.cli.loading import load, stop_without
from runner.cli.options import Asked
from runner.model.errors import RecipeError
from runner.model.problem import Problem, Severity


@click.command("validate")
@options.recipes
@options.output("text", "json", "sarif")
def command(asked: Asked, *, form: str) -> Exit:
    """Check recipes, the project file and manifests, without touching any platform.

    All problems of all files are told, each with file:line:col and how to mend it. Exit code 3 when there is an error.

    \b
    Examples:
      runner validate -f recipes/
      runner validate recipes/*.yaml -o json
      runner validate -f recipes/ -o sarif > runner.sarif
    """
    try:
        projects = load(asked)
        problems = [problem for loaded in projects for problem in loaded.problems]
        valid = sum(len(loaded.recipes) for loaded in projects)
        if asked.select and not any(loaded.errors for loaded in projects):
            stop_without(projects, asked)
    except RecipeError as error:
        problems, valid = list(error.problems), 0
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
            "recipes": valid,
            "problems": [problem_json(one) for one in problems],
        }
        out_json(document)
    else:
        _tell(problems, errors, valid)
    return Exit.INVALID if errors else Exit.DONE


def _tell(problems: list[Problem], errors: int, valid: int) -> None:
    for problem in problems:
        tell_problem(problem)
    if errors:
        err(paint(f"{errors} {'error' if errors == 1 else 'errors'}", "bad"))
    else:
        out(paint(valid_text(valid), "good"))
