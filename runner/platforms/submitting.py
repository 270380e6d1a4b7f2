"""Sending the paying request: which one a job needs, and what its reply means."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from runner.model.errors import (
    ConfigError,
    Indeterminate,
    ItemUnreadable,
    RecipeError,
    Refused,
    RunnerError,
    StopRun,
    Unavailable,
    UnexpectedReply,
)
from runner.model.item import Json
from runner.platforms.session import NO_PERMIT, Permit, Session
from runner.platforms.states import named_items
from runner.platforms.submit_spec import Submitting
from runner.platforms.tree import Scope, Tree
from runner.platforms.verdict import Answer
from runner.platforms.walk import is_wanted
from runner.transport.text import gist

NOTHING: Final = "nothing to pay"
"""Id of a job for which nothing was sent: all that it asks for was there already."""


REPLY: Final = "reply"
"""In `kept`: the reply to a submit that could not be read as the manifest says, or whose results are not durable."""


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


async def send(session: Session, way: Submitting, scope: Scope, name: str, permit: Permit = NO_PERMIT) -> Sent:
    """Send the paying request, once; errors as `Target.submit`.

    Args:
        session: of the connection.
        way: with a call.
        scope: of the job.
        name: of the target, for people.
        permit: of the job: its turn, and until when the request may leave.
    """
    assert way.call is not None
    try:
        answer = await session.ask(
            way.call,
            scope,
            safe=False,
            judge=lambda answer: _judge(session, way, answer, scope, name),
            permit=permit,
        )
    except (RecipeError, ItemUnreadable) as error:  # the body never came to its end: nothing can have been created
        raise Refused(str(error)) from error
    after = {**scope, **answer.scope()}
    id_, problem = read_id(way, after)
    if problem:
        raise misfit(session, answer, problem)
    return Sent(id_, answer, after, read_kept(way, after))


def kept_reply(answer: Answer) -> Mapping[str, Json]:
    """Return what is kept of a reply that the manifest cannot read, or that holds the only results."""
    return {REPLY: {"response": answer.response, "status": answer.reply.status}}


def misfit(session: Session, answer: Answer, problem: str) -> UnexpectedReply:
    """Return the error of a reply that was received in full and does not name its job.

    Args:
        session: of the connection.
        answer: the reply.
        problem: names the template and what is wrong with it.
    """
    status = answer.reply.status
    title = session.manifest.title
    if words := session.manifest.verdicts.words_of(answer, session.client):
        what = f"{title} answered {status}, and no job: {words}"
        return UnexpectedReply(what, status=status, is_failure=True)
    reply = session.client.hidden(gist(answer.reply.body, answer.reply.headers.get("content-type", "")))
    return UnexpectedReply(
        f"{title} accepted it with {status}, but {problem}; the reply holds {reply}",
        status=status,
        kept=kept_reply(answer),
        mend="fix submit.id of the manifest and apply again (the reply is kept), or run: runner state adopt",
    )


def _judge(session: Session, way: Submitting, answer: Answer, scope: Scope, name: str) -> RunnerError | None:
    """Classify the reply to the paying request: created, certainly not created, failed, or unknown."""
    after = {**scope, **answer.scope()}
    status, is_ok = answer.reply.status, answer.reply.is_ok
    if is_ok and read_id(way, after)[0]:
        return None  # it was created, whatever else the reply says
    error = session.error(answer, f"the submit of {name}")
    if way.refuses(status) or any(_is_true(when, after) for when in way.refuses_when):
        said = session.manifest.verdicts.said(answer, session.client)
        refused = error or Refused(f"not created: {said}", status=status)
        if type(refused) is Refused:
            refused.items = named_items(way.bad_items, after)
        return refused
    if error is None:
        return None
    if is_ok and (isinstance(error, StopRun) or not isinstance(error, Unavailable)):
        stop = error if isinstance(error, StopRun | ConfigError) else None
        return UnexpectedReply(error.what, status=status, is_failure=True, stop=stop, mend=error.mend)
    return Indeterminate(error.what, mend=error.mend)


def _is_true(when: Tree, scope: Scope) -> bool:
    """Whether an expression holds; one that misses a field proves nothing, and the others still count."""
    try:
        return when.is_true(scope)
    except RecipeError:
        return False


def read_kept(way: Submitting, after: Scope) -> dict[str, Json]:
    """Return what a reply gives to keep; what it lacks is not kept: its id must not be lost for that."""
    kept: dict[str, Json] = {}
    for name, tree in way.keep.items():
        with contextlib.suppress(RecipeError):
            kept[name] = tree(after)
    return kept


def read_id(way: Submitting, after: Scope) -> tuple[str, str]:
    """Return the id that a reply gives, empty without one; and what is wrong when there is no usable one."""
    try:
        value = None if way.id is None else way.id(after)
    except RecipeError as error:
        return "", f"submit.id cannot be read from the reply: {error.problems[0].what}"
    if isinstance(value, dict | list | bool):
        return "", f"submit.id gives no text or number, but {type(value).__name__}"
    return ("" if value is None else str(value)), ""
