"""Walking the steps of a manifest: lists over pages, waiting, loops, and what is kept on the way."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from runner.model.errors import AuthError, RecipeError, Refused, Unavailable, UnreadableReply
from runner.model.item import Json
from runner.platforms.session import Session, not_the_api, reading
from runner.platforms.step import Call, Fetch, Paging, Step
from runner.platforms.tree import Scope, Tree, constant
from runner.platforms.verdict import Answer
from runner.transport.bodies import Slice
from runner.transport.pages import Pages, Turn
from runner.transport.reading import in_utf8
from runner.transport.reading import lines as lines_of
from runner.transport.request import charset_of, parsed
from runner.transport.text import gist, is_page, plain

FEW = 1000
"""Most elements that are given at one time."""
MOST_UNREADABLE = 100
"""Most unreadable lines that are kept; results of further ones are just missing."""
LONGEST_KEPT = 4096
EXCERPT = 300

_NO_CONTENT = 204


async def run_steps(session: Session, steps: Sequence[Step], scope: Scope, *, safe: bool | None = True) -> None:
    """Run steps one after the other; what they keep is put into `scope["kept"]`."""
    for step in steps:
        if is_wanted(step.when, scope):
            await _run(session, step, scope, safe=safe)


async def run_checks(session: Session, steps: Sequence[Step], scope: Scope) -> None:
    """Run steps that only look, before anything is paid.

    Raises:
        AuthError: the platform refuses something, or has not what the recipe names.
    """
    try:
        await run_steps(session, steps, scope)
    except Refused as error:
        raise AuthError(error.what, mend=error.mend) from error


def is_wanted(when: Tree | None, scope: Scope) -> bool:
    """Whether a condition holds; one that cannot be told is a fault of the manifest.

    Raises:
        Refused: its template met a value it cannot use.
    """
    try:
        return when is None or when.is_true(scope)
    except RecipeError as error:
        raise Refused(f"a condition of the manifest cannot be told: {error.problems[0].what}") from error


@dataclass(frozen=True, slots=True)
class UnreadableLine:
    """A line that is not JSON.

    Attributes:
        number: of the line, from 1; empty ones are not counted.
    """

    number: int
    line: bytes
    why: str

    def __str__(self) -> str:
        shown = gist(self.line) if self.number == 1 else repr(plain(self.line[:EXCERPT].decode("utf-8", "replace")))
        return f"line {self.number} of the reply is not JSON ({self.why}): {shown}"


async def read_list(
    session: Session,
    step: Step,
    scope: Scope,
    *,
    safe: bool | None = True,
    unreadable: list[UnreadableLine] | None = None,
) -> AsyncGenerator[tuple[Scope, Sequence[Json]], None]:
    """Read everything a step lists, page by page or line by line.

    Args:
        session: of the connection.
        step: with the call.
        scope: what its templates read.
        safe: whether the call may be repeated; None asks the method.
        unreadable: collects the first unreadable lines, the others are returned; None raises at the first one.

    Yields:
        The scope with the reply, and what was found in it; at most `FEW` at one time when lines are streamed.
    """
    call = step.call
    assert call is not None
    if call.read == "jsonl":
        async for lines in _lines(session, call, scope, unreadable=unreadable):
            yield scope, lines
        return
    pages = _pages(step.pages)
    while True:
        asked = scope if pages is None else {**scope, "page": pages.page}
        # Where the platform keeps the position, the same request sent again asks for the page after.
        moves = step.pages is not None and step.pages.constant and asked["page"]["cursor"] is not None
        answer = await _ask(session, step, _paged(call, pages), asked, safe=False if moves else safe)
        after = {**asked, **answer.scope()}
        found = _found(step.each, after, answer)
        if step.fetch is None:
            yield after, found
        else:
            async with aclosing(_fetched(session, step.fetch, after, found, unreadable)) as fetched:
                async for more in fetched:
                    yield more
        if pages is None or step.pages is None or not pages.go_on(_turn(step.pages, after, len(found))):
            return


async def matched(session: Session, step: Step, scope: Scope) -> Scope | None:
    """Return the scope with the first `found` that matches, None when there is none."""
    matches = await all_matched(session, step, scope, 1)
    return matches[0] if matches else None


async def all_matched(session: Session, step: Step, scope: Scope, most: int) -> list[Scope]:
    """Return the scope with each `found` that matches, at most so many."""
    matches: list[Scope] = []
    async with aclosing(read_list(session, step, scope)) as pages:
        async for after, founds in pages:
            for found in founds:
                one = {**after, "found": found}
                with reading("a listing"):
                    if step.match is None or step.match.is_true(one):
                        matches.append(one)
                if len(matches) == most:
                    return matches
    return matches


def keep(trees: Mapping[str, Tree], scope: Scope, into: dict[str, Json]) -> None:
    """Capture values from a reply."""
    with reading("a call that keeps values"):
        for name, tree in trees.items():
            into[name] = tree(scope)


async def _run(session: Session, step: Step, scope: Scope, *, safe: bool | None) -> None:
    """Run a step once, or once for each part or element."""
    rounds = _rounds(step, scope)
    if rounds is None:
        await _once(session, step, scope, safe=safe)
        return
    kept: dict[str, Json] = scope["kept"]
    for name in step.collect:
        kept[name] = []
    for one in rounds:
        after = await _once(session, step, one, safe=safe)
        with reading("a call that collects values"):
            for name, tree in step.collect.items():
                kept[name].append(tree(after))


def _rounds(step: Step, scope: Scope) -> Sequence[Scope] | None:
    if step.loop is not None:
        name, source = step.loop
        return [{**scope, name: element} for element in source(scope) or ()]
    if step.part_size is None:
        return None
    content = scope["item"]["content"]
    total, length = len(content) if isinstance(content, bytes) else content.size, _whole(step.part_size(scope))
    if length <= 0:
        raise Unavailable("the platform gave a part size that is not positive")
    starts = range(0, total, length)
    sizes = [min(length, total - start) for start in starts]
    return [
        {**scope, "part": {"number": at, "start": start, "size": size, "content": Slice(content, start, size)}}
        for at, (start, size) in enumerate(zip(starts, sizes, strict=True), 1)
    ]


async def _once(session: Session, step: Step, scope: Scope, *, safe: bool | None) -> Scope:
    """Run a step and return the scope after it."""
    await run_steps(session, step.steps, scope, safe=safe)
    kept = scope["kept"]
    if step.call is None:
        keep(step.keep, scope, kept)
        _add(step, scope)
        _expect(step, scope)
        return scope
    if step.match is not None:
        one = await matched(session, step, scope)
        if one is None:
            kept.update(dict.fromkeys(step.keep))
            return scope
        keep(step.keep, one, kept)
        return one
    after = scope
    gathered: dict[str, list[Json]] = {} if _rounds_of(step) else {name: [] for name in step.collect}
    async for page, founds in read_list(session, step, scope, safe=safe):
        after = page
        _gather(step, page, founds, gathered)
    kept.update(gathered)
    keep(step.keep, after, kept)
    _add(step, after)
    _expect(step, after)
    return after


def _add(step: Step, scope: Scope) -> None:
    """Append to lists that grow from one chunk to the next."""
    kept: dict[str, Json] = scope["kept"]
    with reading("a call that adds values"):
        for name, tree in step.add.items():
            if kept.get(name) is None:
                kept[name] = []
            kept[name].extend(tree(scope) or ())


def _rounds_of(step: Step) -> bool:
    """Whether the step itself goes in rounds, each of which collects one element."""
    return step.loop is not None or step.part_size is not None


def _gather(step: Step, scope: Scope, founds: Sequence[Json], into: Mapping[str, list[Json]]) -> None:
    """Collect one element for each found."""
    with reading("a list that is collected"):
        for name, elements in into.items():
            elements += [step.collect[name]({**scope, "found": found}) for found in founds]


def _expect(step: Step, scope: Scope) -> None:
    if step.expect is None:
        return
    with reading("a call that expects something"):
        if not step.expect.is_true(scope):
            said = step.error(scope) if step.error else "the platform's reply is not what it should be"
            raise Refused(str(said))


async def _ask(session: Session, step: Step, call: Call, scope: Scope, *, safe: bool | None) -> Answer:
    """Ask a call, again and again where the step waits."""
    answer = await session.ask(call, scope, safe=safe)
    wait = step.wait
    if wait is None:
        return answer
    until = session.clock.monotonic() + wait.at_most_s
    while True:
        after = {**scope, **answer.scope()}
        with reading("a call that waits"):
            if wait.until.is_true(after):
                return answer
            if wait.failed is not None and wait.failed.is_true(after):
                raise Refused(str(wait.error(after)) if wait.error else "what was waited for has failed")
        if session.clock.monotonic() >= until:
            raise Unavailable(f"waited {wait.at_most_s:g} s in vain")
        await session.clock.sleep(max(wait.every_s, session.poll_after_s(answer) or 0.0))
        answer = await session.ask(call, scope, safe=safe)


async def _fetched(
    session: Session,
    fetch: Fetch,
    scope: Scope,
    founds: Sequence[Json],
    unreadable: list[UnreadableLine] | None,
) -> AsyncGenerator[tuple[Scope, Sequence[Json]], None]:
    """Ask the second call for each found, and give what is in its replies."""
    for found in founds:
        one = {**scope, "found": found}
        with reading("a listing"):
            told = None if fetch.size is None else fetch.size(one)
            size = None if told is None else _whole(told)
        if fetch.call.read == "jsonl":
            async for lines in _lines(session, fetch.call, one, size, unreadable=unreadable):
                yield scope, lines
            continue
        answer = await session.ask(fetch.call, one)
        _check_size(len(answer.reply.body), size)
        yield scope, _found(fetch.each, {**one, **answer.scope()}, answer)


async def _lines(
    session: Session,
    call: Call,
    scope: Scope,
    size: int | None = None,
    *,
    unreadable: list[UnreadableLine] | None = None,
) -> AsyncGenerator[Sequence[Json], None]:
    came, number = 0, 0

    async def counted(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        nonlocal came
        async for chunk in chunks:
            came += len(chunk)
            yield chunk

    async with session.stream(call, scope) as stream:
        charset = charset_of(stream.headers.get("content-type", ""))
        async for lines in lines_of(in_utf8(counted(stream.chunks()), charset)):
            if not number and lines and is_page(lines[0]):
                what = f"the reply is not JSON Lines but {gist(b' '.join(lines[:20]))}"
                is_own = session.client.is_own(stream.url)
                raise not_the_api(what, stream.status) if is_own else UnreadableReply(what, status=stream.status)
            for at in range(0, len(lines), FEW):
                some = lines[at : at + FEW]
                yield _values(some, number, charset, unreadable)
                number += len(some)
    _check_size(came, size)


def _check_size(came: int, size: int | None) -> None:
    if size is not None and came != size:
        raise Unavailable(f"{came:,} bytes came, the platform said {size:,}")


def _values(
    lines: Sequence[bytes], before: int, charset: str, unreadable: list[UnreadableLine] | None
) -> Sequence[Json]:
    """Return the values of some lines, `before` of which came earlier; see `read_list`."""
    values: list[Json] = []
    for number, line in enumerate(lines, before + 1):
        try:
            values.append(parsed(line, charset))
        except ValueError as error:
            found = UnreadableLine(number, line[:LONGEST_KEPT], str(error))
            if unreadable is None:
                raise UnreadableReply(str(found)) from error
            if len(unreadable) < MOST_UNREADABLE:
                unreadable.append(found)
    return values


def _pages(paging: Paging | None) -> Pages | None:
    if paging is None:
        return None
    return Pages(
        paging.kind,
        first=paging.first,
        step=paging.step,
        until=paging.until,
        most=paging.most,
        constant=paging.constant,
    )


def _paged(call: Call, pages: Pages | None) -> Call:
    """Return the call of the next page; a URL that the platform gave is taken as it is."""
    return call if pages is None or pages.url is None else replace(call, path=constant(pages.url), query=None)


def _found(each: Tree | None, scope: Scope, answer: Answer) -> Sequence[Json]:
    if each is None:
        return [scope.get("response")]
    with reading("a listing"):
        found = each(scope)
    if found is None:
        # A body that got lost on the way must not look like an empty list, and so like a job that is not there.
        if answer.reply.is_ok and answer.reply.status != _NO_CONTENT and not answer.reply.body:
            raise Unavailable("the platform's reply is empty where the manifest expects a list")
        return ()
    if not isinstance(found, list):
        raise UnreadableReply("the platform's reply has no list where the manifest expects one")
    return found


def _turn(paging: Paging, scope: Scope, length: int) -> Turn:
    with reading("a page"):
        count = length if paging.count is None else _whole(paging.count(scope))
        has_more = None if paging.while_ is None else paging.while_.is_true(scope)
        following = None if paging.next is None else paging.next(scope)
    return Turn(count, has_more, _whole(following) if paging.kind == "offset" and following else following)


def _whole(value: Json) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise UnreadableReply("the platform's reply has no integer offset for the next page") from error
