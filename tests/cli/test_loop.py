import asyncio

import pytest

from runner.cli.loop import run


def test_what_is_run_gives_its_value_back():
    async def work():
        await asyncio.sleep(0)
        return 7

    assert run(work()) == 7


def test_errors_come_through():
    async def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run(fail())
