"""The manifest of a target: an optional contract.

A manifest may be wrong about its platform, which the first replies show; until then few paying requests are sent.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from runner.model.job import Job, Submitted


@runtime_checkable
class SupportsManifest(Protocol):
    """A target that a manifest describes."""

    @property
    def manifest(self) -> str:
        """Digest of all that says how replies are read, hex."""

    def reread(self, job: Job) -> Submitted | None:
        """Read the kept reply to the paying request of a held job again; None when it still names no job."""
