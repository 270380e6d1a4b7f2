"""Plan a branch with the connections, ledger, manifests, allowed commands and secrets of a trusted ref.

The branch brings recipes and data. Its project file and manifests count for nothing, so that a pull request cannot send
a secret elsewhere; what its recipes name must be there at the trusted ref.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from runner.assembly.loading import Loaded
from runner.gitops.git import Git
from runner.model.errors import UsageError
from runner.model.item import Json
from runner.model.problem import Problem
from runner.model.project import Project, SecretRef
from runner.model.recipe import Recipe
from runner.platforms.catalog import Catalog
from runner.recipe import load_project, load_recipes
from runner.recipe.files import project_file
from runner.recipe.project import LoadedProject

_HOST: Final = re.compile(r"\b[a-z][a-z0-9+.-]*://(?:[^/\s\"'@]*@)?([^/\s\"'?#]+)", re.IGNORECASE)


@contextmanager
def trusted_project(
    paths: Sequence[Path],
    ref: str,
    *,
    environ: Mapping[str, str],
    variables: Mapping[str, str],
    profile: str = "",
    trigger: Mapping[str, Json] | None = None,
) -> Iterator[Loaded]:
    """Load the recipes of the work tree into the project of a trusted ref; its copy lasts as long as the block.

    Args:
        paths: recipes and folders of the work tree.
        ref: branch, tag or commit whose project file and manifests count.
        environ: variables, of which templates read those that the trusted project lists.
        variables: `--var`, as text.
        profile: of the trusted project; empty without one.
        trigger: what started the recipes; None when they are only looked at.

    Raises:
        UsageError: there is no such ref, or no project file in it.
        ConfigError: there is no work tree of Git.
    """
    paths = list(paths) or [Path()]
    file = project_file(paths)
    if file is None:
        raise UsageError("--trusted needs a project file", mend="name recipes below a runner.yaml with -f")
    root = Path(os.path.realpath(file.parent))
    git = Git(root)
    inside = root.relative_to(os.path.realpath(git.top()))
    commit = git.commit(ref)
    with tempfile.TemporaryDirectory(prefix="runner-") as folder:
        copy = Path(os.path.realpath(folder)) / inside
        git.export(commit, _documents(git, commit, inside), Path(folder))
        if not (copy / file.name).is_file():
            raise UsageError(f"{ref} has no {(inside / file.name).as_posix()}", mend="name a ref that has it")
        found = load_project([copy / file.name], profile=profile or None, environ=environ)
        git.export(commit, _of_secrets(git, commit, inside, found.project), Path(folder))
        project = _moved(found.project, copy, root, str(file))
        catalog = Catalog([project.platforms])
        recipes, problems = load_recipes(
            replace(found, project=project), paths, vars=variables, environ=environ, catalog=catalog, trigger=trigger
        )
        hosts = _hosts_in(copy, found)
        problems = [*catalog.problems, *problems, *(one for recipe in recipes for one in _new_hosts(recipe, hosts))]
        yield Loaded(project, catalog, recipes, problems)


def _documents(git: Git, commit: str, inside: Path) -> list[str]:
    """Return the YAML files of the project at the commit."""
    return [name for name in _names(git, commit, inside) if name.endswith((".yaml", ".yml"))]


def _names(git: Git, commit: str, inside: Path) -> list[str]:
    listed = git.run("ls-tree", "-r", "--name-only", "-z", "--full-tree", commit).decode("utf-8", "surrogateescape")
    prefix = "" if inside == Path() else f"{inside.as_posix()}/"
    return [name for name in listed.split("\0") if name and name.startswith(prefix)]


def _of_secrets(git: Git, commit: str, inside: Path, project: Project) -> list[str]:
    """Return the files that the project's secrets need: what a command of one names, with what lies next to it."""
    refs = [value for one in project.connections.values() for value in one.fields.values()]
    words = [
        word
        for one in (*refs, *project.secrets.values(), project.ledger)
        if isinstance(one, SecretRef) and one.store != "env"
        for word in (one.argv or [one.name])
    ]
    there = _names(git, commit, inside)
    named = {os.path.normpath(inside / word) for word in words}
    folders = {os.path.dirname(name) for name in there if name in named}  # noqa: PTH120 - names of Git
    return [name for name in there if name in named or os.path.dirname(name) in folders - {""}]  # noqa: PTH120


def _moved(project: Project, copy: Path, root: Path, shown: str) -> Project:
    """Return the project of the copy with the folder of the work tree as its root."""

    def there(path: Path) -> Path:
        text = str(path)
        return root / text[len(f"{copy}/") :] if text.startswith(f"{copy}/") else path

    return replace(
        project,
        root=root,
        path=shown,
        state=there(project.state),
        allowed=[there(one) for one in project.allowed],
        secrets_root=copy,
        is_read_only=True,
    )


def _hosts_in(copy: Path, found: LoadedProject) -> frozenset[str]:
    """Return every host that a document of the trusted ref names, those of its environment included."""
    texts = [file.read_text("utf-8", "replace") for file in copy.rglob("*.y*ml")]
    texts += [str(value) for one in found.project.connections.values() for value in one.fields.values()]
    return frozenset(host.lower() for text in texts for host in _HOST.findall(text))


def _new_hosts(recipe: Recipe, known: frozenset[str]) -> Iterator[Problem]:
    """Yield a problem for every host that the recipe names and the trusted ref does not have."""
    components = [*recipe.notify]
    for stage in recipe.stages:
        components += [stage.source, *stage.filters, stage.target, *stage.checks, *stage.sinks]
    for component in components:
        for host in sorted({one.lower() for text in _texts(component.plain) for one in _HOST.findall(text)} - known):
            what = f"the recipe names the host {host[:100]}, which the trusted ref does not have"
            yield Problem("untrusted-host", what, component.mark, "merge a change that names it first")


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield str(name)
            yield from _texts(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _texts(one)
