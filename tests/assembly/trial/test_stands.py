"""What takes the place of platforms, and the clock that does not wait."""

import asyncio
import time
from pathlib import Path

import pytest

from runner.assembly.stand_ins import Address, StandIns
from runner.assembly.trial.stands import HastyClock, Only, Scene, means_of, scene_of
from runner.model.errors import ConfigError, RecipeError
from runner.platforms import Catalog
from runner.transport.clock import SystemClock
from tests.assembly.trial.trials import JOBS, case

CATALOG = Catalog([JOBS.parent])
ABOUT_JOBS = "platforms/jobs.test.yaml"
BODY = "connection: {extra: 1}\ncases:\n  - {name: a, target: {jobs.job: {}}, items: [{id: 1}], MORE}\n"


def fields(folder: Path, more: str, platform: str = "jobs", against: str = "") -> tuple[Scene, dict]:
    async def asked():
        trial, one = case(folder, BODY.replace("MORE", more), ABOUT_JOBS)
        means = means_of(against, {"RUNNER_TEST_TOKEN": "sesame", "HOME": "/h"})
        assert means.environ == {"HOME": "/h"}
        async with scene_of(trial, one, platform, CATALOG, means) as scene:
            return scene, dict(await scene.stands.fields(platform, {}))

    return asyncio.run(asked())


def test_a_minute_takes_about_a_second():
    clock, began = HastyClock(), time.monotonic()
    at, now = clock.monotonic(), clock.now()
    asyncio.run(clock.sleep(5.0))
    assert time.monotonic() - began < 2.0
    assert (clock.monotonic() - at >= 5.0, clock.now() - now >= 5.0) == (True, True)


def test_what_waits_together_moves_the_time_once():
    clock = HastyClock()
    at = clock.monotonic()

    async def together():
        await asyncio.gather(*(clock.sleep(2.0) for _ in range(50)))

    asyncio.run(together())
    assert 2.0 <= clock.monotonic() - at < 10.0


def test_an_emulator_lives_by_the_clock_of_the_case(tmp_path: Path):
    scene, found = fields(tmp_path, "emulator: {duration_s: 3}")
    assert (found["base_url"].startswith("http://127.0.0.1:"), found["extra"]) == (True, 1)
    assert isinstance(scene.clock, HastyClock)


def test_an_address_is_given_time_and_the_secret_of_the_environment(tmp_path: Path):
    scene, found = fields(tmp_path, "emulator: {}", against="http://sandbox.example/")
    assert (found["base_url"], found["token"].reveal()) == ("http://sandbox.example", "sesame")
    assert isinstance(scene.clock, SystemClock)


def test_an_exchange_goes_before_an_address(tmp_path: Path):
    scene, found = fields(tmp_path, "recorded: [{when: GET /x}]", against="http://sandbox.example/")
    assert found["base_url"].startswith("http://127.0.0.1:")
    assert [each.slug for each in scene.unexpected()] == ["unused-exchange"]


def test_nothing_real_is_reached():
    async def asked():
        async with StandIns(CATALOG) as emulators:
            await Only(emulators, {}).fields("acme", {})

    with pytest.raises(ConfigError, match="nothing takes the place of acme"):
        asyncio.run(asked())


@pytest.mark.parametrize("platform", ["jobs", "acme"])
def test_wrong_knobs_are_told_in_their_place(tmp_path: Path, platform: str):
    with pytest.raises(RecipeError) as caught:
        fields(tmp_path, "emulator: {duratoin_s: 3}", platform)
    (problem,) = caught.value.problems
    assert problem.mark is not None
    assert (problem.mark.line, problem.mark.column) == (5, 67)


@pytest.mark.parametrize(("field", "found"), [("base_url", "http://sandbox.example"), ("root", None)])
def test_a_manifest_without_emulate_is_reached_by_its_base_url(tmp_path: Path, field: str, found: str | None):
    text = JOBS.read_text().replace("name: jobs", "name: acme").replace("base_url: {type", f"{field}: {{type")
    text = "".join(line for line in text.splitlines(True) if not line.startswith("  emulate:"))
    (tmp_path / "acme.yaml").write_text(text)
    address = Address(Catalog([tmp_path]), "http://sandbox.example", "s")
    if found is None:
        with pytest.raises((ConfigError, RecipeError), match=r"reach|base_url"):
            asyncio.run(address.fields("acme", {}))
    else:
        assert asyncio.run(address.fields("acme", {}))["base_url"] == found
