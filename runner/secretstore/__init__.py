"""Where secrets are kept: a *reference* of the project file becomes a secret, only when work begins.

A *store* is one way of keeping one: `env` (a variable), `file`, `command` (a program that prints it). Errors name the
variable, file or command, never what was found there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from runner.model.project import SecretRef
from runner.model.secret import Secret
from runner.secretstore import command, env, file

Store = Callable[[SecretRef, Mapping[str, str], Path], Secret]

STORES: Final[Mapping[str, Store]] = {"command": command.resolve, "env": env.resolve, "file": file.resolve}


def resolve(ref: SecretRef, environ: Mapping[str, str], root: Path) -> Secret:
    """Return the secret of a reference.

    Args:
        ref: from the project file.
        environ: environment variables, also for commands.
        root: folder of the project file; relative files and commands start here.

    Raises:
        ConfigError: it is not there, empty or no text.
    """
    return STORES[ref.store](ref, environ, root)
