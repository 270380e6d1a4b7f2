"""Git as a subprocess: a few questions and a few moves, each with a time limit and never with a prompt."""

from __future__ import annotations

import io
import os
import re
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from runner.model.errors import ConfigError, Unavailable, UsageError

TIMEOUT_S: Final = 120.0
_LOGIN: Final = re.compile(r"://[^@/\s]+@")
_QUIET: Final = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


class Git:
    """One work tree or bare repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *arguments: str, timeout_s: float = TIMEOUT_S) -> bytes:
        """Run one command and return what it printed.

        Raises:
            ConfigError: Git is not installed, or refuses the command; with its last line.
            Unavailable: it took too long (a remote that hangs).
        """
        try:
            done = subprocess.run(
                ["git", *arguments],
                cwd=self.folder,
                env={**os.environ, **_QUIET},
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=timeout_s,
                check=False,
            )
        except FileNotFoundError as error:
            raise ConfigError(f"git cannot be run in {self.folder}", mend="install Git, check the folder") from error
        except subprocess.TimeoutExpired as error:
            raise Unavailable(f"git {arguments[0]} took longer than {timeout_s:g} s") from error
        if done.returncode:
            raise ConfigError(f"git {arguments[0]}: {_said(done.stderr) or f'exit code {done.returncode}'}")
        return done.stdout

    def text(self, *arguments: str) -> str:
        """Run one command and return its one line."""
        return self.run(*arguments).decode("utf-8", "surrogateescape").strip()

    def top(self) -> Path:
        """Return the folder of the work tree.

        Raises:
            ConfigError: the folder is not in a work tree.
        """
        try:
            return Path(self.text("rev-parse", "--show-toplevel"))
        except ConfigError as error:
            raise ConfigError(f"{self.folder}: {error}", mend="run it in a checkout: git clone, or git init") from error

    def commit(self, ref: str) -> str:
        """Return the full hash of the commit that a ref names.

        Raises:
            UsageError: there is no such ref.
        """
        if ref.startswith("-"):
            raise UsageError(f"{ref!r} is no Git ref")
        try:
            return self.text("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        except ConfigError as error:
            mend = "check the ref; a shallow clone needs `git fetch --unshallow` or a greater depth"
            raise UsageError(f"there is no commit {ref!r} in {self.folder}", mend=mend) from error

    def changed(self, commit: str) -> frozenset[str]:
        """Return the paths, from the top of the work tree, that differ from a commit, untracked ones included."""
        top = Git(self.top())
        differ = top.run("diff", "--name-only", "--no-renames", "-z", commit, "--")
        untracked = top.run("ls-files", "--others", "--exclude-standard", "-z")
        return frozenset(_names(differ)) | frozenset(_names(untracked))

    def export(self, commit: str, paths: Sequence[str], into: Path) -> None:
        """Write the files that a commit has at some paths below a folder; links and odd entries are left out."""
        top = Git(self.top())
        known = set(_names(top.run("ls-tree", "-r", "--name-only", "-z", commit)))
        wanted = [path for path in paths if path in known]
        if not wanted:
            return
        with tarfile.open(fileobj=io.BytesIO(top.run("archive", "--format=tar", commit, "--", *wanted))) as archive:
            # Not extractall: its filters are younger than the first releases of Python 3.11 that are still in use.
            for member in archive:
                content = archive.extractfile(member) if member.isfile() else None
                if content is not None and ".." not in PurePosixPath(member.name).parts:
                    path = into / member.name.lstrip("/")
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content.read())


def without_login(url: str) -> str:
    """Return a URL, or a text that names one, without the password in it."""
    return _LOGIN.sub("://***@", url)


def _said(stderr: bytes) -> str:
    """Return the line that says what is wrong; a password in a URL is not for logs."""
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    telling = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return without_login((telling or lines or [""])[0])


def _names(listed: bytes) -> list[str]:
    return [name.decode("utf-8", "surrogateescape") for name in listed.split(b"\0") if name]
