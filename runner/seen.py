"""Which keys came before, in 16 bytes each: a million keys take 32 MiB, where a dict of texts takes 150."""

from __future__ import annotations

from array import array
from collections.abc import Sequence


class Seen:
    """Remember keys by their 64-bit hash, salted anew in each process, with the number of the line they came from.

    Two different keys of ten million are taken for one less than once in 300,000 readings; the line is then named as
    a repeat, not dropped in silence, and the next reading has other hashes.
    """

    __slots__ = ("_hashes", "_mask", "_numbers", "_used")

    def __init__(self, capacity: int = 1024) -> None:
        size = 1 << (capacity * 3 // 2).bit_length()
        self._hashes = array("q", [0]) * size
        self._numbers = array("Q", [0]) * size
        self._mask = size - 1
        self._used = 0

    def __len__(self) -> int:
        return self._used

    def add(self, keys: Sequence[str], numbers: Sequence[int]) -> dict[int, int]:
        """Remember keys, each with its number (at least 1).

        Returns:
            Position in `keys` to the number the key came with first, for those that came before.
        """
        while (self._used + len(keys)) * 3 > self._mask * 2:
            self._grow()
        hashes, mask = self._hashes, self._mask
        again: dict[int, int] = {}
        for position, key in enumerate(keys):
            known = hash(key) or 1
            slot = known & mask
            while found := hashes[slot]:
                if found == known:
                    again[position] = self._numbers[slot]
                    break
                slot = (slot + 1) & mask
            else:
                hashes[slot] = known
                self._numbers[slot] = numbers[position]
        self._used += len(keys) - len(again)
        return again

    def _grow(self) -> None:
        size = (self._mask + 1) * 2
        hashes, numbers, mask = array("q", [0]) * size, array("Q", [0]) * size, size - 1
        for known, number in zip(self._hashes, self._numbers, strict=True):
            if known:
                slot = known & mask
                while hashes[slot]:
                    slot = (slot + 1) & mask
                hashes[slot], numbers[slot] = known, number
        self._hashes, self._numbers, self._mask = hashes, numbers, mask
