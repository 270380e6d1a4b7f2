"""Random stories of changes, deaths, lost replies, cancels and retries: see `stories.py`."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.engine.stories import Blind, Searchable, Stories

QUICK = settings(max_examples=15, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck))
LONG = settings(QUICK, max_examples=500, stateful_step_count=25)


def stories(target, ledger):
    return type("Told", (Stories,), {"target_kind": target, "ledger_kind": ledger})


@pytest.mark.parametrize("ledger", ["memory", "sqlite"])
@pytest.mark.parametrize("target", [Searchable, Blind])
def test_a_few_stories(target, ledger):
    run_state_machine_as_test(stories(target, ledger), settings=QUICK)


@pytest.mark.faults
@pytest.mark.parametrize("ledger", ["memory", "sqlite"])
@pytest.mark.parametrize("target", [Searchable, Blind])
def test_many_stories(target, ledger):
    run_state_machine_as_test(stories(target, ledger), settings=LONG)
