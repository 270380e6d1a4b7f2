import asyncio
import threading

import pytest

from runner.local import blocking


def steps(log):
    try:
        for number in range(5):
            log.append(threading.current_thread() is threading.main_thread())
            yield number
    finally:
        log.append("closed")


def test_walk_gives_every_step_from_a_thread():
    log = []

    async def gather():
        return [step async for step in blocking.walk(steps(log))]

    assert asyncio.run(gather()) == [0, 1, 2, 3, 4]
    assert log == [False] * 5 + ["closed"]


def test_walk_closes_when_left_early():
    log = []

    async def first():
        walk = blocking.walk(steps(log))
        async for _ in walk:
            break
        await walk.aclose()

    asyncio.run(first())
    assert log == [False, "closed"]


def test_walk_passes_errors_on():
    def broken():
        yield 1
        raise OSError("gone")

    async def gather():
        return [step async for step in blocking.walk(broken())]

    with pytest.raises(OSError, match="gone"):
        asyncio.run(gather())


def test_call_is_not_left_while_it_works():
    begun, go_on, log = threading.Event(), threading.Event(), []

    def work():
        begun.set()
        go_on.wait(10)
        log.append("done")

    async def cancelled():
        task = asyncio.create_task(blocking.call(work))
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        asyncio.get_running_loop().call_soon(go_on.set)
        await asyncio.gather(task, return_exceptions=True)
        return list(log), task.cancelled()

    assert asyncio.run(cancelled()) == (["done"], True)


def test_repeated_cancellation_waits_until_the_function_has_returned():
    begun, go_on, log = threading.Event(), threading.Event(), []

    def slow():
        try:
            begun.set()
            go_on.wait(10)
            yield 1
        finally:
            log.append("closed")

    async def cancelled():
        task = asyncio.create_task(anext(blocking.walk(slow())))
        await asyncio.to_thread(begun.wait, 10)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        before = (task.done(), list(log))
        go_on.set()
        await asyncio.gather(task, return_exceptions=True)
        return before, task.cancelled(), log

    assert asyncio.run(cancelled()) == ((False, []), True, ["closed"])
