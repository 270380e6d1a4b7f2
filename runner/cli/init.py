"""`runner init`: a project that runs at once, without an account."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click

from runner.cli.console import out, paint
from runner.cli.exits import Exit
from runner.model.errors import UsageError

PROJECT = """\
apiVersion: runner/v1
kind: Project
name: {name}

# What may run on this machine; a recipe whose command does not begin like one of these is refused.
allow:
  commands:
    - [tr, a-z, A-Z]

# Accounts by name; a secret is never written here, only where it is kept: {{env: X}}, {{file: P}} or {{command: [..]}}.
# connections:
#   aihub:
#     platform: aihub
#     token: {{env: AIHUB_TOKEN}}
#     context: {{env: AIHUB_CONTEXT}}
"""

RECIPE = """\
# What should be true: every ticket has been through the command once, and its row stands in the sink.
# Try: runner plan, runner apply, runner apply again (nothing to do), change a line of data/tickets.jsonl, runner plan.
apiVersion: runner/v1
kind: Recipe
name: hello
description: Three tickets through a local command, to JSON lines and CSV.
source:
  jsonl: {path: data/tickets.jsonl, key: id}
target:
  command:
    argv: [tr, a-z, A-Z]
    stdin: "{{ item.text }}"
    format: text
record:
  id: "{{ item.id }}"
  loud: "{{ result.text | trim }}"
checks:
  - not_null: {fields: [loud]}
sinks:
  - jsonl: {path: out/hello.jsonl}
  - csv: {path: out/hello.csv}
"""

TEST = """\
# What must come of the recipe, tried without its source and sinks. Try: runner test
apiVersion: runner/v1
kind: Test
cases:
  - name: a text becomes loud
    items: [{id: x, text: hello}]
    expect:
      records: [{id: x, loud: HELLO}]
"""

TICKETS = """\
{"id": "t1", "text": "Where is my parcel?"}
{"id": "t2", "text": "The invoice names the wrong company."}
{"id": "t3", "text": "Please close my account."}
"""

IGNORED = ".runner/\nout/\n"


@click.command("init")
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", default="", help="Name of the project; default: the name of the folder.")
def command(folder: Path, name: str) -> Exit:
    """Make a project in FOLDER: runner.yaml, a recipe that runs without an account, a test of it, and its data.

    Nothing that exists is changed: when one of the files is there already, nothing is written.

    \b
    Examples:
      runner init
      runner init invoices && cd invoices && runner apply
    """
    files = {
        "runner.yaml": PROJECT.format(name=name or _name_of(folder)),
        "recipes/hello.yaml": RECIPE,
        "recipes/hello.test.yaml": TEST,
        "data/tickets.jsonl": TICKETS,
        ".gitignore": IGNORED,
    }
    there = [path for path in files if (folder / path).exists() and path != ".gitignore"]
    if there:
        raise UsageError(f"{folder / there[0]} exists already", mend="choose another folder; nothing was written")
    for path, text in files.items():
        file = folder / path
        if file.exists():
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        out(f"{paint('+', 'good')} {file}")
    out(f"\nnext: {'' if str(folder) == '.' else f'cd {shlex.quote(str(folder))} && '}runner apply")
    return Exit.DONE


def _name_of(folder: Path) -> str:
    letters = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")
    return letters or "project"
