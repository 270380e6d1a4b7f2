"""The files of a folder, each one item.

    source: {files: {path: data/invoices, glob: "**/*.pdf"}}

An item is its bytes: its content is their digest, so a file that was only touched is no new work. Hidden files are left
out unless the glob names them; what cannot be read is rejected with its place.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import Final

from runner.local import blocking
from runner.model.contracts import Expression, Place
from runner.model.errors import ConfigError, ItemUnreadable, RecipeError
from runner.model.item import Batch, Item, Json, Rejected
from runner.paths import Found, Glob, below, inside, shown
from runner.rows import nfc, refuse_normalize

PIECE_BYTES: Final = 1 << 20
BATCH_ITEMS: Final = 500
BATCH_BYTES: Final = 64 << 20  # so that the first items come before the last of many large files is hashed
DIGEST_BYTES: Final = 16
SETTLED_S: Final = 2.0


class Files:
    """The files below one folder, in the order of their names."""

    @dataclass(frozen=True, slots=True)
    class Config:
        """What the recipe says; schemas/sources/files.json has the words."""

        path: str
        glob: str = "**/*"
        key: str | Expression | None = None
        normalize: str = "none"

    def __init__(self, config: Config, place: Place) -> None:
        refuse_normalize(config.normalize)
        self._config = config
        self._place = place
        self._glob = Glob.of(config.glob)

    async def check(self) -> None:
        """Look for the folder; raises ConfigError when it is not there."""
        await blocking.call(self._folder)

    async def count(self) -> int | None:
        """Return how many files there are."""
        return sum(not found.fault for found in await blocking.call(self._found))

    async def fingerprint(self) -> str | None:
        """Return a digest of names, sizes and times; None while a file may still be written to."""
        return await blocking.call(self._fingerprint)

    def read(self) -> AsyncIterator[Batch]:
        """Give the items by name; see `Source.read`."""
        return blocking.walk(self._batches())

    def _folder(self) -> Path:
        folder = inside(self._place, self._config.path, write=False)
        if not folder.is_dir():
            what = "is a file, not a folder" if folder.exists() else "does not exist"
            raise ConfigError(
                f"the folder {self._config.path!r} {what}", mend="paths start at the folder of runner.yaml"
            )
        return folder

    def _found(self) -> list[Found]:
        return below(self._folder(), self._glob, self._place)

    def _fingerprint(self) -> str | None:
        key = self._config.key
        rule = repr(key if key is None or isinstance(key, str) else key.text)
        whole = blake2b((rule if self._config.normalize == "none" else f"{rule} {self._config.normalize}").encode())
        newest = 0
        for found in self._found():
            try:
                facts = Path(found.path).stat()
            except OSError:
                whole.update(f"{found.name}\0{found.fault}\0".encode(errors="surrogateescape"))
                continue
            # ctime too: a copy that keeps size and mtime does not keep it
            times = (facts.st_mtime_ns, facts.st_ctime_ns)
            whole.update(f"{found.name}\0{found.fault}\0{facts.st_size}\0{times}\0".encode(errors="surrogateescape"))
            newest = max(newest, *times)
        return None if newest > (self._place.clock.now() - SETTLED_S) * 1e9 else whole.hexdigest()[:32]

    def _batches(self) -> Generator[Batch, None, None]:
        items: list[Item] = []
        rejected: list[Rejected] = []
        held = 0
        names: dict[str, str] = {}
        base = shown(self._place, self._folder())
        for found in self._found():
            where = f"{base}/{found.name}".encode(errors="backslashreplace").decode()
            made = self._item(found, where, names)
            if isinstance(made, Rejected):
                rejected.append(made)
            else:
                items.append(made)
                held += made.value["size"]
            if len(items) + len(rejected) >= BATCH_ITEMS or held >= BATCH_BYTES:
                yield Batch(items, rejected)
                items, rejected, held = [], [], 0
        if items or rejected:
            yield Batch(items, rejected)

    def _item(self, found: Found, where: str, names: dict[str, str]) -> Item | Rejected:
        path = Path(found.path)
        if found.fault:
            return Rejected(where, found.fault)
        try:
            size, content = _hashed(path)
        except OSError as error:
            return Rejected(where, f"cannot be read: {error.strerror}")
        value = _value(found.name, size)
        try:
            key = _key(self._config.key, value, found.name)
        except (RecipeError, ValueError) as error:
            return Rejected(where, str(error))
        is_normal = self._config.normalize == "nfc"
        key = nfc(key) if is_normal else key
        if self._config.key is not None or is_normal:
            if key in names:
                return Rejected(where, f"the key {key!r} was already given by {names[key]}")
            names[key] = where
        return Item(key, content, value, FileBody(path, where, size, content))


@dataclass(frozen=True, slots=True)
class FileBody:
    """The bytes of one file; the last piece is given only when all are those that were hashed."""

    path: Path
    where: str
    size: int
    content: bytes

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give the bytes; see `Body.chunks`."""
        async for piece in blocking.walk(self._pieces()):
            yield piece

    def _pieces(self) -> Generator[bytes, None, None]:
        whole = blake2b(digest_size=DIGEST_BYTES)
        last, size = b"", 0
        try:
            with self.path.open("rb", buffering=0) as file:
                while piece := file.read(PIECE_BYTES):
                    whole.update(piece)
                    size += len(piece)
                    if last:
                        yield last
                    last = piece
        except OSError as error:
            raise ItemUnreadable(f"{self.where} cannot be read: {error.strerror}") from error
        if size != self.size or whole.digest() != self.content:
            raise ItemUnreadable(f"{self.where} has changed since it was planned", mend="apply again")
        if last:
            yield last


def _hashed(path: Path) -> tuple[int, bytes]:
    whole = blake2b(digest_size=DIGEST_BYTES)
    size = 0
    with path.open("rb", buffering=0) as file:
        while piece := file.read(PIECE_BYTES):
            whole.update(piece)
            size += len(piece)
    return size, whole.digest()


def _value(name: str, size: int) -> Mapping[str, Json]:
    path = PurePosixPath(name)
    folder = "" if path.parent == PurePosixPath() else path.parent.as_posix()
    return {"name": path.name, "path": name, "stem": path.stem, "suffix": path.suffix, "size": size, "folder": folder}


def _key(key: str | Expression | None, value: Mapping[str, Json], name: str) -> str:
    if key is None:
        return name
    found = value.get(key) if isinstance(key, str) else key({"item": value})
    if not isinstance(found, (str, int)) or found == "":
        raise ValueError(f"the key must be text, not {found!r:.80}")
    return str(found)
