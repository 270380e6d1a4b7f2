"""Sending the paying request: which one a job needs, and what its reply means."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from runner.model.errors import Indeterminate, ItemUnreadable, RecipeError, Refused, RunnerError
from runner.model.item import Json
from runner.platforms.session import Session
from runner.platforms.submit_spec import Submitting
from runner.platforms.tree import Scope
from runner.platforms.verdict import Answer
from runner.platforms.walk import is_wanted

NOTHING: Final = "nothing to pay"
"""Id of a job for which nothing was sent: all that it asks for was there already."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What came back.

    Attributes:
        id: empty when the reply has none.
        scope: with the reply.
    """

    id: str
    answer: Answer
    scope: Scope
    kept: dict[str, Json] = field(default_factory=dict)


def chosen(ways: Sequence[Submitting], scope: Scope) -> Submitting:
    """Return the first way that fits a job.

    Raises:
        Refused: none does.
    """
    for way in ways:
        if is_wanted(way.when, scope):
            return way
    raise Refused("the manifest has no way to submit this job")


async def send(session: Session, way: Submitting, scope: Scope, name: str, *, admitted: bool = False) -> Sent:
    """Send the paying request, once; errors as `Target.submit`.

    Args:
        session: of the connection.
        way: with a call.
        scope: of the job.
        name: of the target, for people.
        admitted: whether the job has its turn already.
    """
    assert way.call is not None
    try:
        answer = await session.ask(
            way.call,
            scope,
            safe=False,
            judge=lambda answer: _refusal(session, way, answer, scope, name),
            admitted=admitted,
        )
    except (RecipeError, ItemUnreadable) as error:  # the body never came to its end: nothing can have been created
        raise Refused(str(error)) from error
    after = {**scope, **answer.scope()}
    try:
        id_ = None if way.id is None else way.id(after)
    except RecipeError as error:
        raise Indeterminate(f"accepted, but the reply is not as expected: {error.problems[0].what}") from error
    kept: dict[str, Json] = {}
    for kept_name, tree in way.keep.items():
        with contextlib.suppress(RecipeError):  # what the reply lacks is not kept; its id must not be lost for that
            kept[kept_name] = tree(after)
    return Sent("" if id_ is None else str(id_), answer, after, kept)


def _refusal(session: Session, way: Submitting, answer: Answer, scope: Scope, name: str) -> RunnerError | None:
    """Judge the reply to the paying request: created, surely not created, or nobody knows."""
    error = session.error(answer, f"the submit of {name}")
    proves = way.refuses(answer.reply.status)
    if not proves and way.refuses_when:
        after = {**scope, **answer.scope()}
        with contextlib.suppress(RecipeError):
            proves = any(when.is_true(after) for when in way.refuses_when)
    if proves:
        said = session.manifest.verdicts.said(answer, session.client)
        return error or Refused(f"not created: {said}", status=answer.reply.status)
    return None if error is None else Indeterminate(error.what, mend=error.mend)
