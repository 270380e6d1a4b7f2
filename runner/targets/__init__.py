"""What does the work. A *target* is given *jobs* over items: it submits, is polled, and gives *results* by item key.

(In Singer a target is a destination, in Luigi an output; here it is a job service.) Kinds on a platform (`aihub.app`)
are not here but in its manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

KINDS: Final[Mapping[str, str]] = {
    "command": "runner.targets.command:Command",
}
