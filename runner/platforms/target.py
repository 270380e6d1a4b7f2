"""A target that a manifest describes: prepare, upload, submit, find, poll, results, cancel.

A power that the manifest does not describe is not there: `isinstance(target, Finding)` tells the truth, because the
verbs of optional contracts are attached only when they can be done.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from runner import jsontext
from runner.model.errors import (
    AuthError,
    ItemUnreadable,
    JobLost,
    RecipeError,
    Refused,
    RunnerError,
)
from runner.model.item import Item, Json, Result
from runner.model.job import Capabilities, Change, Estimate, Job, JobState, JobStatus, Submitted
from runner.platforms import forecast, harvest, search
from runner.platforms.items import Seat, seated, viewed
from runner.platforms.job_spec import JobSpec
from runner.platforms.login import judges_refusals
from runner.platforms.options import Options
from runner.platforms.search import MOST_FOUND
from runner.platforms.session import Session, reading
from runner.platforms.submission import Submission, first_state, is_settled, refuse_old_key, state_of
from runner.platforms.submitting import NOTHING, REPLY, chosen
from runner.platforms.task_group import run_all
from runner.platforms.tree import Scope, text_of
from runner.platforms.turns import Turns
from runner.platforms.walk import matched, read_list, run_checks, run_steps

UPLOADS: Final = 8
"""Files of one job that are sent at one time; the connection's limits hold besides."""
REFUSED: Final = "refused"
UPLOADED: Final = "uploads"


class PlatformTarget:
    """One kind of target on one connection; the optional verbs are set in `__init__`."""

    prepare: Callable[[Job], Awaitable[Mapping[str, Json]]]
    find: Callable[[Job], Awaitable[Submitted | None]]
    find_all: Callable[[Job], Awaitable[Sequence[Submitted]]]
    cancel: Callable[[Job], Awaitable[None]]
    estimate: Callable[[int], Awaitable[Estimate]]
    compare: Callable[[], Awaitable[Sequence[Change]]]
    poll_many: Callable[[Sequence[Job]], Awaitable[Mapping[str, JobState]]]
    clean_up: Callable[[Job], Awaitable[None]]
    leaves: Callable[[], str]
    url: Callable[[Job], str | None]
    predicted: Callable[[Sequence[Item]], Awaitable[Collection[str]]]

    def __init__(self, session: Session, spec: JobSpec, options: Options, recipe: Mapping[str, Json]) -> None:
        """Build it; nothing is sent.

        Args:
            session: of the connection.
            spec: of the kind.
            options: what the recipe says.
            recipe: `subset` and `skip` of the stage, for platforms that choose items themselves.
        """
        self._session, self._spec, self._options, self._recipe = session, spec, options, recipe
        at_once = all(way.status_in_reply for way in spec.submit)
        self.turns = Turns(session.client.limits, answers_at_once=at_once)
        self._known: frozenset[str] | None = None
        self._unkept: Mapping[str, Json] = dict.fromkeys(spec.kept)
        powers = {
            "prepare": (self._prepare, spec.prepare or spec.upload),
            "find": (self._find, spec.find),
            "find_all": (self._find_all, spec.find),
            "cancel": (self._cancel, spec.cancel),
            "estimate": (self._estimate, spec.estimate),
            "compare": (self._compare, spec.compare),
            "predicted": (self._predicted, spec.predicted),
            "poll_many": (self._poll_many, spec.poll_many),
            "clean_up": (self._clean_up, spec.cleanup),
            "leaves": (lambda: text_of(spec.leaves, self._scope()) or "", spec.leaves),
            "url": (lambda job: text_of(spec.url, self._job_scope(job)), spec.url),
        }
        for name, (verb, is_described) in powers.items():
            if is_described:
                setattr(self, name, verb)

    @property
    def manifest(self) -> str:
        """Digest of the manifest and of this kind of target in it."""
        return jsontext.digest([self._session.manifest.value, self._spec.name]).hex()

    @property
    def capabilities(self) -> Capabilities:
        """What it can do and promises."""
        return self._spec.capabilities

    async def check(self) -> None:
        """Try the login, and what the manifest checks before anything is paid."""
        await self._session.check()
        await run_checks(self._session, self._spec.check, self._scope(kept={}))

    # -- the paid work
    @judges_refusals
    async def submit(self, job: Job) -> Submitted:
        """Send the paying request, once; errors as in the contract."""
        spec = self._spec
        refuse_old_key(spec, self._session, job)
        scope, refused = self._submit_scope(job, pays=True)
        told = {REFUSED: refused} if refused else {}
        way = chosen(spec.submit, scope)
        if way.call is None:
            return Submitted(NOTHING, told, JobState(JobStatus.SUCCEEDED, NOTHING))
        request = Submission(self._session, spec, way, job, told)
        try:
            return await request.send(scope, self.turns, self._find)
        except Refused as error:
            error.items = self._keys_of(job, error.items)
            raise

    def reread(self, job: Job) -> Submitted | None:
        """Read the kept reply to a job's submit again; None without one, or when it still names no job."""
        reply: Mapping[str, Json] | None = job.kept.get(REPLY)
        if reply is None:
            return None
        try:
            scope, refused = self._submit_scope(job, pays=True)
            request = Submission(
                self._session, self._spec, chosen(self._spec.submit, scope), job, {REFUSED: refused} if refused else {}
            )
            return request.reread({**scope, "headers": {}, **reply}, {REPLY: reply})
        except RunnerError:
            return None

    async def poll(self, job: Job) -> JobState:
        """Ask once how the job stands; errors as in the contract."""
        if job.id == NOTHING:
            return JobState(JobStatus.SUCCEEDED, NOTHING)
        state = await self._asked_or_read(job)
        return replace(state, bad_items=self._keys_of(job, state.bad_items)) if state.bad_items else state

    async def _asked_or_read(self, job: Job) -> JobState:
        if REPLY not in job.kept:
            return await self._asked(job)
        first = first_state(self._spec, self._session, {**self._job_scope(job), "headers": {}, **job.kept[REPLY]})
        if first is not None and is_settled(first):
            return first
        try:
            return await self._asked(job)
        except JobLost:
            if first is None:
                raise
            return first  # a synchronous platform that stores no job: only this reply has the results

    @judges_refusals
    async def _asked(self, job: Job) -> JobState:
        poll = self._spec.poll
        scope = self._job_scope(job)
        try:
            if poll.step.match is not None:
                found = await matched(self._session, poll.step, scope)
                if found is None:
                    raise JobLost(f"the listing has no job {job.id!r}")
                after = {**found, "response": found["found"]}
                poll_after_s = None
            else:
                assert poll.step.call is not None
                answer = await self._session.ask(poll.step.call, scope)
                after, poll_after_s = scope | answer.scope(), self._session.poll_after_s(answer)
            kept: dict[str, Json] = {}
            after["kept"] = kept
            if poll.then:
                await run_steps(self._session, poll.then, after)
        except Refused as error:
            raise self._lost(error, job) from error
        with reading("poll"):
            state = state_of(self._spec, self._session, after, poll_after_s)
        fresh = {name: value for name, value in kept.items() if value is not None}
        return replace(state, kept={**state.kept, **fresh}) if fresh else state

    async def results(self, job: Job, state: JobState) -> AsyncIterator[Sequence[Result]]:
        """Give the results of a terminal job; errors as in the contract."""
        scope = self._job_scope(job)
        seats = seated(job.items, self._spec.token, scope, self._options.over)
        refused: Mapping[str, Json] = job.kept.get(REFUSED) or {}
        if refused:
            yield [Result(key, error=str(error)) for key, error in refused.items()]
        scope["job"]["status"] = str(state.status)
        replies = harvest.Replies(state.reply, lambda: self.poll(job))
        try:
            hidden = self._session.client.hidden
            async for batch in harvest.results(self._session, self._spec, scope, seats, replies):
                if any(one.error for one in batch):
                    batch = [replace(one, error=hidden(one.error)) if one.error else one for one in batch]
                yield batch
        except (Refused, JobLost, AuthError) as error:
            if isinstance(error, AuthError):
                raise await self._session.judge_refusal(error, job.key) from error
            if state.status not in (JobStatus.SUCCEEDED, JobStatus.PARTIAL):
                return  # a failed job need not have results
            raise (self._lost(error, job) if isinstance(error, Refused) else error) from error

    # -- optional verbs
    @judges_refusals
    async def _prepare(self, job: Job) -> Mapping[str, Json]:
        """Do the unpaid steps; an item that is refused at its upload fails alone."""
        spec = self._spec
        scope, refused = self._submit_scope(job, shows_items=spec.shows_items)
        kept: dict[str, Json] = scope["job"]
        scope["kept"] = kept
        try:
            await run_steps(self._session, spec.prepare, scope)
            uploads = await self._upload(job, scope, refused) if spec.upload else {}
        except RecipeError as error:
            raise Refused(str(error)) from error
        if len(refused) == len(job.items):
            raise Refused("; ".join(dict.fromkeys(refused.values())))
        found = {name: kept[name] for name in spec.kept if kept.get(name) is not None}
        return {**found, **({UPLOADED: uploads} if uploads else {}), **({REFUSED: refused} if refused else {})}

    async def _upload(self, job: Job, scope: Scope, refused: dict[str, str]) -> dict[str, Json]:
        """Run the upload steps of every item, some at one time; return what is kept of each."""
        waiting = iter([seat for seat in self._seats(job) if seat.item.key not in refused])
        uploads: dict[str, Json] = {}

        async def work() -> None:
            for seat in waiting:
                try:
                    given = await self._upload_one(seat, scope)
                except (Refused, ItemUnreadable) as error:
                    refused[seat.item.key] = str(error)
                else:
                    if given:
                        uploads[seat.item.key] = given

        await run_all([work() for _ in range(min(UPLOADS, len(job.items)))])
        return uploads

    @judges_refusals
    async def _upload_one(self, seat: Seat, scope: Scope) -> dict[str, Json]:
        one = {**scope, "item": viewed(seat), "options": self._options.over(seat.item.value), "kept": {}}
        await run_steps(self._session, self._spec.upload, one)
        with reading("an upload"):
            return {name: tree(one) for name, tree in self._spec.uploaded.items()}

    async def _find(self, job: Job) -> Submitted | None:
        """Look for a job whose reply was lost."""
        found = await self._find_all(job, most=1)
        return found[0] if found else None

    async def _find_all(self, job: Job, *, most: int = MOST_FOUND) -> Sequence[Submitted]:
        """Return all jobs that may be one whose reply was lost."""
        return await search.find_all(self._session, self._spec, job, self._job_scope, most)

    async def _cancel(self, job: Job) -> None:
        """Ask the platform to cancel the job."""
        call = self._spec.cancel
        assert call is not None
        await self._session.ask(call, self._job_scope(job))

    async def _estimate(self, items: int) -> Estimate:
        """Ask what new items would cost."""
        pricing = self._spec.estimate
        assert pricing is not None
        return await forecast.estimate(self._session, pricing, self._scope(count=items, kept={}))

    async def _compare(self) -> Sequence[Change]:
        """Ask what the next submit would make or change besides its job."""
        comparison = self._spec.compare
        assert comparison is not None
        return await forecast.compare(self._session, comparison, self._scope(kept={}))

    async def _predicted(self, items: Sequence[Item]) -> Collection[str]:
        spec = self._spec.predicted
        assert spec is not None
        seats = [
            seat for seat in seated(items, self._spec.token, self._scope(), self._options.over) if not seat.problem
        ]
        scopes = [self._scope(item=viewed(seat)) | {"options": self._over(seat.item)} for seat in seats]
        if scopes and self._known is None:
            self._known = await forecast.predicted(self._session, spec, {**scopes[0], "kept": {}})
        with reading("the item"):
            known = [str(spec.item(scope)) in (self._known or ()) for scope in scopes]
        return {seat.item.key for seat, is_known in zip(seats, known, strict=True) if is_known}

    async def _poll_many(self, jobs: Sequence[Job]) -> Mapping[str, JobState]:
        """Read the states of many jobs from one listing; those that it does not show are left out."""
        spec = self._spec.poll_many
        assert spec is not None
        wanted = {job.id: job.key for job in jobs if job.id is not None}
        sent = [job.sent_at for job in jobs if job.sent_at is not None]
        accepted = [job.accepted_at for job in jobs if job.accepted_at is not None]
        facts = {"sent_at": min(sent, default=None), "accepted_at": min(accepted, default=None), "count": len(jobs)}
        states: dict[str, JobState] = {}
        async for after, founds in read_list(self._session, spec.step, self._scope(job=facts)):
            for found in founds:
                one = {**after, "found": found, "response": found}
                with reading("the listing of jobs"):
                    key = wanted.pop(str(spec.id(one)), None)
                    state = state_of(self._spec, self._session, one, None) if key is not None else None
                    if key is not None and state is not None and not state.bad_items:  # else it is polled alone
                        states[key] = state
            if not wanted:
                break
        return states

    async def _clean_up(self, job: Job) -> None:
        """Remove what the job left on the platform; its results are safe."""
        await run_steps(self._session, self._spec.cleanup, {**self._job_scope(job), "kept": {}})

    # -- scopes
    def _scope(self, **more: Json) -> Scope:
        return self._session.scope(options=self._options.over(), recipe=self._recipe, **more)

    def _job_scope(self, job: Job) -> Scope:
        facts: dict[str, Json] = {
            **self._unkept,
            **job.kept,
            "key": job.key,
            "attempt": job.attempt,
            "id": job.id,
            "sent_at": job.sent_at,
            "accepted_at": job.accepted_at,
            "count": len(job.items),
            "status": None,
        }
        return self._scope(job=facts)

    def _keys_of(self, job: Job, named: Collection[str]) -> frozenset[str]:
        """Return the keys of the items that the platform named by token, or by number as `#2`."""
        seats = self._seats(job) if named else ()
        return frozenset(seat.item.key for seat in seats if seat.token in named or f"#{seat.number}" in named)

    def _seats(self, job: Job) -> Sequence[Seat]:
        return seated(job.items, self._spec.token, self._scope(), self._options.over)

    def _submit_scope(self, job: Job, *, shows_items: bool = True, pays: bool = False) -> tuple[Scope, dict[str, str]]:
        """Return what prepare and submit read, and the items that cannot take part, with the reason."""
        scope = self._job_scope(job)
        known: Mapping[str, str] = job.kept.get(REFUSED) or {}
        if pays and self._spec.shows_items and not self._spec.submits_items and len(job.items) > 1:
            return scope, dict(known)  # only prepare reads what all items give: it is not made again
        seats = seated(job.items, self._spec.token, scope, self._options.over)
        if known:
            seats = [seat for seat in seats if seat.item.key not in known]
        refused = {**known, **{seat.item.key: seat.problem for seat in seats if seat.problem}}
        uploads: Mapping[str, Json] = job.kept.get(UPLOADED) or {}
        if shows_items and self._spec.element is not None:
            scope["items"] = self._elements(scope, seats, uploads, refused)
        if len(job.items) == 1 and seats:
            item = seats[0].item
            scope["item"] = viewed(seats[0], uploads.get(item.key))
            scope["options"] = self._over(item)
        return scope, refused

    def _elements(
        self, scope: Scope, seats: Iterable[Seat], uploads: Mapping[str, Json], refused: dict[str, str]
    ) -> list[Json]:
        """Grow the element of every item; one that cannot be grown is refused alone."""
        element = self._spec.element
        assert element is not None
        grown = []
        for seat in seats:
            if seat.problem:
                continue
            try:
                options = self._options.over(seat.item.value)
                grown.append(element({**scope, "item": viewed(seat, uploads.get(seat.item.key)), "options": options}))
            except RecipeError as error:
                refused[seat.item.key] = error.problems[0].what
        if not grown:
            raise Refused("; ".join(dict.fromkeys(refused.values())))
        return grown

    def _over(self, item: Item) -> Mapping[str, Json]:
        try:
            return self._options.over(item.value)
        except RecipeError as error:
            raise Refused(error.problems[0].what, mend=error.problems[0].mend) from error

    # -- what replies mean
    def _lost(self, error: Refused, job: Job) -> RunnerError:
        """Return JobLost when the platform no longer knows the job."""
        if error.status is None or not self._spec.poll.lost(error.status):
            return error
        age_s = self._session.clock.now() - (job.accepted_at or self._session.clock.now())
        kept_s = self._spec.retention_s
        late = kept_s is not None and age_s > kept_s
        why = f"; the platform keeps jobs for {kept_s:,.0f} s, this one is {age_s:,.0f} s old" if late else ""
        return JobLost(f"{error.what}{why}")
