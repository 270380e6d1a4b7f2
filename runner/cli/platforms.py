"""`runner platforms`: what every platform can do, from its manifest."""

from __future__ import annotations

import os
from pathlib import Path

import click

from runner.cli import options
from runner.cli.console import out, out_json
from runner.cli.exits import Exit
from runner.cli.platforms_text import block, document, markdown
from runner.model.errors import ConfigError, UsageError
from runner.platforms import Catalog
from runner.recipe import load_project


@click.command("platforms")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@options.output("text", "json", "markdown")
@click.option("--markdown", "is_markdown", is_flag=True, help="The same as -o markdown.")
def command(*, names: tuple[str, ...], form: str, is_markdown: bool) -> Exit:
    """List platforms with their kinds, options and what they promise about lost jobs.

    Those of the house and those of the project's own folder `platforms`; a field with ? need not be given.

    \b
    Examples:
      runner platforms
      runner platforms aihub -o json
      runner platforms --markdown
    """
    catalog = Catalog([load_project([Path()], profile=None, environ=os.environ).project.platforms])
    try:
        manifests = [catalog.manifest(name) for name in names or catalog.names()]
    except ConfigError as error:
        raise UsageError(error.what, mend=error.mend) from error
    form = "markdown" if is_markdown else form
    if form == "json":
        found = [document(manifest) for manifest in manifests]
        out_json({"format_version": 1, "kind": "Platforms", "platforms": found})
    elif form == "markdown":
        out(markdown(manifests).rstrip("\n"))
    else:
        out("\n\n".join(block(manifest) for manifest in manifests))
    return Exit.DONE
