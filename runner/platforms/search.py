"""Search a listing of the platform for a job whose reply was lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from runner.model.errors import JobLost, Refused, Unavailable
from runner.model.item import Json
from runner.model.job import Job, Submitted
from runner.platforms.job_spec import JobSpec, Looking
from runner.platforms.session import Session, reading
from runner.platforms.tree import Scope
from runner.platforms.walk import all_matched, is_wanted, keep, run_steps

LOOKED_BACK_S: Final = 7_776_000.0
"""How far back a lost job is looked for when its send time is unknown: 90 days."""
MOST_FOUND: Final = 100
"""Most candidates for a lost job that a search returns."""


async def find_all(
    session: Session, spec: JobSpec, job: Job, scope_of: Callable[[Job], Scope], most: int
) -> Sequence[Submitted]:
    """Return the jobs of the listing that match, at most so many.

    Raises:
        RunnerError: the search failed; see `Finding.find`.
    """
    find = spec.find
    assert find is not None
    now = session.client.platform_now()
    if job.sent_at is not None and job.sent_at > now:
        job = replace(job, sent_at=now - LOOKED_BACK_S)  # it was sent by a clock that was wrong
    scope = {**scope_of(job), "now": now}
    kept: dict[str, Json] = scope["job"]
    scope["kept"] = kept
    try:
        await run_steps(session, find.before, scope)
        wanted = is_wanted(find.step.when, scope)
        matches = await all_matched(session, find.step, scope, most) if wanted else []
    except (Refused, JobLost) as error:  # never to be taken for "not there"
        raise Unavailable(error.what, mend=error.mend) from error
    return [_submitted(spec, find, match, dict(kept)) for match in matches]


def _submitted(spec: JobSpec, find: Looking, match: Scope, kept: dict[str, Json]) -> Submitted:
    keep(find.step.keep, match, kept)
    with reading("the listing of jobs"):
        id_ = str(find.id(match))
    return Submitted(id_, {name: kept[name] for name in spec.kept if kept.get(name) is not None})
