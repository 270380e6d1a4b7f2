"""Where records go. A *sink* takes the succeeded records in source order and shows all of them at once, or none.

What it wrote is known again by its *receipt*, so that an unchanged apply touches nothing and a lost file is written
again. Kinds on a platform (`labelbox.annotate`) are not here but in its manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

KINDS: Final[Mapping[str, str]] = {
    "csv": "runner.sinks.csv:Csv",
    "jsonl": "runner.sinks.jsonl:Jsonl",
}
