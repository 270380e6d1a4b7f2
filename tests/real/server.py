"""A real open-source Label Studio on loopback, installed beside the tests and started for them.

About 1 GB on disk and some minutes the first time; later starts take seconds to a minute. Nothing leaves the machine:
analytics, crash reports and version checks of the server are off.

    RUNNER_REAL=/some/folder   where the virtual environment is kept; default: a folder in the user's cache
    python -m tests.real.server   installs, starts, prints address and token, and serves until Ctrl-C
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

PACKAGE = "label-studio==1.23.2"
TOKEN = "0123456789abcdef0123456789abcdef01234567"
INSTALL_S, START_S = 1200, 600
QUIET = {
    "COLLECT_ANALYTICS": "false",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
    "LATEST_VERSION_CHECK": "false",
}


class Server(NamedTuple):
    url: str
    token: str


class Missing(Exception):
    """The server cannot be had here, with the reason."""


def program() -> Path:
    """Return the server's program; installs it when it is not there yet.

    Raises:
        Missing: it cannot be installed, for example without a network.
    """
    folder = Path(os.environ.get("RUNNER_REAL") or Path.home() / ".cache" / "runner-real") / "label-studio"
    found = folder / "bin" / "label-studio"
    if not found.exists():
        venv.create(folder, with_pip=True, clear=True)
        command: list[str | Path] = [
            folder / "bin" / "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            PACKAGE,
        ]
        try:
            subprocess.run(command, check=True, timeout=INSTALL_S, capture_output=True, text=True)
        except (subprocess.SubprocessError, OSError) as error:
            said = str(getattr(error, "stderr", "") or error).strip().splitlines()
            raise Missing(f"{PACKAGE} cannot be installed: {said[-1] if said else error}") from error
    return found


@contextmanager
def running(data: Path) -> Iterator[Server]:
    """Serve an empty Label Studio while the block runs.

    Args:
        data: an empty folder for its database and files.

    Raises:
        Missing: it cannot be installed or does not come up.
    """
    port = _free_port()
    server = Server(f"http://127.0.0.1:{port}", TOKEN)
    with (data / "server.log").open("wb") as log:
        process = subprocess.Popen(
            # Without a given host it listens everywhere, and a busy port makes it take the next one in silence.
            [program(), "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port)],
            env={**os.environ, **QUIET, **_account(data)},
            cwd=data,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            _wait(server, process, data / "server.log")
            yield server
        finally:
            _end(process)


def _account(data: Path) -> dict[str, str]:
    """User and token are made at the very first start, and so is the leave to use a legacy token."""
    return {
        "LABEL_STUDIO_BASE_DATA_DIR": str(data),
        "LABEL_STUDIO_USERNAME": "admin@example.com",
        "LABEL_STUDIO_PASSWORD": "local-only-password",
        "LABEL_STUDIO_USER_TOKEN": TOKEN,
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
    }


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise Missing(f"the server ended: {_last(log)}")
        try:
            if httpx.get(f"{server.url}/health", timeout=2).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    raise Missing(f"the server was not up after {START_S} s: {_last(log)}")


def _last(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(10)
            return
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            return


def main() -> None:
    """Serve until Ctrl-C."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as server:
        print(f"url={server.url}\ntoken={server.token}\nCtrl-C ends it", flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    sys.exit(main())
