"""What all tests share."""

import pytest

from runner.model.redact import REDACTOR


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """Forget the secrets of a test: they must not be redacted in the texts of the next."""
    REDACTOR.forget()
