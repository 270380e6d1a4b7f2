"""Which items are worked on. A *filter* sees every batch once, in order, and gives back the items to keep.

They apply in a fixed order, which `schemas/recipe.json` says. `skip` is no kind: the engine compares with the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

KINDS: Final[Mapping[str, str]] = {
    "keys": "runner.filters.keys:Keys",
    "limit": "runner.filters.limit:Limit",
    "sample": "runner.filters.sample:Sample",
    "subset": "runner.filters.subset:Subset",
    "where": "runner.filters.where:Where",
}
