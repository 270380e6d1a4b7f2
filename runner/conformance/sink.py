"""Conformance suite of sinks that write a file: a test class inherits `SinkContract` and makes a sink."""

from __future__ import annotations

import asyncio
import json

import pytest

from runner.conformance.offline import OfflineContract
from runner.model.errors import ConfigError
from runner.model.item import Record

ROWS = tuple(Record(f"k{n}", {"id": n, "text": f"größe {n}", "none": None}) for n in range(5))


def publish(sink, *batches):
    """Write batches with a sink and commit; return the receipt."""

    async def whole():
        await sink.open()
        for batch in batches:
            await sink.write(batch)
        return await sink.commit()

    return asyncio.run(whole())


class SinkContract(OfflineContract):
    """Inherit, and define `make` (a sink for `path`, relative to the root) and `read` (the rows of its file)."""

    def make(self, root, path="out/rows", **place):
        """Return a sink that writes to `path`, in a place with more fields."""
        raise NotImplementedError

    def make_emulated(self, root):
        return self.make(root, is_emulated=True)

    def read(self, path):
        """Return the rows of a file, as a list."""
        raise NotImplementedError

    def test_writes_every_row_in_order(self, tmp_path):
        publish(self.make(tmp_path), ROWS[:3], ROWS[3:])
        assert [str(row["id"]) for row in self.read(tmp_path / "out/rows")] == ["0", "1", "2", "3", "4"]

    def test_nothing_is_seen_before_commit(self, tmp_path):
        async def half():
            sink = self.make(tmp_path)
            await sink.open()
            await sink.write(ROWS)
            seen = (tmp_path / "out/rows").exists()
            await sink.abort()
            return seen

        assert asyncio.run(half()) is False

    def test_abort_keeps_the_old_rows_and_no_trace(self, tmp_path):
        publish(self.make(tmp_path), ROWS[:1])
        before = (tmp_path / "out/rows").read_bytes()

        async def aborted():
            sink = self.make(tmp_path)
            await sink.open()
            await sink.write(ROWS)
            await sink.abort()
            await sink.abort()

        asyncio.run(aborted())
        assert [(path.name, path.read_bytes()) for path in (tmp_path / "out").iterdir()] == [("rows", before)]

    def test_holds_what_it_wrote(self, tmp_path):
        receipt = publish(self.make(tmp_path), ROWS)
        assert asyncio.run(self.make(tmp_path).holds(json.loads(json.dumps(receipt))))

    def test_holds_it_after_a_touch(self, tmp_path):
        receipt = publish(self.make(tmp_path), ROWS)
        (tmp_path / "out/rows").touch()
        assert asyncio.run(self.make(tmp_path).holds(receipt))

    def test_does_not_hold_a_changed_file(self, tmp_path):
        receipt = publish(self.make(tmp_path), ROWS)
        path = tmp_path / "out/rows"
        path.write_bytes(path.read_bytes().replace(b"0", b"1"))
        assert not asyncio.run(self.make(tmp_path).holds(receipt))

    def test_does_not_hold_a_lost_file(self, tmp_path):
        receipt = publish(self.make(tmp_path), ROWS)
        (tmp_path / "out/rows").unlink()
        assert not asyncio.run(self.make(tmp_path).holds(receipt))

    def test_does_not_hold_what_another_path_got(self, tmp_path):
        receipt = publish(self.make(tmp_path, "a"), ROWS)
        publish(self.make(tmp_path, "b"), ROWS)
        assert not asyncio.run(self.make(tmp_path, "b").holds(receipt))

    def test_same_rows_give_the_same_bytes(self, tmp_path):
        publish(self.make(tmp_path, "a"), ROWS)
        publish(self.make(tmp_path, "b"), ROWS[:2], ROWS[2:])
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()

    def test_no_rows_give_no_rows(self, tmp_path):
        publish(self.make(tmp_path))
        assert self.read(tmp_path / "out/rows") == []

    def test_stays_inside_the_project(self, tmp_path):
        with pytest.raises(ConfigError, match="outside"):
            self.make(tmp_path, "../elsewhere")

    def test_a_folder_in_its_place_is_told(self, tmp_path):
        (tmp_path / "out/rows").mkdir(parents=True)
        with pytest.raises(ConfigError, match="folder"):
            publish(self.make(tmp_path))

    def test_removes_what_a_dead_writer_left(self, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out/.rows.tmp-0123456789abcdef").write_bytes(b"half")
        publish(self.make(tmp_path), ROWS)
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["rows"]

    def test_leaves_what_a_living_writer_writes(self, tmp_path):
        async def both():
            first = self.make(tmp_path)
            await first.open()
            await first.write(ROWS[:1])
            other = self.make(tmp_path)
            await other.open()
            await other.abort()
            return await first.commit()

        asyncio.run(both())
        assert len(self.read(tmp_path / "out/rows")) == 1

    def test_identity_names_the_file(self, tmp_path):
        assert "out/rows" in self.make(tmp_path).identity

    def test_emulated_rows_may_lie_in_the_state_folder(self, tmp_path):
        path = ".runner/emulated/out/rows"
        publish(self.make(tmp_path, path, is_emulated=True), ROWS)
        assert len(self.read(tmp_path / path)) == len(ROWS)
        for real in (path, ".runner/jobs/x"):
            with pytest.raises(ConfigError, match="state folder"):
                self.make(tmp_path, real, is_emulated=real != path)
