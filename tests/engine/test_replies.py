"""How an apply learns from replies whether the manifest fits, and how many requests may wait for the first reply."""

import asyncio

from runner.engine.replies import FIRST_REQUESTS, MISFITS_IN_A_ROW, ReplyMonitor
from runner.model.errors import UnexpectedReply
from runner.model.job import Job

JOBS = [Job(f"{number:032x}", 1, ()) for number in range(20)]
MISFIT = UnexpectedReply("no field 'id'")


def test_three_requests_may_wait_for_the_first_reply():
    replies = ReplyMonitor(is_understood=False)
    assert [replies.try_enter(job) for job in JOBS[:5]] == [True, True, True, False, False]
    assert replies.try_enter(JOBS[0])
    replies.leave(JOBS[0])
    assert [replies.try_enter(job) for job in JOBS[3:5]] == [True, False]


def test_a_known_manifest_admits_everything():
    replies = ReplyMonitor(is_understood=True)
    assert all(replies.try_enter(job) for job in JOBS)


def test_the_place_of_a_misfit_is_not_given_to_another_request():
    replies = ReplyMonitor(is_understood=False)
    assert all(replies.try_enter(job) for job in JOBS[:3])
    stops = [replies.misfits(MISFIT, job) for job in JOBS[:3]]
    assert [stop is None for stop in stops] == [True, True, False]
    assert "first 3 replies" in str(stops[-1])
    assert not replies.try_enter(JOBS[3])


def test_who_waits_is_admitted_when_a_reply_was_understood():
    async def run():
        replies = ReplyMonitor(is_understood=False)
        for job in JOBS[:FIRST_REQUESTS]:
            await replies.enter(job)
        waiting = [asyncio.create_task(replies.enter(job)) for job in JOBS[FIRST_REQUESTS:]]
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        replies.fits()
        await asyncio.gather(*waiting)

    asyncio.run(run())


def test_many_misfits_in_a_row_stop_a_run_that_began_well():
    replies = ReplyMonitor(is_understood=True)
    replies.fits()
    stops = [replies.misfits(MISFIT, JOBS[0]) for _ in range(MISFITS_IN_A_ROW - 1)]
    assert stops == [None] * (MISFITS_IN_A_ROW - 1)
    replies.fits()
    stops = [replies.misfits(MISFIT, JOBS[0]) for _ in range(MISFITS_IN_A_ROW)]
    assert [stop is not None for stop in stops] == [False] * (MISFITS_IN_A_ROW - 1) + [True]


def test_three_misfits_stop_a_run_of_a_manifest_that_fitted_in_an_earlier_run():
    replies = ReplyMonitor(is_understood=True)
    assert [replies.misfits(MISFIT) is None for _ in range(3)] == [True, True, False]


def test_a_reply_to_a_submit_does_not_excuse_later_misfits():
    replies = ReplyMonitor(is_understood=True)
    stops = []
    for _ in range(3):
        replies.fits()
        stops.append(replies.misfits(MISFIT))
    assert [stop is not None for stop in stops] == [False, False, True]
    replies.job_fits()
    assert [replies.misfits(MISFIT) for _ in range(MISFITS_IN_A_ROW - 1)] == [None] * (MISFITS_IN_A_ROW - 1)
