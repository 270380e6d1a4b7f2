"""Reading results: every place that a manifest names, each found thing back to its item."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from runner import jsontext
from runner.model.errors import RecipeError
from runner.model.item import Json, Result
from runner.platforms.items import Seat
from runner.platforms.job_spec import JobSpec, Place
from runner.platforms.session import Session, reading
from runner.platforms.tree import Scope, Tree
from runner.platforms.walk import is_wanted, read_list, run_steps
from runner.transport.text import plain

NO_REASON = "the platform gave no reason"


@dataclass(frozen=True, slots=True)
class Keys:
    """From a token to the key of its item; a job of one item needs no token."""

    by_token: Mapping[str, str]
    only: str | None

    def of(self, place: Place, scope: Scope) -> str:
        """Return the key of the item that a found thing is for; a text that is no key when it is for none."""
        if place.item is None:
            return self.only or ""
        token = place.item(scope)
        return self.by_token.get(str(token), f"(unknown) {token}")


async def results(
    session: Session, spec: JobSpec, scope: Scope, seats: Sequence[Seat], reply: Callable[[], Awaitable[Json]]
) -> AsyncIterator[Sequence[Result]]:
    """Give the results of a terminal job, place by place.

    Args:
        session: of the connection.
        spec: of the target.
        scope: with `job`.
        seats: the job's items with their tokens.
        reply: gives poll's reply, for results that stand in it.

    Raises:
        Unavailable: a reply is not as the manifest expects; worth asking again.
    """
    scope = {**scope, "kept": {}}
    only = seats[0].item.key if len(seats) == 1 else None
    keys = Keys({seat.token: seat.item.key for seat in seats if seat.token is not None}, only)
    for place in spec.results:
        if place.step.call is None and "response" not in scope:
            scope["response"] = await reply()
        if not is_wanted(place.step.when, scope):
            continue
        if place.result is None:
            await run_steps(session, [place.step], scope)
            continue
        async for after, founds in _found(session, place, scope):
            yield [_result(place, keys, {**after, "found": found}) for found in founds]


async def _found(session: Session, place: Place, scope: Scope) -> AsyncIterator[tuple[Scope, Sequence[Json]]]:
    if place.step.call is not None:
        async for page in read_list(session, place.step, scope):
            yield page
        return
    with reading("poll"):
        founds = [scope["response"]] if place.step.each is None else place.step.each(scope)
    yield scope, founds or ()


def _result(place: Place, keys: Keys, scope: Scope) -> Result:
    """Make the result of one found thing; one that lacks what the manifest reads fails its item alone."""
    try:
        key = keys.of(place, scope)
    except RecipeError as error:
        return Result("(unknown)", error=error.problems[0].what)
    try:
        return _judged(place, key, scope)
    except RecipeError as error:
        said = _optional(place.error, scope) or error.problems[0].what
        return Result(key, error=f"the result is not as the manifest expects: {said}")


def _judged(place: Place, key: str, scope: Scope) -> Result:
    assert place.result is not None
    cost = _number(_optional(place.cost, scope))
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


def _number(value: Json) -> float | None:
    try:
        return None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None
