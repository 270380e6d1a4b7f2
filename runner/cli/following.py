"""The options that say which Git branch is followed, for `sync` and `serve`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path, PurePosixPath
from typing import Any

import click

from runner.cli.applying import duration
from runner.cli.options import Function
from runner.gitops.checkout import Checkout, Remote
from runner.gitops.sync import Settings, Sync
from runner.transport.clock import SystemClock


@dataclass(frozen=True, slots=True)
class Followed:
    """A branch, and how it is followed; `paths` are inside of it, none for all."""

    repo: str
    ref: str
    folder: Path
    paths: Sequence[str]
    every_s: float
    verified: bool

    def places(self) -> list[Path]:
        """Return where the recipes lie in the clone."""
        return [self.folder.absolute() / path for path in self.paths] or [self.folder.absolute()]

    def sync(self, settings: Settings) -> Sync:
        """Return the loop; paths and times of the settings are those of the branch."""
        checkout = Checkout(self.folder, Remote(self.repo, self.ref, verified=self.verified))
        return Sync(checkout, settings, SystemClock(), os.environ)


_OPTIONS = (
    click.option("--ref", default="main", show_default=True, help="Branch or tag to follow."),
    click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Where the clone is kept."),
    click.option(
        "--path", "inside", multiple=True, metavar="PATH", help="Recipes inside the repository; default: all."
    ),
    click.option("--every", default="1m", show_default=True, metavar="DURATION", help="Time between two looks."),
    click.option("--verify-signatures", is_flag=True, help="Take only commits with a signature that Git trusts here."),
)


def following(*, required: bool) -> Callable[[Function], Function]:
    """Add `--repo` and what goes with it, handed over as `followed`; None without `--repo`."""

    def add(function: Function) -> Function:
        @wraps(function)
        def command(*given: Any, repo: str, **rest: Any) -> Any:  # noqa: ANN401 - click's form
            followed = _followed(repo, rest)
            return function(*given, followed=followed if repo else None, **rest)

        made: Function = command
        for option in reversed(_OPTIONS):
            made = option(made)
        text = "The repository, as Git takes it."
        return click.option("--repo", required=required, default=None if required else "", metavar="URL", help=text)(
            made
        )

    return add


def _followed(repo: str, given: dict[str, Any]) -> Followed:
    folder = given.pop("folder") or Path(PurePosixPath(repo.rstrip("/")).name.removesuffix(".git") or "repository")
    every_s = duration(given.pop("every"), "--every") or 60.0
    if Path(repo).is_dir():
        repo = str(Path(repo).absolute())  # Git would look for it from the clone
    return Followed(
        repo, given.pop("ref"), folder, given.pop("inside"), every_s, verified=given.pop("verify_signatures")
    )
