"""A file that is written beside the one it will replace, so that readers see the old rows or all of the new ones."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from secrets import token_hex
from typing import Final

from runner.model.errors import ConfigError
from runner.model.item import Json

BUFFER_BYTES: Final = 1 << 20
DIGEST_BYTES: Final = 16
NAME_CHARACTERS: Final = 48  # of the target's name in the temporary's: 255 bytes must hold both, 4 bytes a character


class Replacement:
    """New content for one path: `open`, `write`, then `commit` or `abort`. Every verb may block.

    The temporary file is locked while its writer lives, so the next one can tell what a dead one left behind.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._temporary: Path | None = None
        self._file: int | None = None
        self._waiting = bytearray()
        self._digest = blake2b(digest_size=DIGEST_BYTES)

    def open(self) -> None:
        """Begin; folders that are missing are made, leftovers of dead writers removed.

        Raises:
            ConfigError: it cannot be written there.
        """
        if self.path.is_dir():
            raise ConfigError(f"{self.path} is a folder, not a file", mend="name a file in it")
        with _told(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._remove_leftovers()
            self._create()

    def write(self, data: bytes) -> None:
        """Add bytes; raises ConfigError when the disk refuses them."""
        self._waiting += data
        if len(self._waiting) >= BUFFER_BYTES:
            self._flush()

    def written(self) -> Path:
        """Return a file that holds everything that was written so far, until `commit` or `abort`."""
        self._flush()
        if self._temporary is None:
            raise ConfigError(f"{self.path} was not opened for writing")
        return self._temporary

    def commit(self) -> Mapping[str, Json]:
        """Put the new content in the place of the old, durably.

        Returns:
            `size`, `digest` (hex) and `mtime_ns` of the file that is now there.
        """
        self._flush()
        if self._file is None or self._temporary is None:
            raise ConfigError(f"{self.path} was not opened for writing")
        with _told(self.path):
            if self.path.exists():
                os.fchmod(self._file, self.path.stat().st_mode & 0o777)
            os.fsync(self._file)
            facts = os.fstat(self._file)
            self._temporary.replace(self.path)
            self._temporary = None
            _sync_folder(self.path.parent)
        self._close()
        return {"size": facts.st_size, "digest": self._digest.hexdigest(), "mtime_ns": facts.st_mtime_ns}

    def abort(self) -> None:
        """Leave no trace; may be called at any time, also twice."""
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)
            self._temporary = None
        self._close()

    def holds(self, receipt: Mapping[str, Json]) -> bool:
        """Whether the file is still what `commit` gave this receipt for; reads it only when its time differs."""
        try:
            facts = self.path.stat()
            if facts.st_size != receipt.get("size"):
                return False
            if facts.st_mtime_ns == receipt.get("mtime_ns"):
                return True
            return _digest(self.path) == receipt.get("digest")
        except OSError:
            return False

    def _create(self) -> None:
        while self._temporary is None:
            path = self.path.with_name(f"{self._prefix()}{token_hex(8)}")
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            if _lock(file) and _is_at(path, file):
                self._file, self._temporary = file, path
            else:  # another writer, looking for leftovers, was faster than our lock
                os.close(file)

    def _remove_leftovers(self) -> None:
        prefix = self._prefix()
        with os.scandir(self.path.parent) as listing:
            paths = [Path(entry.path) for entry in listing if entry.name.startswith(prefix)]
        for path in paths:
            with suppress(OSError):  # gone by now, or not ours to remove
                _remove_if_dead(path)

    def _prefix(self) -> str:
        return f".{self.path.name[:NAME_CHARACTERS]}.tmp-"

    def _flush(self) -> None:
        data, self._waiting = memoryview(bytes(self._waiting)), bytearray()
        self._digest.update(data)
        with _told(self.path):
            while data and self._file is not None:
                data = data[os.write(self._file, data) :]

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _remove_if_dead(path: Path) -> None:
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        if _lock(file):
            path.unlink(missing_ok=True)
    finally:
        os.close(file)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        free = _free_bytes(path.parent)
        room = "" if free is None else f" ({free:,} bytes are free)"
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}{room}", mend="mend the disk or the path"
        ) from error


def _free_bytes(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_at(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)  # without it a power cut may undo the rename
    finally:
        os.close(file)


def _digest(path: Path) -> str:
    whole = blake2b(digest_size=DIGEST_BYTES)
    with path.open("rb", buffering=0) as file:
        while piece := file.read(BUFFER_BYTES):
            whole.update(piece)
    return whole.hexdigest()
