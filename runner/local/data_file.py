"""Read data files as bytes: gzip is unpacked on the way, files of another form are refused by the name of the form."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, cast

from runner.model.errors import ConfigError

HEAD_BYTES: Final = 16

_GZIP: Final = b"\x1f\x8b\x08"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_FORMS: Final = (
    (b"PK\x03\x04", "is a zip archive (a table in .xlsx is one)", "unpack it, or save the table as CSV"),
    (b"\xd0\xcf\x11\xe0", "is an office document", "save the table as CSV"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd", "unpack it (`zstd -d`); gzip is read as it is"),
    (b"\xfd7zXZ\0", "is compressed with xz", "unpack it (`xz -d`); gzip is read as it is"),
    (b"BZh91AY&SY", "is compressed with bzip2", "unpack it (`bzip2 -d`); gzip is read as it is"),
    (b"PAR1", "is a Parquet file", "convert it to one JSON object per line"),
)


@contextmanager
def reading(label: str) -> Iterator[None]:
    """Turn errors of reading a file into ConfigError; `label` is its name in messages."""
    try:
        yield
    except gzip.BadGzipFile as error:
        raise ConfigError(f"{label} cannot be unpacked: {error}", mend="get the file again") from error
    except OSError as error:
        raise ConfigError(f"{label} cannot be read: {error.strerror or error}") from error
    except (EOFError, zlib.error) as error:
        raise ConfigError(f"{label} cannot be unpacked: {error}", mend="get the file again: it is cut off") from error


def open_bytes(path: Path, label: str, *, utf_16_mend: str = "") -> IO[bytes]:
    """Open a file for reading, from its beginning; gzip is unpacked on the way.

    Args:
        path: of the file.
        label: its name in messages.
        utf_16_mend: what to do when the text is in UTF-16; empty when the caller reads it.

    Raises:
        ConfigError: the file has a form that cannot be read line by line.
        OSError: it cannot be opened; see `reading`.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head.startswith(_GZIP):
        _refuse_form(head, label, utf_16_mend)
        return path.open("rb", buffering=0)
    with gzip.open(path) as packed:
        _refuse_form(packed.read(HEAD_BYTES), label, utf_16_mend)
    return cast(IO[bytes], gzip.open(path))


def _refuse_form(head: bytes, label: str, utf_16_mend: str) -> None:
    for start, what, mend in _FORMS:
        if head.startswith(start):
            raise ConfigError(f"{label} {what}", mend=mend)
    if utf_16_mend and _is_utf_16(head):
        raise ConfigError(f"{label} is UTF-16 text", mend=utf_16_mend)


def _is_utf_16(head: bytes) -> bool:
    """Whether a text begins with the mark of UTF-16, or with ASCII characters of two bytes each."""
    pairs = [head[at : at + 2] for at in range(0, len(head) - 1, 2)]
    is_marked = head.startswith(_UTF_16) and len(head) % 2 == 0
    return is_marked or (len(pairs) > 1 and (all(_is_ascii(pair) for pair in pairs)))


def _is_ascii(pair: bytes) -> bool:
    return (pair[0] == 0) != (pair[1] == 0) and max(pair) < 0x80
