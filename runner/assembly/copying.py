"""A whole ledger goes to another store: from a file to a server, or back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner.ledger import copy_ledger
from runner.model.contracts import Clock
from runner.model.errors import ConfigError
from runner.model.project import SecretRef
from runner.model.redact import protect_url
from runner.secretstore import resolve

_ENV: Final = "env:"
_SERVER: Final = re.compile(r"postgres(ql)?:")
_PLAIN: Final = re.compile(r"[\w/.+-][\w/.+:@?=&%,-]*")


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied.

    Attributes:
        rows: table to number of its rows.
        ledger: what stands behind `ledger:` in runner.yaml from now on; without a password.
    """

    rows: Mapping[str, int]
    ledger: str


async def copied(source: str, target: str, environ: Mapping[str, str], clock: Clock) -> Copied:
    """Copy a ledger to a store that has none yet, all or nothing.

    Args:
        source: a path, `sqlite:PATH`, `postgresql://USER@HOST/DATABASE`, or `env:NAME` of a variable that holds one of
            them; relative paths start at the working folder.
        target: the same.
        environ: environment variables.
        clock: the time.

    Raises:
        ConfigError: no such kind of ledger, its driver is not installed, or the variable is not set.
        LeaseHeld: an apply works on the source.
        LedgerError: the source is not there, or the target is not empty.
    """
    url = _url(target, environ)
    rows = await copy_ledger(_url(source, environ), url, clock=clock)
    return Copied(rows, _written(target, url))


def _url(given: str, environ: Mapping[str, str]) -> str:
    url = given
    if given.startswith(_ENV):
        url = protect_url(resolve(SecretRef("env", given.removeprefix(_ENV)), environ, Path())).reveal()
    if url == "memory:":
        raise ConfigError("a ledger in memory ends with its process", mend="name a file or a postgresql:// URL")
    return url


def _written(given: str, url: str) -> str:
    """Return a ledger as runner.yaml names it: a relative path would start at the folder of that file, not at ours."""
    if not _SERVER.match(url):
        text = str(Path(url.removeprefix("sqlite:")).absolute())
    elif given.startswith(_ENV):
        return f"{{env: {given.removeprefix(_ENV)}}}"
    else:
        text = url
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
