"""A platform is data: no Python but that of the emulators knows one by name."""

from pathlib import Path

import pytest

RUNNER = Path(__file__).parents[2] / "runner"
PLATFORMS = [path.stem for path in (RUNNER / "platforms/manifests").glob("*.yaml")]
ROOMS = ["platforms", "engine", "assembly", "transport", "templating", "documents", "ledger"]


@pytest.mark.parametrize("room", ROOMS)
def test_no_name_of_a_platform_stands_in_the_code(room):
    files = list((RUNNER / room).rglob("*.py"))
    named = [(path.name, name) for path in files for name in PLATFORMS if name in path.read_text(encoding="utf-8")]
    assert (named, bool(files), len(PLATFORMS) >= 3) == ([], True, True)
