"""Where a recipe may read and write, what a glob means, and what lies below a folder."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import translate
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import Final, TypeAlias

from runner.model.contracts import Place
from runner.model.errors import ConfigError

WILD = re.compile(r"[*?\[]")

_OUTSIDE: Final = "the symlink leads outside the project folder (see allow_paths in runner.yaml)"

_Part: TypeAlias = re.Pattern[str] | None  # None is `**`


def inside(place: Place, path: str, *, write: bool) -> Path:
    """Return the absolute path of `path`, every symlink followed; it need not exist.

    Args:
        place: relative paths start at its root.
        path: as the recipe has it.
        write: whether the caller will write; the state folder is never written by a recipe, but for emulated rows.

    Raises:
        ConfigError: it leads outside the project and `allow_paths`, or is no path at all.
    """
    if not path or "\0" in path:
        raise ConfigError(f"{path!r} is no path", mend="give the path of a file or folder")
    found = Path(os.path.realpath(place.root / path))
    if place.is_emulated and found.is_relative_to(os.path.realpath(place.state / "emulated")):
        return found
    if not is_allowed(place, found):
        mend = f"move it into the project, or allow the folder in runner.yaml: `allow_paths: [{found.parent}]`"
        raise ConfigError(f"{path!r} leads outside the project folder, to {found}", mend=mend)
    if write and found.is_relative_to(os.path.realpath(place.state)):
        raise ConfigError(f"{path!r} lies in the state folder of the runner", mend="write somewhere else")
    return found


def is_allowed(place: Place, path: Path) -> bool:
    """Return whether a resolved path lies in the project or in a folder that the project file allows."""
    return any(path.is_relative_to(os.path.realpath(folder)) for folder in (place.root, *place.allowed))


def shown(place: Place, path: Path) -> str:
    """Return the path for people: relative to the project when it lies in it; odd characters are escaped."""
    root = os.path.realpath(place.root)
    text = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
    return text.encode(errors="backslashreplace").decode()


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern of relative paths.

    `*`, `?` and `[...]` stay within one name, `**` is any number of folders. A name that begins with a dot is only
    matched by a part that begins with one. Upper and lower case differ on every system.
    """

    parts: Sequence[_Part]
    names_hidden: bool

    @classmethod
    def of(cls, text: str) -> Glob:
        """Compile it; raises ConfigError when it climbs out of its folder or is empty."""
        names = [name for name in text.split("/") if name not in ("", ".")]
        if not names or ".." in names or "\0" in text:
            raise ConfigError(f"{text!r} is no glob below a folder", mend='for example "**/*.pdf"')
        return cls(tuple(_part(name) for name in names), any(name.startswith(".") for name in names))

    @property
    def is_deep(self) -> bool:
        """Whether it can match below folders."""
        return len(self.parts) > 1 or None in self.parts

    def matches(self, path: str) -> bool:
        """Whether a relative path, with `/` between names, is one of the pattern's."""
        return _matches(self.parts, path.split("/"))


@dataclass(frozen=True, slots=True)
class Found:
    """Something below a folder that is no folder itself.

    Attributes:
        name: path relative to the folder, with `/`.
        path: where it is; symlinks are not resolved in it.
        fault: why it cannot be read; empty for a plain file.
    """

    name: str
    path: str
    fault: str = ""


def below(folder: Path, glob: Glob, place: Place) -> list[Found]:
    """Return what matches below a folder, sorted by name (code points); folders that cannot be read are faults."""
    real = os.path.realpath(folder)
    return sorted(_walk(real, "", glob, place, (real,)), key=lambda found: found.name)


def files_of(place: Place, path: str) -> list[tuple[Path, str]]:
    """Return the files that a path or a glob means, each with its name for people, sorted by name.

    Raises:
        ConfigError: there is none, one of them cannot be read, or they lie outside (see `inside`).
    """
    if not WILD.search(path) or (place.root / path).exists():
        return [_file(place, path)]
    names = PurePosixPath(path).parts
    wild = next(at for at, name in enumerate(names) if WILD.search(name))
    folder = inside(place, str(PurePosixPath(*names[:wild])), write=False)
    found = below(folder, Glob.of("/".join(names[wild:])), place) if folder.is_dir() else []
    for one in found:
        if one.fault:
            raise ConfigError(
                f"{shown(place, Path(one.path))}: {one.fault}", mend=f"mend it, or change the glob {path!r}"
            )
    if not found:
        raise ConfigError(f"no file matches {path!r}", mend=f"it is looked for below {shown(place, folder)}")
    return [(Path(one.path), shown(place, Path(one.path))) for one in found]


def _file(place: Place, path: str) -> tuple[Path, str]:
    file = inside(place, path, write=False)
    if file.is_dir():
        raise ConfigError(f"{path!r} is a folder, not a file", mend=f'name a file in it, or a glob like "{path}/*"')
    if not file.exists():
        raise ConfigError(f"there is no file {path!r}", mend="paths start at the folder of runner.yaml")
    return file, shown(place, file)


def _part(name: str) -> _Part:
    if name == "**":
        return None
    return re.compile(("" if name.startswith(".") else r"(?!\.)") + translate(name))


def _matches(parts: Sequence[_Part], names: Sequence[str]) -> bool:
    if not parts or not names:
        return not parts and not names
    first, rest = parts[0], parts[1:]
    if first is not None:
        return first.match(names[0]) is not None and _matches(rest, names[1:])
    if not rest:
        return not any(name.startswith(".") for name in names)
    return _matches(rest, names) or (not names[0].startswith(".") and _matches(parts, names[1:]))


def _walk(folder: str, prefix: str, glob: Glob, place: Place, above: tuple[str, ...]) -> Iterator[Found]:
    try:
        with os.scandir(folder) as listing:
            entries = list(listing)
    except OSError as error:
        yield Found(prefix.rstrip("/") or ".", folder, f"the folder cannot be read: {error.strerror}")
        return
    for entry in entries:
        name = prefix + entry.name
        if not entry.is_dir():
            if glob.matches(name):
                yield Found(name, entry.path, _fault(entry, name, place))
        elif glob.is_deep and (glob.names_hidden or not entry.name.startswith(".")):
            yield from _enter(entry, name, glob, place, above)


def _enter(entry: os.DirEntry[str], name: str, glob: Glob, place: Place, above: tuple[str, ...]) -> Iterator[Found]:
    if not entry.is_symlink():
        yield from _walk(entry.path, f"{name}/", glob, place, above)
        return
    real = os.path.realpath(entry.path)
    if any(folder == real or folder.startswith(f"{real}/") for folder in above):
        yield Found(name, entry.path, "the symlink leads back to a folder above it")
    elif not is_allowed(place, Path(real)):
        yield Found(name, entry.path, _OUTSIDE)
    else:
        yield from _walk(entry.path, f"{name}/", glob, place, (*above, real))


def _fault(entry: os.DirEntry[str], name: str, place: Place) -> str:
    if not _is_text(name):
        return "the name is not UTF-8"
    if entry.is_symlink():
        real = Path(os.path.realpath(entry.path))
        if not is_allowed(place, real):
            return _OUTSIDE
        if not real.exists():
            return "the symlink leads nowhere"
    try:
        return "" if entry.is_file() else f"not a file but a {_sort(entry.stat().st_mode)}"
    except OSError as error:
        return str(error.strerror)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _sort(mode: int) -> str:
    sorts = {stat.S_IFSOCK: "socket", stat.S_IFIFO: "pipe", stat.S_IFBLK: "device", stat.S_IFCHR: "device"}
    return sorts.get(stat.S_IFMT(mode), "thing of another sort")


def digest_of(files: Iterable[tuple[Path, str]], rule: str) -> str:
    """Return 32 hex letters over the names and bytes of some files and over the rule by which they are read.

    Args:
        files: path and the name that people know it by, as `files_of` gives them.
        rule: any text; another rule is another digest.

    Raises:
        OSError: a file cannot be read.
    """
    whole = blake2b(rule.encode())
    for path, label in files:
        whole.update(f"\0{label}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                whole.update(block)
    return whole.hexdigest()[:32]
