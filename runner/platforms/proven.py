"""Manifests that were found right before, kept in the user's cache folder: looking at a recipe compiles none again.

What is kept is the value of the whole document, under a digest of its bytes, the name of its file and the program that
judged it. It serves to look: whoever talks to a platform compiles the manifest itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final

from runner import jsontext
from runner.model.item import Json

MOST: Final = 500
"""Manifests that are kept."""
_ROOMS: Final = ("platforms", "templating", "documents", "schemas", "../schemas")
"""Folders of the program whose files decide what is right."""


def cache_folder(environ: Mapping[str, str]) -> Path | None:
    """Return the folder below `XDG_CACHE_HOME`, or `~/.cache`; None without a home.

    Source: XDG Base Directory Specification 0.8, "Environment variables", read 2026-11-21.
    """
    given, home = Path(environ.get("XDG_CACHE_HOME", "")), Path(environ.get("HOME", ""))
    base = given if given.is_absolute() else home / ".cache"
    return base / "runner" / "manifests" if base.is_absolute() else None


class Proven:
    """The manifests of one cache folder; what cannot be read or written there is not there."""

    def __init__(self, folder: Path, program: bytes = b"") -> None:
        """Look nowhere yet; `program` tells what judges manifests from other programs, by default the files of this."""
        self._folder = folder
        self._program = program

    def value(self, path: Path) -> Mapping[str, Json] | None:
        """Return the value of a manifest that was found right, None when that is not known."""
        try:
            digest, _, text = self._file(path).read_bytes().partition(b"\n")
        except OSError:
            return None
        if blake2b(text, digest_size=16).hexdigest().encode() != digest:
            return None
        value: Mapping[str, Json] = jsontext.read(text)
        return value

    def keep(self, path: Path, value: Mapping[str, Json]) -> None:
        """Keep the value of a manifest that is right."""
        text = jsontext.write(value)
        with suppress(OSError):
            file = self._file(path)
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_room()
            written = file.with_name(f"{file.name}.{os.getpid()}")
            written.write_bytes(blake2b(text, digest_size=16).hexdigest().encode() + b"\n" + text)
            written.replace(file)

    def _make_room(self) -> None:
        """Begin anew before the folder grows without end."""
        with os.scandir(self._folder) as entries:
            names = [entry.path for entry in entries]
        for name in names if len(names) >= MOST else ():
            Path(name).unlink(missing_ok=True)

    def _file(self, path: Path) -> Path:
        self._program = self._program or _program()
        whole = blake2b(self._program + path.name.encode() + b"\0", digest_size=16)
        whole.update(path.read_bytes())
        return self._folder / whole.hexdigest()


def _program() -> bytes:
    """Return what changes whenever the files that judge a manifest do: their names, sizes and times."""
    package = Path(__file__).parent.parent
    listed = []
    for room in _ROOMS:
        with suppress(OSError), os.scandir(package / room) as entries:
            for entry in entries:
                if entry.name.endswith((".py", ".json")):
                    facts = entry.stat()
                    listed.append(f"{room}/{entry.name} {facts.st_size} {facts.st_mtime_ns}")
    return blake2b("\n".join(sorted(listed)).encode()).digest()
