"""What all tests share: ids that are the same in every process, and coverage in every process of pytest-xdist."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import coverage

pytest.register_assert_rewrite("runner.conformance")

_MEASURED: list[coverage.Coverage] = []


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes that cannot be read by their number: what gzip writes holds the time."""
    if isinstance(val, bytes) and not (val.isascii() and val.decode("ascii").isprintable()):
        return f"{argname}-{len(val)}-bytes"
    return None


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests() -> Iterator[None]:
    from runner.model.redact import REDACTOR

    yield
    REDACTOR.forget()


def _measure(configuration: str) -> None:
    import coverage

    measured = coverage.Coverage(config_file=configuration, data_suffix=True)
    measured.start()
    _MEASURED.append(measured)


if _CONFIGURATION := os.environ.get("COVERAGE_PROCESS_START"):
    _measure(_CONFIGURATION)  # before any test module imports what is measured


def pytest_unconfigure() -> None:
    for measured in _MEASURED:
        measured.stop()
        measured.save()
