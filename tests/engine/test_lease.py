import asyncio
import os
import subprocess
import sys
import time

import pytest

from runner.engine.lease import boot_time, holding, is_dead, pid_space, renewed, this_process
from runner.engine.stop import Stop
from runner.ledger.memory import MemoryLedger
from tests.engine.world import FastClock


@pytest.fixture
def gone():
    """A holder of this machine whose process has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return {**this_process({}), **pid_space(), "pid": process.pid}


def test_a_process_of_this_boot_that_is_gone_is_dead(gone):
    assert is_dead(gone)
    assert is_dead({**this_process({}), **pid_space(), "started": "1"})
    assert not is_dead({**this_process({}), **pid_space()})


@pytest.mark.parametrize("name", ["host", "machine", "boot", "pid_namespace"])
def test_a_holder_elsewhere_is_never_said_to_be_dead(gone, name):
    """A machine or container of the same hostname has other processes under the same pids."""
    assert not is_dead({**gone, name: "another"})
    assert not is_dead({key: value for key, value in gone.items() if key != name})


def test_a_lease_tells_until_when_it_may_be_used_on_two_clocks():
    async def hold():
        clock, ledger = FastClock(), MemoryLedger()
        before = boot_time()
        async with holding(ledger, "r", {"pid": os.getpid()}, clock, Stop()) as held:
            first, second = held(), await renewed(ledger, held(), clock)
        assert (first.until, second.until) == (clock.now() + 60.0, clock.now() + 60.0)
        assert before + 60.0 <= first.until_boot <= second.until_boot <= boot_time() + 60.0

    asyncio.run(hold())
    assert boot_time() >= time.monotonic() - 1.0
