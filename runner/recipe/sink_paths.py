"""Refuse sinks that would overwrite an input of the project, or the file of another sink."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final
from unicodedata import normalize

from runner.documents import Document
from runner.model.errors import ConfigError
from runner.model.problem import Mark, Problem
from runner.model.project import Project, SecretRef
from runner.model.recipe import Component, Recipe, Stage
from runner.paths import WILD, Glob

_OURS: Final = re.compile(rb"^\s*[\"']?apiVersion[\"']?\s*:\s*[\"']?runner/", re.MULTILINE)
_HEAD_BYTES: Final = 1 << 16
_YAML: Final = (".yaml", ".yml")
_LONGEST: Final = 4096


def sink_names(recipes: Sequence[Recipe]) -> frozenset[str]:
    """Return the names of the files that sinks write, in lower case."""
    paths = (_path_of(sink) for stage in _stages(recipes) for sink in stage.sinks)
    return frozenset(name for path in paths if path is not None and (name := PurePosixPath(path).name.casefold()))


def sink_path_problems(
    recipes: Sequence[Recipe], documents: Sequence[Document], project: Project, others: Sequence[Recipe] = ()
) -> Iterator[Problem]:
    """Yield a problem for every sink whose file is an input, or is the file of another sink.

    Args:
        recipes: whose sinks are checked.
        documents: the files of the recipes.
        project: they belong to.
        others: recipes of the project that a command was not given; what they read counts too.
    """
    root = project.root
    inputs = _Inputs.of([*recipes, *others], documents, project)
    first: dict[str, tuple[str, Mark]] = {}
    for recipe in recipes:
        for stage in recipe.stages:
            owner = f"{recipe.name}/{stage.name}"
            for sink in stage.sinks:
                path = _path_of(sink)
                if path is None:
                    continue
                file = _resolved(root, path)
                if what := inputs.what_is(file) or _document_at(root / path):
                    text, mend = f'the sink would overwrite {what}: "{path[:200]}"', "write to another file"
                    yield Problem("sink-over-input", text, sink.mark, mend)
                    continue
                earlier, mark = first.setdefault(file, (owner, sink.mark))
                if (earlier, mark) != (owner, sink.mark):
                    text = f'two sinks write the file "{path[:200]}"'
                    mend = "give each sink, and each stage, its own file"
                    yield Problem("shared-sink", text, sink.mark, mend, other=mark if mark != sink.mark else None)


@dataclass(frozen=True, slots=True)
class _Inputs:
    """Files that no sink may write; all paths as `_resolved` returns them.

    Attributes:
        files: path to what it is.
        folders: (folder, what it is): everything below counts.
        globs: (folder, pattern, what it is).
    """

    files: dict[str, str]
    folders: Sequence[tuple[str, str]]
    globs: Sequence[tuple[str, Glob, str]]

    @classmethod
    def of(cls, recipes: Sequence[Recipe], documents: Sequence[Document], project: Project) -> _Inputs:
        root = project.root
        files = {_resolved(root, os.path.realpath(document.file)): "a recipe" for document in documents}
        files[_resolved(root, "runner.yaml")] = "the project file"
        if project.path:
            files[_resolved(root, os.path.realpath(project.path))] = "the project file"
        for path, what in _files_of(recipes, project):
            files.setdefault(_resolved(root, path), what)
        folders = [
            (_resolved(root, str(project.platforms)), "a file in the folder of manifests"),
            (_resolved(root, str(project.state)), "a file in the state folder of the runner"),
        ]
        return cls(files, folders, list(_globs_of(recipes, root)))

    def what_is(self, file: str) -> str:
        """Describe the input that a file is; empty when it is not one."""
        if what := self.files.get(file):
            return what
        if ".git" in file.split("/"):
            return "a file of Git"
        for folder, what in self.folders:
            if file == folder or file.startswith(f"{folder}/"):
                return what
        for folder, glob, what in self.globs:
            if file.startswith(f"{folder}/") and glob.matches(file[len(folder) + 1 :]):
                return what
        return ""


def _files_of(recipes: Sequence[Recipe], project: Project) -> Iterator[tuple[str, str]]:
    """Yield every single file that is read, relative to the root."""
    for stage in _stages(recipes):
        source = _path_of(stage.source)
        if source is not None and stage.source.kind != "files" and not WILD.search(source):
            yield source, f"a source file of {stage.source.kind}"
        for part in stage.filters:
            if isinstance(listed := part.options.get("file"), str):
                yield listed, f"the file of the filter {part.kind}"
        if stage.target.kind == "command":
            yield from ((word, "a file of the command") for word in _words(stage.target, project.root))
    references = [value for one in project.connections.values() for value in one.fields.values()]
    for one in (*references, *project.secrets.values(), project.ledger):
        if isinstance(one, SecretRef) and one.store == "file":
            yield one.name, "the file of a secret"
    if isinstance(project.ledger, str) and "://" not in project.ledger:
        yield project.ledger.removeprefix("sqlite:"), "the ledger"


def _words(target: Component, root: Path) -> Iterator[str]:
    """Yield the words of a command that name a file: its program, a script."""
    argv, cwd = target.options.get("argv"), target.options.get("cwd", ".")
    for word in argv if isinstance(argv, list) and isinstance(cwd, str) else ():
        if isinstance(word, str) and 0 < len(word) <= _LONGEST and "\0" not in word and (root / cwd / word).is_file():
            yield os.path.join(cwd, word)  # noqa: PTH118 - texts, as the others


def _globs_of(recipes: Sequence[Recipe], root: Path) -> Iterator[tuple[str, Glob, str]]:
    for stage in _stages(recipes):
        path, pattern = _path_of(stage.source), stage.source.options.get("glob", "**/*")
        if path is None:
            continue
        if stage.source.kind != "files":
            if not WILD.search(path):
                continue
            names = PurePosixPath(path).parts
            wild = next(at for at, name in enumerate(names) if WILD.search(name))
            path, pattern = str(PurePosixPath(*names[:wild])), "/".join(names[wild:])
        try:
            glob = Glob.of(_folded(str(pattern)))
        except ConfigError:
            continue  # the source reports it
        yield _resolved(root, path), glob, f"a source file of {stage.source.kind}"


def _stages(recipes: Sequence[Recipe]) -> Iterator[Stage]:
    for recipe in recipes:
        yield from recipe.stages


def _path_of(component: Component) -> str | None:
    """Return the file or folder of a shipped kind; None without one, or when it is known later."""
    path = component.options.get("path")
    if component.platform is not None or not isinstance(path, str) or not path or "\0" in path:
        return None
    return path


def _resolved(root: Path, path: str) -> str:
    """Return a path in the form in which two paths of one file are equal: links followed, case and accents folded."""
    return _folded(Path(os.path.realpath(root / path)).as_posix())


def _folded(text: str) -> str:
    return normalize("NFC", text.casefold())


def _document_at(path: Path) -> str:
    """Describe an existing file that is a recipe, manifest, test or project; empty when it is none of them."""
    try:
        if path.name.lower().endswith(_YAML) and path.is_file():
            with path.open("rb") as opened:
                return "a document of the runner" if _OURS.search(opened.read(_HEAD_BYTES)) else ""
    except (OSError, ValueError):
        pass  # an unreadable file is reported when the sink writes it
    return ""
