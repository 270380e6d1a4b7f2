"""What a recipe must know about platforms; the platforms' own catalog fulfils it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from runner.model.item import Json


class Catalog(Protocol):
    """The kinds with a dot in their name, `aihub.app`, by room.

    A room is one of `sources`, `targets`, `sinks`, `triggers`, `notifiers`.
    """

    def kinds(self, room: str) -> Sequence[str]:
        """Return the names of all kinds of a room, `aihub.app`, sorted."""

    def is_faulty(self, name: str) -> bool:
        """Whether the platform exists but its manifest is wrong; the catalog reports its problems."""

    def options_schema(self, room: str, kind: str) -> Mapping[str, Json] | None:
        """Return the draft-07 schema of a kind's options, without `connection`; None when there is no such kind.

        A field that is rendered at run time carries `x-scope`: the names that it may read.
        """

    def connection_schema(self, platform: str) -> Mapping[str, Json] | None:
        """Return the draft-07 schema of a connection's fields; None when there is no such platform.

        A field that holds a secret carries `x-secret: true`; its value may be given by reference only.
        """

    def digest(self, kind: str) -> str:
        """Return a text that changes when what the kind sends to its platform may change."""

    def first_digest(self, kind: str) -> str:
        """Return the digest by its first version."""

    def sent_defaults(self, kind: str) -> Mapping[str, Json]:
        """Return the defaults of those options of a kind of target that are put into what it sends."""


class NoPlatforms:
    """A catalog without any platform."""

    def kinds(self, room: str) -> Sequence[str]:
        """Return nothing."""
        return ()

    def is_faulty(self, name: str) -> bool:
        """Return False."""
        return False

    def options_schema(self, room: str, kind: str) -> Mapping[str, Json] | None:
        """Return None."""
        return None

    def connection_schema(self, platform: str) -> Mapping[str, Json] | None:
        """Return None."""
        return None

    def digest(self, kind: str) -> str:
        """Return an empty text."""
        return ""

    def first_digest(self, kind: str) -> str:
        """Return an empty text."""
        return ""

    def sent_defaults(self, kind: str) -> Mapping[str, Json]:
        """Return nothing."""
        return {}
