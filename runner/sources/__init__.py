"""Where items come from. A *source* reads one thing in a stable order and gives its *items* in batches.

What holds no usable item is given as `Rejected`, with its place; nothing is dropped in silence, and nothing is held in
memory beyond names. Kinds on a platform (`labelbox.data_rows`) are not here but in its manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

KINDS: Final[Mapping[str, str]] = {
    "csv": "runner.sources.csv:Csv",
    "files": "runner.sources.files:Files",
    "jsonl": "runner.sources.jsonl:Jsonl",
    "recipe": "runner.sources.recipe:RecipeRecords",
}
