"""A source that a manifest describes: a list on the platform, page by page, each found thing an item."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from runner import jsontext
from runner.model.errors import AuthError, ItemUnreadable, RecipeError, Refused, RunnerError, Unavailable
from runner.model.item import Batch, Item, Json, Rejected
from runner.platforms.data_spec import Reading, SourceSpec
from runner.platforms.options import Options
from runner.platforms.session import Session, reading
from runner.platforms.step import Call
from runner.platforms.tree import Scope
from runner.platforms.walk import read_list, run_steps

MANY: Final = 1000
CHUNK: Final = 1 << 20


class PlatformSource:
    """One kind of source on one connection; `count` and `fingerprint` are there when the manifest describes them."""

    count: Callable[[], Awaitable[int | None]]
    fingerprint: Callable[[], Awaitable[str | None]]

    def __init__(self, session: Session, spec: SourceSpec, options: Options) -> None:
        """Build it; nothing is asked."""
        self._session, self._spec, self._options = session, spec, options
        if spec.count is not None:
            self.count = self._count
        if spec.fingerprint is not None:
            self.fingerprint = self._fingerprint

    async def check(self) -> None:
        """Try the login."""
        await self._session.check()

    async def read(self) -> AsyncIterator[Batch]:
        """Give all items in the platform's order, in batches of 1..1000.

        Raises:
            AuthError: the platform refuses the list, or has not what the recipe names.
            Unavailable: it gave fewer items than it said there are.
        """
        scope = self._scope()
        found = 0
        total: Json = None
        try:
            await run_steps(self._session, self._spec.before, scope)
            async for after, founds in read_list(self._session, self._spec.step, scope):
                found += len(founds)
                total = self._total(after)
                for at in range(0, len(founds), MANY):
                    batch = self._batch(after, founds[at : at + MANY], found - len(founds) + at)
                    if batch.items or batch.rejected:
                        yield batch
        except Refused as error:
            raise AuthError(error.what, mend=error.mend) from error
        if isinstance(total, int | float) and found < total:
            raise Unavailable(f"the platform says that there are {total:,}, but listed {found:,}")

    def _batch(self, scope: Scope, founds: Sequence[Json], before: int) -> Batch:
        items: list[Item] = []
        rejected: list[Rejected] = []
        for at, found in enumerate(founds, before + 1):
            try:
                item = self._item({**scope, "found": found})
            except RecipeError as error:
                rejected.append(Rejected(f"{self._spec.name} {at}", error.problems[0].what))
            except ValueError as error:
                rejected.append(Rejected(f"{self._spec.name} {at}", str(error)))
            else:
                items += [item] if item is not None else []
        return Batch(items, rejected)

    def _item(self, scope: Scope) -> Item | None:
        """Make the item of one found thing; None when the manifest passes it over."""
        spec = self._spec
        if spec.step.match is not None and not spec.step.match.is_true(scope):
            return None
        value = scope["found"] if spec.value is None else spec.value(scope)
        value = value if isinstance(value, Mapping) else {"value": value}
        content = value if spec.content is None else spec.content({**scope, "value": value})
        body = None
        if spec.body is not None and spec.size is not None:
            body = RemoteBody(self._session, spec.body, scope, int(spec.size(scope)))
        key = str(spec.key(scope))
        jsontext.refuse_surrogates([key, value])
        return Item(key, jsontext.digest(content), value, body)

    def _total(self, scope: Scope) -> Json:
        if self._spec.total is None:
            return None
        with reading("the list"):
            return self._spec.total(scope)

    async def _count(self) -> int | None:
        assert self._spec.count is not None
        value = await ask_value(self._session, self._spec.count, self._scope())
        return value if isinstance(value, int) else None

    async def _fingerprint(self) -> str | None:
        assert self._spec.fingerprint is not None
        value = await ask_value(self._session, self._spec.fingerprint, self._scope())
        return None if value is None else jsontext.digest(value).hex()

    def _scope(self) -> Scope:
        return self._session.scope(options=self._options.over(), recipe={}, kept={})


@dataclass(frozen=True, slots=True)
class RemoteBody:
    """The bytes of an item that lie on the platform (or where it points to); implements `model.item.Body`."""

    session: Session
    call: Call
    scope: Scope
    size: int

    async def chunks(self) -> AsyncIterator[bytes]:
        """Fetch the bytes.

        Raises:
            ItemUnreadable: they cannot be fetched, or are not as many as the list said.
        """
        got = 0
        try:
            # It needs no place: the request that sends these bytes on may have the last one of this very connection.
            async with self.session.stream(self.call, self.scope, admitted=True) as stream:
                async for chunk in stream.chunks():
                    got += len(chunk)
                    for at in range(0, len(chunk), CHUNK):
                        yield chunk[at : at + CHUNK]
        except RunnerError as error:
            raise ItemUnreadable(error.what, mend=error.mend) from error
        if got != self.size:
            raise ItemUnreadable(f"{got:,} bytes came, the list said {self.size:,}")


async def ask_value(session: Session, spec: Reading, scope: Scope) -> Json:
    """Ask for one value."""
    await run_steps(session, spec.before, scope)
    after = scope if spec.call is None else {**scope, **(await session.ask(spec.call, scope)).scope()}
    with reading("a question for one value"):
        return spec.value(after)
