"""The exit code of an error says who can mend it."""

import pytest

from runner.cli.exits import Exit, worst
from runner.cli.failures import code_of
from runner.model.errors import AuthError, ConfigError, LedgerError, RecipeError, RunnerError, UsageError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no such file"), Exit.USAGE),
        (ConfigError("the variable KEY is not set"), Exit.INVALID),
        (RecipeError([]), Exit.INVALID),
        (AuthError("401"), Exit.LOGIN),
        (LedgerError("not a database"), Exit.UNEXPECTED),
        (RunnerError("odd"), Exit.UNEXPECTED),
        (KeyError("odd"), Exit.UNEXPECTED),
    ],
)
def test_an_error_has_the_code_of_its_kind(error: Exception, code: Exit):
    assert code_of(error) is code


def test_every_code_has_a_place_among_the_worst():
    assert [worst([code, Exit.DONE]) for code in Exit] == list(Exit)
