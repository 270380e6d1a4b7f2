"""What tests against a real server share; they run only when they are asked for: pytest -m real"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.real.server import Missing, Server, running


@pytest.fixture(scope="session")
def label_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real open-source Label Studio; the tests are skipped where it cannot be installed."""
    try:
        with running(tmp_path_factory.mktemp("label-studio")) as server:
            yield server
    except Missing as error:
        pytest.skip(str(error))
