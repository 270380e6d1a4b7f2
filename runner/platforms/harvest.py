"""Reading results: every place that a manifest names, each found thing back to its item."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from runner import jsontext
from runner.model.errors import JobLost, RecipeError, Refused, UnreadableReply
from runner.model.item import Json, Result
from runner.model.job import JobState, JobStatus
from runner.platforms.items import Seat
from runner.platforms.job_spec import JobSpec, Place
from runner.platforms.session import Session, reading
from runner.platforms.states import number_of
from runner.platforms.tree import MISFITS, Scope, Tree
from runner.platforms.walk import UnreadableLine, is_wanted, read_list, run_steps
from runner.transport.text import plain

NO_REASON: Final = "the platform gave no reason"
LACKING: Final = "undefined-value"
"""Slug of a problem: a template reads an undefined value."""
_MISFIT: Final = "the result is not as the manifest expects"
_GOOD: Final = (JobStatus.SUCCEEDED, JobStatus.PARTIAL)


@dataclass(frozen=True, slots=True)
class Keys:
    """Map tokens to item keys; a job of one item needs no token.

    Attributes:
        in_order: keys of the items that were sent, for results that only their position matches to them.
    """

    by_token: Mapping[str, str]
    only: str | None
    in_order: Sequence[str] = ()

    def of(self, place: Place, scope: Scope) -> str:
        """Return the key of the item that a found thing is for; a text that is no key when it is for none."""
        if place.item is None:
            return self.only or ""
        token = place.item(scope)
        return self.by_token.get(str(token), f"(unknown) {token}")

    def of_unreadable(self, piece: UnreadableLine) -> Result:
        """Return a placeholder for an unreadable line; its item is known when exactly one token is in the line."""
        text = piece.line.decode("utf-8", "replace")
        named = [key for token, key in self.by_token.items() if f'"{token}"' in text]
        key = named[0] if len(named) == 1 else (self.only or "(unknown)")
        return Result(key, error=str(piece), is_unreadable=True)


@dataclass(slots=True)
class Replies:
    """Poll's reply, for results that stand in it: the last one, or asked anew (after a restart there is none).

    Attributes:
        last: None when there is none.
        poll: asks once how the job stands.
    """

    last: Json
    poll: Callable[[], Awaitable[JobState]]
    is_fresh: bool = False

    async def any(self) -> Json:
        """Return the last reply."""
        return self.last if self.last is not None else await self.fresh()

    async def fresh(self) -> Json:
        """Ask again."""
        self.last, self.is_fresh = (await self.poll()).reply, True
        return self.last


async def results(
    session: Session, spec: JobSpec, scope: Scope, seats: Sequence[Seat], replies: Replies
) -> AsyncIterator[Sequence[Result]]:
    """Give the results of a terminal job, place by place.

    Args:
        session: of the connection.
        spec: of the target.
        scope: with `job`; a job that did not succeed gives only what is said of single items.
        seats: the job's items with their tokens.
        replies: for results that stand in poll's reply.

    Raises:
        UnreadableReply: a reply is not as the manifest expects; repeat the request, but not for ever.
    """
    scope["kept"] = {}
    only = seats[0].item.key if len(seats) == 1 else None
    refused = scope["job"].get("refused") or {}
    sent = [seat.item.key for seat in seats if not seat.problem and seat.item.key not in refused]
    keys = Keys({seat.token: seat.item.key for seat in seats if seat.token is not None}, only, sent)
    is_good = scope["job"]["status"] in _GOOD
    for place in spec.results:
        if not is_good and place.result is not None and place.item is None:
            continue  # the failure of the job is that of its only item
        if place.step.call is None:
            scope["response"] = await replies.any()
        if not is_wanted(place.step.when, scope):
            continue
        if place.result is None:
            await run_steps(session, [place.step], scope)
            continue
        if place.step.call is None:
            yield await _replied(place, keys, scope, replies)
            continue
        async for results in _listed(session, place, keys, scope):
            yield results


async def _listed(session: Session, place: Place, keys: Keys, scope: Scope) -> AsyncIterator[Sequence[Result]]:
    """Read the results of a list; one that ended early is asked again, it must not look like missing results."""
    count, total = 0, None
    unreadable: list[UnreadableLine] = []
    kept: list[Scope] = []
    async for after, founds in read_list(session, place.step, scope, unreadable=unreadable):
        count += len(founds)
        with reading("a list of results"):
            said = None if place.total is None else place.total(after)
            total = total if said is None else said
            ours = [one for found in founds if _is_ours(place, keys, one := {**after, "found": found})]
        if place.by_position:
            kept += ours
        else:
            yield [_result(place, keys, one) for one in ours]
    if place.by_position:
        yield _positioned(place, keys, kept, unreadable)
    elif unreadable:
        yield [keys.of_unreadable(one) for one in unreadable]
    if isinstance(total, int | float) and count + len(unreadable) < total:
        raise UnreadableReply(f"the platform says that there are {total:,} results, but listed {count:,}")


def _positioned(
    place: Place, keys: Keys, founds: Sequence[Scope], unreadable: Sequence[UnreadableLine] = ()
) -> Sequence[Result]:
    """Match results to items by their order; with one too few or too many, none can be matched.

    Raises:
        UnreadableReply: there are not as many as items were sent.
    """
    if len(founds) + len(unreadable) != len(keys.in_order) or (unreadable and place.step.match is not None):
        what = f"the platform gave {len(founds):,} results for {len(keys.in_order):,} items"
        raise UnreadableReply(f"{what}, and its manifest matches them by position: none can be matched")
    lost = {one.number: one for one in unreadable}
    places = [number for number in range(1, len(keys.in_order) + 1) if number not in lost]
    good = [_made(place, keys.in_order[at - 1], one) for at, one in zip(places, founds, strict=True)]
    return [*good, *(Result(keys.in_order[at - 1], error=str(one), is_unreadable=True) for at, one in lost.items())]


def _is_ours(place: Place, keys: Keys, scope: Scope) -> bool:
    if place.step.match is not None and not place.step.match.is_true(scope):
        return False
    if place.others is None or place.item is None or place.others(scope) != "skip":
        return True
    return str(place.item(scope)) in keys.by_token


async def _replied(place: Place, keys: Keys, scope: Scope, replies: Replies) -> Sequence[Result]:
    """Read the results in poll's reply; when it lacks them (it was the submit's reply), poll once more.

    A reply that lacks something as a whole misfits the manifest; a single bad answer in it (no JSON in the text of a
    model) fails its item.

    Raises:
        UnreadableReply: the reply lacks what the manifest reads, and asking again did not help.
    """
    try:
        return _found_in_reply(place, keys, scope, is_last=replies.is_fresh)
    except (RecipeError, UnreadableReply) as error:
        what = error.problems[0].what if isinstance(error, RecipeError) else error.what
        lacking = UnreadableReply(f"the reply to poll is not as the manifest expects: {what}")
        if replies.is_fresh:
            raise lacking from error
    try:
        scope["response"] = await replies.fresh()
    except (JobLost, Refused) as error:  # a synchronous platform that stores no job
        raise lacking from error
    return await _replied(place, keys, scope, replies)


def _found_in_reply(place: Place, keys: Keys, scope: Scope, *, is_last: bool) -> Sequence[Result]:
    """Read the results in a reply; RecipeError: it lacks something, in its last form only as a whole."""
    founds = [scope["response"]] if place.step.each is None else place.step.each(scope) or ()
    ours = [{**scope, "found": found} for found in founds]
    if place.by_position:
        return _positioned(place, keys, [one for one in ours if _is_ours(place, keys, one)])
    results = []
    for one in ours:
        try:
            results.append(_judged(place, keys.of(place, one), one))
        except RecipeError as error:
            is_lacking = error.problems[0].slug == LACKING
            if is_lacking and not (is_last and place.step.each is not None):
                raise
            results.append(_result(place, keys, one))
        except MISFITS:
            results.append(_result(place, keys, one))
    return results


def _result(place: Place, keys: Keys, scope: Scope) -> Result:
    """Return the result of one entry of a reply; an entry that lacks something fails its item alone.

    An entry of which only the lack is known is unreadable; a job with nothing else misfits the manifest.
    """
    try:
        key = keys.of(place, scope)
    except RecipeError as error:
        return Result("(unknown)", error=f"{_MISFIT}: {error.problems[0].what}", is_unreadable=True)
    return _made(place, key, scope)


def _made(place: Place, key: str, scope: Scope) -> Result:
    try:
        return _judged(place, key, scope)
    except RecipeError as error:
        said, problem = _optional(place.error, scope), error.problems[0]
        is_lacking = not said and problem.slug == LACKING
        return Result(key, error=f"{_MISFIT}: {said or problem.what}", is_unreadable=is_lacking)
    except MISFITS as error:
        return Result(key, error=f"{_MISFIT}: {type(error).__name__}: {error}")


def _judged(place: Place, key: str, scope: Scope) -> Result:
    assert place.result is not None
    cost = number_of(_optional(place.cost, scope))
    if not place.is_error and place.failed is not None and not place.failed.reads("result"):
        # Asked before the result is grown: a failed one often lacks it.
        if place.failed.is_true(scope):
            return Result(key, error=_said(place, scope), cost=cost)
        return Result(key, place.result(scope), cost=cost)
    if place.is_error:
        return Result(key, error=_said(place, scope), cost=cost)
    value = place.result(scope)
    scope = {**scope, "result": value}
    if place.failed is not None and place.failed.is_true(scope):
        return Result(key, error=_said(place, scope), cost=cost)
    return Result(key, value, cost=cost)


def _said(place: Place, scope: Scope) -> str:
    said = _optional(place.error, scope)
    return plain(said if isinstance(said, str) else jsontext.write(said).decode()) if said else NO_REASON


def _optional(tree: Tree | None, scope: Scope) -> Json:
    try:
        return None if tree is None else tree(scope)
    except RecipeError:
        return None
