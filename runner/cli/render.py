"""`runner render`: recipes as they are after rendering."""

from __future__ import annotations

import click

from runner.cli import options
from runner.cli.console import out, out_json
from runner.cli.exits import Exit
from runner.cli.loading import projects_or_stop
from runner.cli.options import Asked
from runner.documents import to_yaml
from runner.recipe import shown


@click.command("render")
@options.recipes
@options.output("yaml", "json")
def command(
    asked: Asked,
    *,
    form: str,
) -> Exit:
    """Show recipes with variables, defaults and profile filled in; what is known only at run time stays `{{ ... }}`.

    \b
    Examples:
      runner render -f recipes/invoices.yaml --var month=2026-09
      runner render -f recipes/ --profile prod -o json
    """
    documents = [shown(recipe) for loaded in projects_or_stop(asked) for recipe in loaded.recipes]
    if form == "json":
        out_json({"format_version": 1, "kind": "Render", "recipes": documents})
    else:
        out("---\n".join(to_yaml(document) for document in documents).rstrip())
    return Exit.DONE
