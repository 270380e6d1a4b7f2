"""What a target can do beyond its contract, found out once: a hundred plain calls cost less than asking each time."""

from __future__ import annotations

from dataclasses import dataclass

from runner.model.contracts import Cleaning, PollingMany, Preparing, Target
from runner.model.manifest import SupportsManifest
from runner.model.turns import Queueing, Turns


@dataclass(frozen=True, slots=True)
class Powers:
    """The target itself under each optional contract that every job asks for, and its turns; None where it has none.

    Attributes:
        manifest: digest of the manifest that describes it; empty without one.
    """

    preparing: Preparing | None
    polling_many: PollingMany | None
    cleaning: Cleaning | None
    turns: Turns | None
    manifest: str


def powers_of(target: Target) -> Powers:
    """Look a target over."""
    return Powers(
        target if isinstance(target, Preparing) else None,
        target if isinstance(target, PollingMany) else None,
        target if isinstance(target, Cleaning) else None,
        target.turns if isinstance(target, Queueing) else None,
        target.manifest if isinstance(target, SupportsManifest) else "",
    )
