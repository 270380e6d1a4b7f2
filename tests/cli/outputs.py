"""A small project with something of everything, and its outputs without what differs from run to run."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import jsonschema

from runner.documents import load_schema
from tests.cli.shell import Shell

PROJECT = "apiVersion: runner/v1\nkind: Project\nname: shop\n"
HEAD = "apiVersion: runner/v1\nkind: Recipe\nname: {}\n"
TICKETS = (
    HEAD.format("tickets")
    + """\
description: Three tickets, in capitals.
labels: {team: support}
source: {jsonl: {path: data/tickets.jsonl, key: id}}
target: {command: {argv: [tr, a-z, A-Z], stdin: "{{ item.text }}", format: text}}
run: {poll: {first: 20ms}, max_in_flight: 1, budget: {items: 100}}
record: {id: "{{ item.id }}", loud: "{{ result.text }}"}
checks:
  - not_null: {fields: [loud]}
sinks: [{jsonl: {path: out/tickets.jsonl}}]
"""
)
NUMBERS = (
    HEAD.format("numbers")
    + """\
source: {jsonl: {path: data/numbers.jsonl, key: id}}
target: {command: {argv: [test, "{{ item.n }}", -lt, "3"], format: text}}
run: {poll: {first: 20ms}, max_in_flight: 1}
stages:
  - name: pilot
    filter: {limit: 1}
  - name: all
    needs: [pilot]
    checks:
      - items_failed: {max_ratio: 0.2}
    sinks: [{csv: {path: out/numbers.csv}}]
  - name: never
    needs: [all]
"""
)
BAD = (
    HEAD.format("bad")
    + """\
vars: {unused: {type: string, default: x}}
source: {jsonl: {paht: data/x.jsonl}}
target: {command: {argv: [cat], stdin: "{{ itme.text }}"}}
sinks: [{jsonl: {path: out/tickets.jsonl}}]
"""
)
TRIED = """\
apiVersion: runner/v1
kind: Test
cases:
  - name: capitals
    keys: [t1, t3]
    expect: {outcome: failed_items, records: [{id: t1, loud: HELLO}, {loud: WELL}]}
  - name: "a name\\x1b[2J\\nof two lines"
    keys: [t2]
    expect: {records: [{loud: bye}], held: 1}
"""
HOSTILE = "\x1b[2Jt\x07|@x<b>&`\u202e\n::x"


def new_shop(shell: Shell) -> Shell:
    """Write the project; its first ticket has a name that would like to be more than a name."""
    shell.write("runner.yaml", PROJECT)
    shell.write("recipes/tickets.yaml", TICKETS)
    shell.write("recipes/numbers.yaml", NUMBERS)
    tickets = [{"id": "t1", "text": "hello"}, {"id": "t2", "text": "bye"}, {"id": "t3", "text": "well"}]
    shell.write("data/tickets.jsonl", "".join(json.dumps(each) + "\n" for each in tickets) + "no ticket\n")
    numbers = [{"id": f"{HOSTILE} {n}" if n == 3 else f"n{n}", "n": n} for n in range(1, 5)]
    shell.write("data/numbers.jsonl", "".join(json.dumps(each) + "\n" for each in numbers))
    return shell


_CHANGING = (
    (r'("(?:at|started_at|ended_at|intended_at|sent_at|accepted_at|checked_at|since|until)": )[0-9][0-9.]*', r"\1TIME"),
    (r'"seconds": [0-9.]+', '"seconds": SECONDS'),
    (r'"pid": \d+', '"pid": PID'),
    (r'"(host|started)": "[^"]*"', r'"\1": "..."'),
    (r'time="[0-9.]+"', 'time="SECONDS"'),
    (r"\b[0-9]+\.[0-9] s\b", "SECONDS s"),
    (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ", "TIME"),
    (r"\b[0-9a-f]{40}\b", "COMMIT"),
    (r"\b[0-9a-f]{32}\b", "HASH"),
    (r"\bcommit [0-9a-f]{12}\b", "commit COMMIT"),
    (r"\bplan [0-9a-f]{8}\b", "plan ID"),
    (r'"plan": "[0-9a-f]{8}"', '"plan": "ID"'),
    (r'"id": "[^"]+"', '"id": "JOB"'),
    (r'"(runner|version)": "[0-9.]+"', r'"\1": "VERSION"'),
    (r'"runner/v1": "[0-9a-f]+:1"', '"runner/v1": "FINGERPRINT"'),
)


def lasting(text: str, shell: Shell) -> str:
    """Return a text without ids, times, durations and places."""
    text = text.replace(str(shell.folder), "FOLDER")
    for pattern, instead in _CHANGING:
        text = re.sub(pattern, instead, text)
    return text


def faults(name: str, document: Mapping[str, Any]) -> list[str]:
    """Return what of a document its published schema does not allow, or does not describe."""
    schema = load_schema(f"output/{name}")
    assert schema is not None
    validator = jsonschema.Draft7Validator(_closed(schema.data))
    return [f"{'/'.join(map(str, error.path))}: {error.message[:300]}" for error in validator.iter_errors(document)]


def _closed(schema: Any) -> Any:
    """Return a schema that allows only what it describes."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: each if name in ("if", "examples", "enum") else _closed(each) for name, each in schema.items()}
    if "properties" in schema and "type" in schema and "additionalProperties" not in schema:
        made["additionalProperties"] = False
    return made
