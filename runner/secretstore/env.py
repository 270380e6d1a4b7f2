"""A secret in an environment variable: `token: {env: AIHUB_TOKEN}`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runner.model.errors import ConfigError
from runner.model.project import SecretRef
from runner.model.secret import Secret


def resolve(ref: SecretRef, environ: Mapping[str, str], root: Path) -> Secret:
    """Return the value of the variable.

    Raises:
        ConfigError: the variable is not set, or empty.
    """
    value = environ.get(ref.name)
    if value:
        return Secret(value)
    state = "is empty" if ref.name in environ else "is not set"
    where = f" (asked for at {ref.mark})" if ref.mark else ""
    raise ConfigError(f"the environment variable {ref.name} {state}{where}", mend=f"export {ref.name}=...")
