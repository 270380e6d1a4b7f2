"""A folder that follows a branch: fetched, verified, and moved only to commits that are asked for."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from runner.gitops.git import Git, without_login
from runner.model.errors import ConfigError

CANDIDATE = ".runner/candidate"
"""Where a commit is looked at before the folder moves to it; below the state folder, which Git ignores."""


@dataclass(frozen=True, slots=True)
class Remote:
    """What to follow.

    Attributes:
        url: of the repository, as Git takes it.
        ref: branch or tag.
        verified: whether a commit must bear a signature that Git can verify.
    """

    url: str
    ref: str = "main"
    verified: bool = False


class Checkout:
    """A clone whose work tree stays at the last commit it was moved to; untracked files (ledger, outputs) stay.

    Attributes:
        moving: held while the work tree moves; who reads it beside that holds it too.
    """

    def __init__(self, folder: Path, remote: Remote) -> None:
        self.folder = folder.absolute()
        self.moving = Lock()
        self._remote = remote
        self._git = Git(self.folder)

    def fetch(self) -> str:
        """Get the newest commit of the ref and return its hash; the work tree is left alone.

        Raises:
            ConfigError: the repository or the ref cannot be had, or the folder belongs to something else.
            Unavailable: the remote hangs.
        """
        self._prepare()
        self._git.run("fetch", "--quiet", "--no-tags", "--force", "origin", self._remote.ref)
        return self._git.commit("FETCH_HEAD")

    def current(self) -> str:
        """Return the commit of the work tree, empty before the first move."""
        try:
            return self._git.commit("HEAD")
        except ConfigError:
            return ""

    def verify(self, commit: str) -> None:
        """Check the signature when the remote asks for it.

        Raises:
            ConfigError: there is none, or Git does not trust it.
        """
        if self._remote.verified:
            try:
                self._git.run("verify-commit", commit)
            except ConfigError as error:
                mend = "sign the commit with a key that Git trusts here (gpg.ssh.allowedSignersFile or a GPG key ring)"
                raise ConfigError(f"commit {commit[:12]} bears no good signature: {error}", mend=mend) from error

    def look_at(self, commit: str) -> Path:
        """Put a commit beside the work tree and return that folder; replaces the one looked at before."""
        candidate = self.folder / CANDIDATE
        self.look_away()
        self._git.run("worktree", "add", "--quiet", "--force", "--detach", str(candidate), commit)
        return candidate

    def look_away(self) -> None:
        """Remove what `look_at` put there."""
        shutil.rmtree(self.folder / CANDIDATE, ignore_errors=True)
        self._git.run("worktree", "prune")

    def move(self, commit: str) -> None:
        """Bring the work tree to a commit.

        Raises:
            ConfigError: tracked files were changed by hand; nothing is overwritten.
        """
        with self.moving:
            self._git.run("checkout", "--quiet", "--detach", commit)

    def _prepare(self) -> None:
        if not (self.folder / ".git").exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._git.run("init", "--quiet")
            self._git.run("remote", "add", "origin", self._remote.url)
            return
        known = self._git.text("remote", "get-url", "origin")
        if known != self._remote.url:
            raise ConfigError(
                f"{self.folder} is a clone of {without_login(known)}", mend="choose another folder with --folder"
            )
