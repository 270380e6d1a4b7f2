"""A lost job is looked for by the platform's time, whatever this machine's clock says."""

import asyncio

import httpx
import pytest

from runner.model.secret import Secret
from tests.platforms.made import PLACE, SECRET, item, job, over
from tests.transport.doubles import Ticks

DATE = "Mon, 12 Jan 1970 13:46:40 GMT"  # 1,000,000
YEARS = 500_000_000.0


class Listing:
    """One job, made at 999,990; `since` hides what is older."""

    def __init__(self):
        self.asked = []

    def __call__(self, request):
        since = float(request.url.params.get("since", 0))
        self.asked.append(since)
        jobs = [{"id": "j1", "key": "0123456789abcdef" * 2}] if since <= 999_990 else []
        return httpx.Response(200, json={"jobs": jobs, "next_cursor": None}, headers={"date": DATE})


@pytest.mark.parametrize("sent_at", [999_990.0, 1_000_000.0 + YEARS, 999_990.0 - YEARS, None])
def test_a_job_that_was_sent_by_a_wrong_clock_is_found(sent_at):
    listing = Listing()
    clock = Ticks(1_000_000.0 + YEARS)
    fields = {"base_url": "https://api.example.com/v1", "token": Secret(SECRET)}
    target = over(listing, "jobs", fields, clock=clock).target("jobs.job", {}, PLACE)

    async def looked_for():
        one = job(item("a"), sent_at=sent_at)
        return [await target.find(one), await target.find(one)]

    first, second = asyncio.run(looked_for())
    assert second is not None
    assert (second.id, first is None or first.id == "j1") == ("j1", True)
