"""The one door to YAML and JSON Schema: from bytes to values that know their place, and to what is wrong with them.

A *document* is one parsed file: its *value* (JSON only) and a *mark* (file:line:col) for every key and value. A
*pointer* names a value inside, `("sinks", 0, "jsonl", "path")`. A *schema* is draft-07, one file per kind in
`schemas/`, described once and used by people, editors and here. A *shape* is a schema compiled to a quick yes or "look
closer"; what is wrong in detail is then said by the JSON Schema library, one *problem* for each fault.

YAML is read by the 1.2 core schema with stricter rules: no duplicate or non-text keys, no merge keys, no tags, one
document per file, bounded aliases, depth and size, and a number with leading zeros stays text.
"""

from runner.documents.document import Document, Pointer, parse, read, shown_name
from runner.documents.emit import to_yaml
from runner.documents.schemas import Schema, all_schema_names, load_schema, resolved, schema_names, schema_of
from runner.documents.validate import problems_of, schema_problems

__all__ = [
    "Document",
    "Pointer",
    "Schema",
    "all_schema_names",
    "load_schema",
    "parse",
    "problems_of",
    "read",
    "resolved",
    "schema_names",
    "schema_of",
    "schema_problems",
    "shown_name",
    "to_yaml",
]
