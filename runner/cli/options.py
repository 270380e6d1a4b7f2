"""Options that several commands share, each written once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

IGNORED = "ignored_freeze"
"""Name of the reason in the origin of a run, as `runner.assembly.freezing` has it (which this file must not load)."""

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which recipes the user asked for, and with what meaning.

    Attributes:
        paths: files and folders; empty for the current folder.
        variables: name to value, from `--var`.
        profile: empty without one.
        trigger: name to value, from `--trigger`: what would have triggered the recipes; empty without.
        select: names, globs, labels, `changed:REF`, `state:...`; empty for all.
        emulate: whether stand-ins take the place of platforms.
        is_trusted: whether templates may read the environment, and projects and recipes are believed.
    """

    paths: Sequence[Path] = ()
    variables: tuple[tuple[str, str], ...] = ()
    profile: str = ""
    select: tuple[str, ...] = ()
    emulate: bool = False
    trigger: tuple[tuple[str, str], ...] = ()
    is_trusted: bool = True


def files(what: str) -> Callable[[Function], Function]:
    """Add `-f` and further paths without it, handed over as `paths` and `more`."""

    def add(function: Function) -> Function:
        path = click.Path(path_type=Path)
        text = f"{what}; may be repeated. Default: the current folder."
        more = click.argument("more", nargs=-1, type=path, metavar="[PATH]...")(function)
        return click.option("-f", "--file", "paths", multiple=True, type=path, metavar="PATH", help=text)(more)

    return add


_RECIPES = (
    files("A recipe, or a folder of recipes"),
    click.option(
        "--var", "variables", multiple=True, metavar="NAME=VALUE", help="Value of a variable; may be repeated."
    ),
    click.option(
        "--trigger",
        "trigger",
        multiple=True,
        metavar="NAME=VALUE",
        help="Value of trigger.NAME, to work by hand on recipes that runner serve starts; may be repeated.",
    ),
    click.option("--profile", default="", metavar="NAME", help="Profile of runner.yaml to lay over it."),
    click.option(
        "--select",
        "select",
        multiple=True,
        metavar="WISH",
        help="Only recipes that fit: a name or glob, a label (team=ocr), changed:REF, state:pending|held|failed; "
        "commas mean and, repeating means or.",
    ),
)


def recipes(function: Function) -> Function:
    """Add what says which recipes are meant, and hand it over as `asked`."""

    @wraps(function)
    def command(*, paths: Any, more: Any, variables: Any, profile: str, select: Any, **rest: Any) -> Any:  # noqa: ANN401 - click's form
        given = tuple(variable(text) for text in variables)
        trigger = tuple(variable(text, "--trigger") for text in rest.pop("trigger"))
        is_emulated = bool(rest.get("emulate"))
        asked = Asked([*paths, *more], given, profile, select, emulate=is_emulated, trigger=trigger)
        return function(asked, **rest)

    made: Function = command
    for option in reversed(_RECIPES):
        made = option(made)
    return made


def output(*formats: str) -> Callable[[Function], Function]:
    """Add `-o` with the formats of a command; the first one is the default."""
    return click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="Form of what is printed.",
    )


def emulated(function: Function) -> Function:
    """Add `--emulate`."""
    text = "Replace all platforms by emulators on this machine; nothing real is reached."
    return click.option("--emulate", is_flag=True, help=text)(function)


def freezing(function: Function) -> Function:
    """Add `--ignore-freeze`, handed over as `origin`: what the ledger keeps with the run."""

    @wraps(function)
    def command(*given: Any, ignore_freeze: str, **rest: Any) -> Any:  # noqa: ANN401 - click's form
        return function(*given, origin={IGNORED: ignore_freeze} if ignore_freeze else {}, **rest)

    text = "Apply although a freeze window is on; the reason is kept with the run."
    return click.option("--ignore-freeze", default="", metavar="REASON", help=text)(command)


def variable(text: str, option: str = "--var") -> tuple[str, str]:
    """Return name and value of `NAME=VALUE`.

    Raises:
        click.UsageError: it has no `=`.
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f'{option} "{text}": write NAME=VALUE')
    return name, value
