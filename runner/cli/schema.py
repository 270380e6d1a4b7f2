"""`runner schema`: the JSON Schemas that editors and CI use."""

from __future__ import annotations

import click

from runner.cli.console import out, out_json
from runner.cli.exits import Exit
from runner.documents import all_schema_names, load_schema


@click.command("schema")
@click.argument("name", required=False)
def command(name: str | None) -> Exit:
    """Print the JSON Schema (draft-07) of NAME, or list all names.

    \b
    Examples:
      runner schema
      runner schema recipe > recipe.schema.json
      runner schema sources/jsonl
      runner schema output/plan
    """
    if name is None:
        out("\n".join(all_schema_names()))
        return Exit.DONE
    found = load_schema(name)
    if found is None:
        raise click.UsageError(f'there is no schema "{name}"; run `runner schema` for the list')
    out_json(found.data)
    return Exit.DONE
