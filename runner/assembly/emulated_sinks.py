"""Route emulated rows to the sink's own path, or to `.runner/emulated/PATH` once a real run has published there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner.model.contracts import Place
from runner.model.item import Json
from runner.model.ledger import Ledger

EMULATED: Final = "emulate"
"""Profile that keeps emulated results apart from paid ones."""


@dataclass(frozen=True, slots=True)
class RealFiles:
    """The files that real runs have published.

    Attributes:
        paths: every symlink followed; None when the ledger of the real runs is not asked: then any file may be one.
    """

    paths: frozenset[Path] | None

    def divert(self, options: Mapping[str, Json], place: Place) -> Mapping[str, Json]:
        """Return the options of a sink, its path led to `.runner/emulated` when a real run has published there."""
        path = options.get("path")
        if not isinstance(path, str):
            return options
        file = _resolved(place.root, path)
        if self.paths is not None and file not in self.paths:
            return options
        root = Path(os.path.realpath(place.root))
        below = file.relative_to(root) if file.is_relative_to(root) else file.relative_to(file.anchor)
        return {**options, "path": os.path.relpath(place.state / "emulated" / below, place.root)}


async def find_real_files(ledger: Ledger, root: Path) -> RealFiles:
    """Return the files that real runs have published, under any profile and recipe.

    Args:
        ledger: which real and emulated runs share.
        root: of the project; relative paths start here.
    """
    found: set[Path] = set()
    for scope in await ledger.scopes():
        if not is_emulated(scope.profile):
            for publication in (await ledger.publications(scope)).values():
                if isinstance(path := publication.receipt.get("path"), str):
                    found.add(_resolved(root, path))
    return RealFiles(frozenset(found))


def is_emulated(profile: str) -> bool:
    """Whether the results of a profile come from emulators."""
    return profile == EMULATED or profile.endswith(f"+{EMULATED}")


def _resolved(root: Path, path: str) -> Path:
    return Path(os.path.realpath(root / path))
