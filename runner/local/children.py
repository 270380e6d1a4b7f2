"""Processes in sessions of their own, which outlive the runner and are found again by their folder.

A child's folder holds `stdin` (given), `stdout`, `stderr`, and three marks: `lock` is locked from before the start
until the last process that inherited it has ended, `pid` is written by the child before its command begins, `exit`
after it has ended. So after any crash the folder alone tells whether the command never began, runs, or how it ended.
The marks are not fsynced: a power cut within seconds of a start may leave a folder that says "never began".
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SHELL: Final = "/bin/sh"
LOCK_FD: Final = 9
NO_EXIT: Final = -1

# The command comes as "$@" and is never part of the text. $$ is the session and group of all that it starts.
_SCRIPT: Final = """
folder=$1
cd -- "$2" || { echo 126 > "$folder/exit"; exit 126; }
shift 2
{ read -r born < "/proc/$$/stat"; } 2>/dev/null || born=$(ps -o lstart= -p $$)
printf '%s\\n%s\\n' "$$" "$born" > "$folder/pid" || exit 125
"$@"
code=$?
printf '%s\\n' "$code" > "$folder/exit"
exit "$code"
"""


@dataclass(frozen=True, slots=True)
class Sight:
    """How a child stands.

    Attributes:
        has_begun: whether its command was started, ever.
        is_alive: whether it, or something that it started, still runs.
        code: exit status of the command, 128 + n after signal n; NO_EXIT while it runs, or when it was killed without
            a chance to say.
    """

    has_begun: bool
    is_alive: bool
    code: int = NO_EXIT


def start(folder: Path, argv: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> int:
    """Start a command; `folder/stdin` must be there. Return the process id, to be reaped by the caller.

    Raises:
        OSError: it could not be started; surely nothing runs. BlockingIOError: the child of this folder is alive.
    """
    lock = _open_lock(folder)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for name in ("pid", "exit"):
            (folder / name).unlink(missing_ok=True)
        write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, folder / "stdin", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, folder / "stdout", write, 0o600),
            (os.POSIX_SPAWN_OPEN, 2, folder / "stderr", write, 0o600),
            (os.POSIX_SPAWN_DUP2, lock, LOCK_FD),
        ]
        return os.posix_spawn(
            SHELL,
            [SHELL, "-c", _SCRIPT, "sh", str(folder), str(cwd), *argv],
            dict(environment),
            file_actions=actions,
            setsid=True,
            setsigmask=(),
            setsigdef=(signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGHUP),
        )
    finally:
        os.close(lock)  # the child has its own; only as long as it lives is the lock held


def look(folder: Path) -> Sight:
    """Tell how the child of a folder stands; a folder that does not exist has none."""
    code = _exit_code(folder)
    if code is not None:
        return Sight(has_begun=True, is_alive=False, code=code)
    if _is_locked(folder):
        return Sight(has_begun=True, is_alive=True)
    code = _exit_code(folder)  # it may have ended between the two looks
    has_begun = code is not None or _pid(folder) is not None
    return Sight(has_begun=has_begun, is_alive=False, code=NO_EXIT if code is None else code)


def send(folder: Path, number: signal.Signals) -> bool:
    """Send a signal to the child and all in its group; False when there is nobody, or the id belongs to another now."""
    known = _pid(folder)
    if known is None:
        return False
    pid, born = known
    now = _born(pid)
    if now is not None and now != born:
        return False
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
        return True
    return False


def reap(pids: set[int]) -> None:
    """Let go of those children of this process that have ended; they are taken out of `pids`."""
    for pid in list(pids):
        try:
            ended, _ = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            ended = pid
        if ended:
            pids.discard(pid)


def _open_lock(folder: Path) -> int:
    file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # above LOCK_FD, because duplicating a descriptor onto itself would leave it closed on exec
        return fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, LOCK_FD + 1)
    finally:
        os.close(file)


def _is_locked(folder: Path) -> bool:
    try:
        file = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two that look do not see each other
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def _exit_code(folder: Path) -> int | None:
    text = _text(folder / "exit")
    return int(text) if text.endswith("\n") else None


def _pid(folder: Path) -> tuple[int, str] | None:
    number, _, born = _text(folder / "pid").partition("\n")
    return (int(number), _start_time(born.strip())) if born.endswith("\n") else None


def _born(pid: int) -> str | None:
    """Return when a process was started, None when there is none."""
    if Path("/proc/self/stat").exists():
        text = _text(Path(f"/proc/{pid}/stat"))
    else:
        asked = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
        text = asked.stdout
    return _start_time(text.strip()) if text.strip() else None


def _start_time(line: str) -> str:
    # field 22 of /proc/PID/stat, counted after the name in brackets; `ps` gives the time itself
    _, bracket, rest = line.rpartition(")")
    return rest.split()[19] if bracket else line


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
