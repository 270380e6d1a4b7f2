import asyncio
import gc

import pytest

from runner.cli.loop import run
from runner.model.repeat import report_retry


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


async def collector():
    return gc.get_threshold(), gc.get_freeze_count()


def test_cycles_are_looked_for_seldom_while_a_command_works():
    usual = gc.get_threshold()
    within, frozen = run(collector())
    assert within[0] > usual[0]
    assert frozen > 0


def test_the_collector_is_as_before_afterwards():
    usual = gc.get_threshold()
    run(collector())
    assert (gc.get_threshold(), gc.get_freeze_count()) == (usual, 0)


def test_why_something_is_repeated_is_told_once(capsys: pytest.CaptureFixture[str]):
    async def work():
        for why in ("down", "down", "refused", "down"):
            report_retry(why)

    run(work())
    report_retry("after the command")
    assert capsys.readouterr().err == "trying again: down\ntrying again: refused\n"
