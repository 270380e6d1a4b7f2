"""Stand-ins of the platforms on loopback: small ASGI apps that do real work on the input.

An *emulator* answers as the platform does on the wire. Its *knobs* are its switches (latency, faults, page sizes),
changed while it runs by `POST /_emulator/knobs`; its *stats* are what it was asked, read by `GET /_emulator/stats`.
What all of them share is in `desk`, how they are served in `serve`.
"""

import importlib
from typing import TYPE_CHECKING

from runner.model.errors import ConfigError, with_extra

if TYPE_CHECKING:  # the web parts are loaded only when an emulator is made
    from starlette.applications import Starlette

EMULATORS: dict[str, str] = {
    "aihub": "runner.emulators.aihub",
    "jobs": "runner.emulators.jobs",
    "label_studio": "runner.emulators.label_studio",
    "labelbox": "runner.emulators.labelbox",
}


def create(name: str, *, token: str = "emulator", **knobs: object) -> "Starlette":
    """Make the app of an emulator.

    Args:
        name: a key of `EMULATORS`.
        token: the one key the emulator accepts.
        knobs: the emulator's switches, by name.

    Raises:
        ValueError: there is no such emulator, or it has no such knob; the text tells the known ones.
    """
    if name not in EMULATORS:
        raise ValueError(f"no emulator {name!r}; known: {', '.join(EMULATORS)}")
    made: Starlette = importlib.import_module(EMULATORS[name]).create(token=token, **knobs)
    return made


def not_installed(error: ImportError) -> ConfigError:
    """Return what is told when a library is missing without which no emulator is made or served."""
    return ConfigError(
        f"the emulators need a library that is not installed: {error.name}",
        mend=with_extra("emulate"),
    )
