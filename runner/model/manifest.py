"""The manifest of a target: an optional contract.

A manifest may be wrong about its platform, and the first replies show it; until then few paying requests are risked.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class SupportsManifest(Protocol):
    """A target that a manifest describes."""

    @property
    def manifest(self) -> str:
        """Digest of all that says how replies are read, hex."""
