"""A secret that a program prints: `token: {command: [pass, show, aihub]}`; one line end at its end is no part of it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from runner.model.errors import ConfigError
from runner.model.project import SecretRef
from runner.model.secret import Secret

TIMEOUT_S: Final = 60.0


def resolve(ref: SecretRef, environ: Mapping[str, str], root: Path, *, timeout_s: float = TIMEOUT_S) -> Secret:
    """Run the command in the project folder and return what it prints; no shell stands between.

    Its standard error is the user's own, so that a password manager can say what it needs.

    Raises:
        ConfigError: it cannot be run, fails, takes longer than `timeout_s`, or prints nothing or no UTF-8.
    """
    where = f" (asked for at {ref.mark})" if ref.mark else ""
    what = f"the secret command {ref.name!r}"
    try:
        done = subprocess.run(
            list(ref.argv), cwd=root, env=dict(environ), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            timeout=timeout_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        # from None here and below: the cause would carry what was printed
        raise ConfigError(f"{what} took longer than {timeout_s:g} s{where}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no command"
        raise ConfigError(f"{what} cannot be run: {reason}{where}") from None
    if done.returncode != 0:
        raise ConfigError(f"{what} ended with exit code {done.returncode}{where}", mend="run it by hand")
    try:
        text = done.stdout.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ConfigError(f"{what} printed no UTF-8 text{where}") from None
    if not text:
        raise ConfigError(f"{what} printed nothing{where}", mend="run it by hand")
    return Secret(text)
