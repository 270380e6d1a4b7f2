"""Which environment variables templates may read: those that runner.yaml lists, but none that holds a secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from runner.documents import Document
from runner.model.item import Json
from runner.model.problem import Mark, Problem


@dataclass(frozen=True, slots=True)
class Environment:
    """Variables that templates see as `env`.

    Attributes:
        listed: names below `environment` in runner.yaml.
        secret: variables that a secret comes from, under any profile, and the names of all secrets.
        is_open: whether unlisted variables may be read, too, as runner.yaml itself may.
    """

    listed: frozenset[str] = frozenset()
    secret: frozenset[str] = frozenset()
    is_open: bool = False

    def values(self, environ: Mapping[str, str]) -> Mapping[str, str]:
        """Return the variables that templates may read."""
        names = frozenset(environ) if self.is_open else self.listed
        return {name: environ[name] for name in sorted(names - self.secret) if name in environ}

    def problem(self, name: str, mark: Mark | None) -> Problem | None:
        """Return what is wrong with reading a variable; None when it may be read."""
        if name in self.secret:
            what = f"{name[:80]} holds a secret, which templates cannot read"
            mend = "give the secret to a field of a connection; for anything else use another variable"
            return Problem("secret-variable", what, mark, mend)
        if not self.is_open and name not in self.listed:
            what = f"templates may not read the variable {name[:80]}: runner.yaml does not list it"
            return Problem("unlisted-variable", what, mark, f"add to runner.yaml: environment: [{name[:80]}]")
        return None


def environment_of(document: Document) -> tuple[Environment, list[Problem]]:
    """Return what templates may read in a project, and what is wrong with its list."""
    value = document.value if isinstance(document.value, Mapping) else {}
    written = value.get("environment")
    listed = [name for name in written if isinstance(name, str)] if isinstance(written, list) else []
    secrets = value.get("secrets")
    names = frozenset(secrets if isinstance(secrets, Mapping) else ())
    environment = Environment(frozenset(listed), names | frozenset(_variables(value)))
    problems = [
        problem
        for at, name in enumerate(listed)
        if name in environment.secret
        and (problem := environment.problem(name, document.mark_of(("environment", at)))) is not None
    ]
    return environment, problems


def _variables(value: Json) -> Iterator[str]:
    """Yield the names in all references to variables, those of profiles that are not chosen included."""
    if isinstance(value, Mapping):
        if len(value) == 1 and isinstance(name := value.get("env"), str):
            yield name
        for one in value.values():
            yield from _variables(one)
    elif isinstance(value, list):
        for one in value:
            yield from _variables(one)
