"""A secret in a file: `token: {file: /run/secrets/aihub}`; one line end at its end is no part of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from runner.model.errors import ConfigError
from runner.model.project import SecretRef
from runner.model.secret import Secret

MAX_BYTES: Final = 65_536


def resolve(ref: SecretRef, environ: Mapping[str, str], root: Path) -> Secret:
    """Return the text of the file.

    Raises:
        ConfigError: it cannot be read, is empty, too large or no UTF-8.
    """
    where = f" (asked for at {ref.mark})" if ref.mark else ""
    try:
        with (root / ref.name).open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no path"
        raise ConfigError(f"the secret file {ref.name!r} cannot be read: {reason}{where}") from error
    try:
        text = data.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        # from None: the cause would carry the bytes
        raise ConfigError(f"the secret file {ref.name!r} is no UTF-8 text{where}") from None
    if not text or len(data) > MAX_BYTES:
        fault = f"is larger than {MAX_BYTES} bytes" if text else "is empty"
        raise ConfigError(f"the secret file {ref.name!r} {fault}{where}")
    return Secret(text)
