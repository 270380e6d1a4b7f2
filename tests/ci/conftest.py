from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ci.host import Host, serving
from tests.ci.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with the recipes a and b checked out."""
    return Machine(tmp_path, "a", "b")


@pytest.fixture
def host() -> Iterator[Host]:
    with serving() as made:
        yield made
