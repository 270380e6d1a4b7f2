"""Trials as they stand in files: found, checked, read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from runner.assembly.trial.document import Case, Exchange, Expected, Trial
from runner.assembly.trial.judging import judged
from runner.documents import Document, Pointer, load_schema, problems_of, read
from runner.model.errors import RecipeError, UsageError
from runner.model.item import Json
from runner.model.problem import Mark, Problem, Severity
from runner.templating import Tree, compile_tree

ENDINGS: Final = (".test.yaml", ".test.yml")
_KNOWN: Final = ("sent", "query", "path", "number")


def load_trials(paths: Sequence[Path]) -> Sequence[Trial]:
    """Read every trial among some files and folders; a recipe or manifest stands for the trial beside it.

    Raises:
        UsageError: a path does not exist, or there is no trial.
        RecipeError: one of them is wrong; with all that is.
    """
    trials: list[Trial] = []
    problems: list[Problem] = []
    for path in dict.fromkeys(file for each in paths or [Path()] for file in _files(each)):
        found = _trial(read(path), problems)
        if found is not None:
            trials.append(found)
    if problems:
        raise RecipeError(problems)
    if not trials:
        raise UsageError("there is no test", mend=f"write one beside a recipe: NAME{ENDINGS[0]} beside NAME.yaml")
    return trials


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        for here, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            yield from (Path(here, name) for name in sorted(names) if name.endswith(ENDINGS))
    elif not path.exists():
        raise UsageError(f"there is no file or folder {str(path)!r}", mend="check -f")
    elif path.name.endswith(ENDINGS) or _kind(path) == "Test":
        yield path
    else:
        beside = [near for ending in ENDINGS if (near := path.with_name(path.stem + ending)).is_file()]
        if not beside:
            missing = path.with_name(path.stem + ENDINGS[0])
            raise UsageError(f"there is no test beside {str(path)!r}", mend=f"write {missing}: runner schema test")
        yield from beside


def _kind(path: Path) -> Json:
    value = read(path).value
    return value.get("kind") if isinstance(value, Mapping) else None


def _trial(document: Document, problems: list[Problem]) -> Trial | None:
    """Return the trial; None when something is wrong with it, which is added to the problems."""
    found = [problem for problem in document.problems if problem.severity is Severity.ERROR]
    schema = load_schema("test")
    if schema is None:
        raise FileNotFoundError("schemas/test.json is not where the program was installed")
    value = document.value
    found = found or problems_of(schema, value, document, noun="the test")
    if not found:
        subject = _subject(document)
        is_about_platform = "platform" in value or ("recipe" not in value and _kind(subject) == "Platform")
        found = [*_missing(document, subject), *judged(document, is_about_platform=is_about_platform)]
        cases = [_case(document, ("cases", number), found) for number in range(len(value["cases"]))]
    problems += found
    if found:
        return None
    return Trial(
        document=document,
        subject=subject,
        is_about_platform=is_about_platform,
        vars={name: _text(given) for name, given in value.get("vars", {}).items()},
        trigger=value.get("trigger", {}),
        connection=value.get("connection", {}),
        cases=cases,
    )


def _subject(document: Document) -> Path:
    """Return the file that the trial is about: the one it names, else the one of the same name."""
    path, value = Path(document.file), document.value
    if "platform" in value or "recipe" in value:
        return path.parent / str(value.get("platform", value.get("recipe")))
    stem = next((path.name.removesuffix(ending) for ending in ENDINGS if path.name.endswith(ending)), path.stem)
    near = [path.with_name(f"{stem}{suffix}") for suffix in (".yaml", ".yml")]
    return next((each for each in near if each.is_file() and each != path), near[0])


def _missing(document: Document, subject: Path) -> Iterator[Problem]:
    named = next((name for name in ("platform", "recipe") if name in document.value), None)
    if not subject.is_file() or subject == Path(document.file):
        mend = "paths start at the folder of the test" if named else "name it: recipe: FILE, or platform: FILE"
        mark = document.mark_of((named,)) if named else Mark(document.file)
        yield Problem("unreadable-file", f"there is no file {str(subject)!r} to test", mark, mend)
    elif named == "recipe" and _kind(subject) == "Platform":
        what = f"{subject.name} is a manifest"
        yield Problem("invalid-value", what, document.key_mark_of((named,)), f"write platform: {subject.name}")


def _case(document: Document, at: Pointer, problems: list[Problem]) -> Case:
    value = document.value[at[0]][at[1]]
    plain = {name: given for name, given in value.items() if name not in ("expect", "recorded")}
    recorded = value.get("recorded")
    played = [] if recorded is None else [_exchange(document, at, number, problems) for number in range(len(recorded))]
    expect = Expected(**value.get("expect", {}))
    return Case(**plain, recorded=None if recorded is None else played, expect=expect, at=at)


def _exchange(document: Document, at: Pointer, number: int, problems: list[Problem]) -> Exchange:
    inside = ("recorded", number)
    value = document.value[at[0]][at[1]]["recorded"][number]
    plain = {name: given for name, given in value.items() if name not in ("json", "text")}
    body = "text" if "text" in value else "json"
    place = (*at, *inside, body)
    try:
        reply = compile_tree(value.get(body), mark_of=lambda pointer: document.mark_of((*place, *pointer)))
    except RecipeError as error:
        problems += error.problems
        reply = compile_tree(None)
    problems += _unknown(document, place, reply)
    return Exchange(**plain, reply=reply, is_text=body == "text", at=inside)


def _unknown(document: Document, place: Pointer, reply: Tree) -> Iterator[Problem]:
    for name in sorted(reply.names.difference(_KNOWN)):
        what = f"a recorded reply knows no name {name!r}"
        yield Problem("unknown-name", what, document.mark_of(place), f"known: {', '.join(_KNOWN)}")


def _text(given: Json) -> str:
    return str(given).lower() if isinstance(given, bool) else str(given)
