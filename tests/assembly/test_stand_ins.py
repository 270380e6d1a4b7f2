"""Emulators in the place of platforms."""

import asyncio
from collections.abc import Mapping

import pytest

from runner.assembly.stand_ins import TOKEN, StandIns
from runner.model.errors import ConfigError
from runner.model.item import Json
from runner.platforms import Catalog


def fields(platform: str, knobs: Mapping[str, Json] | None = None) -> tuple[Mapping[str, Json] | None, Mapping]:
    async def asked():
        async with StandIns(Catalog(), {platform: knobs or {}}) as emulators:
            return await emulators.fields(platform, {}), emulators.stats()

    return asyncio.run(asked())


def test_an_emulator_is_started_when_it_is_asked_for():
    found, stats = fields("aihub", {"faults": [{"route": "GET /x"}]})
    assert found is not None
    assert (found["base_url"].startswith("http://127.0.0.1:"), found["token"].reveal()) == (True, TOKEN)
    assert stats["aihub"]["faults"] == [{"route": "GET /x", "sent": 0}]


def test_a_platform_without_emulator_has_no_stand_in():
    assert fields("acme") == (None, {})


@pytest.mark.parametrize("knob", ["run_z", "token", "clock"])
def test_what_is_no_knob_is_told(knob: str):
    with pytest.raises(ConfigError, match=knob):
        fields("aihub", {knob: 1})
