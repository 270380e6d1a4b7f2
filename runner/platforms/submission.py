"""Submit one job: send the paying request, search for the job if the reply does not name it, read the first state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from runner.model.errors import Indeterminate, RecipeError, RunnerError, UnexpectedReply
from runner.model.item import Json
from runner.model.job import Find, Job, JobState, JobStatus, Submitted
from runner.platforms.job_spec import JobSpec
from runner.platforms.session import Permit, Session
from runner.platforms.submit_spec import Submitting
from runner.platforms.submitting import kept_reply, misfit, read_id, read_kept, send
from runner.platforms.tree import Scope
from runner.platforms.turns import Turns

FindJob: TypeAlias = Callable[[Job], Awaitable[Submitted | None]]


@dataclass(frozen=True, slots=True)
class Submission:
    """Submission of one job.

    Attributes:
        way: chosen by the job, with a call.
        told: values stored with the job, regardless of the reply.
    """

    session: Session
    spec: JobSpec
    way: Submitting
    job: Job
    told: Mapping[str, Json]

    async def send(self, scope: Scope, turns: Turns, find: FindJob) -> Submitted:
        """Send the paying request once, and read its reply; errors as `Target.submit`.

        Args:
            scope: of the job.
            turns: of the connection's paying requests.
            find: looks for the job in the platform's listing.
        """
        job = self.job
        try:
            sent = await send(self.session, self.way, scope, self.spec.name, Permit(job in turns, job.not_after))
            if not sent.id:
                unnamed = misfit(self.session, sent.answer, "submit.id gives nothing")
                if unnamed.is_failure or self.spec.find is None:
                    raise unnamed
        except UnexpectedReply as error:
            turns.leave(job)  # a search needs slots, too, and searching jobs could hold them all
            return await self._found_or(error, find)
        except Indeterminate as error:
            if error.status is None or not 200 <= error.status < 300:
                raise
            turns.leave(job)
            return await self._found(find, self.told, f"accepted, but {error.what}", error.status)
        kept, poll_after_s = {**sent.kept, **self.told}, self.session.poll_after_s(sent.answer)
        if sent.id:
            return self._accepted(sent.id, sent.scope, kept, kept_reply(sent.answer), poll_after_s)
        turns.leave(job)
        return await self._found(find, kept, "accepted, but the reply has no id", sent.answer.reply.status)

    def reread(self, after: Scope, reply: Mapping[str, Json]) -> Submitted | None:
        """Read a kept reply again, with a manifest that may have been corrected; None when it still names no job.

        Args:
            after: scope of the job, with the reply.
            reply: as it is kept.
        """
        id_, _ = read_id(self.way, after)
        return self._accepted(id_, after, {**read_kept(self.way, after), **self.told}, reply, None) if id_ else None

    async def _found_or(self, error: UnexpectedReply, find: FindJob) -> Submitted:
        """Search once for the job of a reply that does not fit; raise its error when no exact listing has it."""
        if error.stop is not None or self.spec.capabilities.find is not Find.EXACT:
            raise error
        try:
            found = await find(self.job)
        except RunnerError:
            found = None
        if found is None:
            raise error
        return Submitted(found.id, {**self.told, **found.kept}, misfit=error.what)

    async def _found(self, find: FindJob, kept: Mapping[str, Json], why: str, status: int) -> Submitted:
        """Search at once for a job whose reply does not name it; it exists, so the job that is found is this one.

        Only where several jobs that look alike may be on their way, a likely one may just as well be another.
        """
        capabilities = self.spec.capabilities
        if capabilities.find is Find.PROBABLE and capabilities.jobs_at_once != 1:
            raise Indeterminate(why, status=status)
        try:
            found = None if self.spec.find is None else await find(self.job)
        except RunnerError as error:
            raise Indeterminate(f"{why}; {error.what}", status=status, mend=error.mend) from error
        if found is None:
            raise Indeterminate(why, status=status)
        return Submitted(found.id, {**kept, **found.kept})

    def _accepted(
        self, id_: str, after: Scope, kept: Mapping[str, Json], reply: Mapping[str, Json], poll_after_s: float | None
    ) -> Submitted:
        """Return the accepted job; a reply without a readable state is kept: it may hold the only result."""
        if not self.way.status_in_reply:
            state = None if poll_after_s is None else JobState(JobStatus.RUNNING, poll_after_s=poll_after_s)
            return Submitted(id_, kept, state)
        try:
            state = state_of(self.spec, self.session, after, poll_after_s)
        except RecipeError as error:
            problem = f"the reply to the submit lacks the state of the job: {error.problems[0].what}"
            return Submitted(id_, {**kept, **reply}, misfit=problem)
        if state.status is JobStatus.HELD:
            problem = f"the reply to the submit says {state.word!r}, which the manifest does not know"
            return Submitted(id_, {**kept, **reply}, misfit=problem)
        if state.is_terminal and (not is_settled(state) or state.bad_items):
            return Submitted(id_, {**kept, **reply})  # poll may give the reason, and knows the items by their names
        holds_results = state.is_terminal and all(place.step.call is None for place in self.spec.results)
        return Submitted(id_, kept, state, reply if holds_results else {})


def first_state(spec: JobSpec, session: Session, scope: Scope) -> JobState | None:
    """Read the state of a job from the kept reply to its submit; None when the manifest still cannot read it.

    Args:
        spec: of the target.
        session: of the connection.
        scope: of the job, with the kept reply.
    """
    try:
        return state_of(spec, session, scope, None)
    except RecipeError:
        return None


def state_of(spec: JobSpec, session: Session, scope: Scope, poll_after_s: float | None) -> JobState:
    """Read the state of a job, with secrets redacted in the platform's words."""
    state = spec.poll.states.read(scope, poll_after_s)
    return replace(state, error=session.client.hidden(state.error)) if state.error else state


def is_settled(state: JobState) -> bool:
    """Whether a state is final and says all that a poll could say."""
    return state.is_terminal and (state.status is JobStatus.SUCCEEDED or bool(state.error))


def refuse_old_key(spec: JobSpec, session: Session, job: Job) -> None:
    """Raise Indeterminate for a job that was sent under a key which the platform may have forgotten."""
    lifetime_s = spec.key_lifetime_s
    if lifetime_s is None or job.sent_at is None:
        return
    age_s = session.clock.now() - job.sent_at
    if age_s > lifetime_s:
        raise Indeterminate(f"sent {age_s:,.0f} s ago; the platform remembers keys for {lifetime_s:,.0f} s only")
