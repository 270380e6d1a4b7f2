"""The items with these keys.

filter: {keys: [T-001, T-002]}
filter: {keys: {file: wanted.txt}}       # one key per line; empty lines count for nothing
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runner.model.contracts import Place
from runner.model.errors import ConfigError
from runner.model.item import Batch
from runner.paths import files_of


class Keys:
    """Keeps the items that are named."""

    @dataclass(frozen=True, slots=True)
    class Config:
        """What the recipe says; schemas/filters/keys.json has the words."""

        keys: Sequence[str | int] | None = None
        file: str | None = None

    def __init__(self, config: Config, place: Place) -> None:
        if (config.keys is None) == (config.file is None):
            raise ConfigError("keys needs a list or a file, and not both", mend="keys: [a, b] or keys: {file: PATH}")
        self._config = config
        self._place = place
        self._wanted: frozenset[str] | None = None

    def apply(self, batch: Batch) -> Batch:
        """Return the named items; see `Filter.apply`.

        Raises:
            ConfigError: the file of keys cannot be read.
        """
        if self._wanted is None:
            self._wanted = frozenset(self._lines() if self._config.keys is None else map(str, self._config.keys))
        wanted = self._wanted
        return Batch([item for item in batch.items if item.key in wanted], batch.rejected)

    def _lines(self) -> list[str]:
        ((path, label),) = files_of(self._place, self._config.file or "")
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{label} cannot be read: {error}", mend="one key per line, in UTF-8") from error
        lines = (line.removesuffix("\r") for line in text.split("\n"))
        return [line for line in lines if line.strip()]
