"""Conformance suite of sources: a test class inherits `SourceContract` and makes a full and an empty one."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from runner.conformance.place import collect
from runner.model.contracts import Fingerprinted
from runner.model.errors import RunnerError


class SourceContract:
    """Inherit, and define `make` (at least 3 items), `make_empty` and `make_missing`."""

    def make(self, root: Path):
        """Return a source of at least three items; calling it again gives an equal one."""
        raise NotImplementedError

    def make_empty(self, root: Path):
        """Return a source that is there but holds nothing."""
        raise NotImplementedError

    def make_missing(self, root: Path):
        """Return a source whose folder, file or recipe does not exist."""
        raise NotImplementedError

    def test_gives_items(self, tmp_path):
        items, rejected = collect(self.make(tmp_path).read())
        assert len(items) >= 3
        assert rejected == []

    def test_keys_are_unique_text(self, tmp_path):
        keys = [item.key for item in collect(self.make(tmp_path).read())[0]]
        assert len(set(keys)) == len(keys)
        assert all(isinstance(key, str) and key.encode() for key in keys)

    def test_contents_are_16_bytes(self, tmp_path):
        assert {len(item.content) for item in collect(self.make(tmp_path).read())[0]} == {16}

    def test_values_are_json_objects(self, tmp_path):
        for item in collect(self.make(tmp_path).read())[0]:
            assert json.loads(json.dumps(item.value)) == item.value

    def test_keys_and_values_have_utf_8(self, tmp_path):
        for item in collect(self.make(tmp_path).read())[0]:
            assert json.dumps([item.key, item.value], ensure_ascii=False).encode()

    def test_reads_the_same_again(self, tmp_path):
        source = self.make(tmp_path)
        first, second = collect(source.read())[0], collect(source.read())[0]
        assert [(item.key, item.content, item.value) for item in first] == [
            (item.key, item.content, item.value) for item in second
        ]

    def test_batches_are_bounded_and_never_empty(self, tmp_path):
        async def sizes():
            return [len(batch.items) + len(batch.rejected) async for batch in self.make(tmp_path).read()]

        assert all(1 <= size <= 1000 for size in asyncio.run(sizes()))

    def test_nothing_is_no_error(self, tmp_path):
        assert collect(self.make_empty(tmp_path).read()) == ([], [])

    def test_what_is_missing_is_told(self, tmp_path):
        with pytest.raises(RunnerError) as raised:
            collect(self.make_missing(tmp_path).read())
        assert raised.value.mend

    def test_can_be_left_early(self, tmp_path):
        async def first():
            batches = self.make(tmp_path).read()
            async for batch in batches:
                await batches.aclose()
                return batch

        assert asyncio.run(first()).items

    def test_fingerprint_is_the_same_for_the_same(self, tmp_path):
        source = self.make(tmp_path)
        if isinstance(source, Fingerprinted):
            one, other = asyncio.run(source.fingerprint()), asyncio.run(source.fingerprint())
            assert one == other
