import asyncio

from runner.transport.clock import SystemClock


def test_the_real_clock_goes_on():
    clock = SystemClock()
    before = clock.monotonic()
    asyncio.run(clock.sleep(0))
    assert clock.monotonic() >= before
    assert clock.now() > 1_700_000_000


def test_the_boot_time_goes_on_and_counts_no_less_than_the_monotonic_clock():
    clock = SystemClock()
    before = clock.boot_time()
    assert clock.boot_time() >= before >= clock.monotonic() - 1
