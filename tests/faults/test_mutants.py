"""However wrong a manifest is, it is paid at most items x attempts (1,000 slips: `python -m tests.faults.mutants`)."""

import asyncio
import logging
from random import Random

import pytest

from runner.documents import parse
from tests.faults.mutants import FILES, compiled, mutants, scenes, slip, tried


@pytest.fixture(autouse=True)
def _silent():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_the_manifests_themselves_are_paid_once():
    values = {name: parse(path.read_text(encoding="utf-8"), path.name).value for name, path in FILES.items()}
    for scene in scenes():
        accepted, ends = asyncio.run(tried(compiled(values[scene.platform]), scene, 1))
        assert (ends, accepted <= len(scene.items)) == (["done", "done"], True)


def test_a_slip_is_never_paid_more_often_than_items_and_attempts():
    outcomes = [outcome for outcome in mutants(60, seed=7) if outcome is not None]
    assert [outcome for outcome in outcomes if not outcome.is_bounded] == []
    assert len(outcomes) > 20


def test_slips_are_the_same_for_the_same_seed():
    value = {"targets": {"t": {"submit": {"id": "{{ response.id }}", "call": {"post": "/jobs"}}}}}
    assert [slip(value, Random(3)) for _ in range(2)] == [slip(value, Random(3))] * 2
