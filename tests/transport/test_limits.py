import asyncio
from random import Random

import pytest

from runner.model.errors import Indeterminate, Refused, StopRun, Unavailable
from runner.transport.limits import Bucket, Limits, Rules
from tests.transport.doubles import Ticks


def limits(**rules):
    clock = Ticks()
    return Limits(Rules(**rules), clock, Random(1)), clock


async def _pass(limited, times):
    for _ in range(times):
        await limited.enter()
        limited.leave()


def test_a_bucket_gives_its_burst_then_its_rate():
    bucket = Bucket(per_second=10, burst=3)
    assert [round(bucket.take(0.0), 3) for _ in range(5)] == [0, 0, 0, 0.1, 0.2]
    assert bucket.take(100.0) == 0


def test_the_rate_is_kept():
    limited, clock = limits(per_second=5)
    asyncio.run(_pass(limited, 11))
    assert sum(clock.slept) == pytest.approx(2.0)


def test_no_more_than_the_allowed_are_under_way():
    limited, _ = limits(concurrency=3)
    now, most = 0, 0

    async def one():
        nonlocal now, most
        await limited.enter()
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        limited.leave()

    async def run():
        await asyncio.gather(*(one() for _ in range(20)))

    asyncio.run(run())
    assert most == 3


def test_a_cancelled_waiter_gives_its_place_on():
    limited, _ = limits(concurrency=1)

    async def run():
        await limited.enter()
        first, second = asyncio.create_task(limited.enter()), asyncio.create_task(limited.enter())
        await asyncio.sleep(0)
        limited.leave()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        async with asyncio.timeout(1):
            await second

    asyncio.run(run())


def test_everybody_waits_when_the_platform_asks():
    limited, clock = limits()
    limited.went_wrong(Unavailable("", status=429), 429, {"retry-after": "30"})
    asyncio.run(_pass(limited, 2))
    assert clock.at >= 1_000_030


def test_a_used_up_quota_makes_everybody_wait():
    limited, clock = limits()
    limited.went_well({"ratelimit-remaining": "0", "ratelimit-reset": "4"})
    asyncio.run(_pass(limited, 1))
    assert clock.at >= 1_000_004


def test_pressure_halves_the_places_once_per_wave_and_success_grows_them():
    limited, _ = limits(concurrency=16)
    for _ in range(5):
        limited.went_wrong(Unavailable("", status=429), 429, {})
    assert limited.allowed == 8
    for _ in range(200):
        limited.went_well({})
    assert limited.allowed == 16


def test_too_long_a_pause_stops_the_run():
    limited, _ = limits(longest_pause_s=60)
    with pytest.raises(StopRun, match="3,600 s"):
        limited.went_wrong(Unavailable("", status=429), 429, {"retry-after": "3600"})


@pytest.mark.parametrize("failure", [Unavailable(""), Indeterminate(""), Unavailable("", status=500)])
def test_a_dead_platform_stops_the_run(failure):
    limited, clock = limits(failures=3, patience_s=10)
    for _ in range(3):
        limited.went_wrong(failure, failure.status if isinstance(failure, Unavailable) else None, {})
    asyncio.run(_pass(limited, 1))
    clock.at += 11
    with pytest.raises(StopRun, match="3 times in a row"):
        asyncio.run(_pass(limited, 1))


def test_a_stop_names_the_last_failure_and_its_mend():
    limited, clock = limits(failures=1, patience_s=10)
    limited.went_wrong(Unavailable("POST /jobs: connection refused", mend="check the address"), None, {})
    clock.at += 11
    with pytest.raises(StopRun, match="for 11 s: POST /jobs: connection refused") as caught:
        asyncio.run(_pass(limited, 1))
    assert caught.value.mend == "check the address; nothing is lost: apply again when it is back"


def test_long_after_a_stop_somebody_may_try_again():
    limited, clock = limits(failures=1, patience_s=10)
    limited.went_wrong(Unavailable(""), None, {})
    clock.at += 21
    asyncio.run(_pass(limited, 1))


def test_a_refusal_is_a_living_platform():
    limited, clock = limits(failures=2, patience_s=1)
    limited.went_wrong(Unavailable(""), None, {})
    limited.went_wrong(Refused("", status=400), 400, {})
    limited.went_wrong(Unavailable(""), None, {})
    clock.at += 1.5
    asyncio.run(_pass(limited, 1))


def test_a_free_place_is_taken_without_waiting():
    limits = Limits(Rules(concurrency=2), Ticks(), Random(1))
    assert [limits.entered() for _ in range(3)] == [True, True, False]
    limits.leave()
    assert limits.entered()


@pytest.mark.parametrize("rules", [Rules(per_second=5.0), Rules()])
def test_a_rate_or_a_failing_platform_makes_everybody_enter_slowly(rules):
    limits = Limits(rules, Ticks(), Random(1))
    if rules.per_second is None:
        limits.went_wrong(Unavailable("no"), 500, {})
    assert not limits.entered()


def test_nobody_enters_during_a_common_pause():
    clock = Ticks()
    limits = Limits(Rules(), clock, Random(1))
    limits.went_well({"retry-after": "5"})  # says when this job is worth asking about
    assert limits.entered()
    limits.went_wrong(Unavailable("", status=429), 429, {"retry-after": "5"})
    assert not limits.entered()
    clock.at += 6
    assert limits.entered()
