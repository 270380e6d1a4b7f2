"""Death at a numbered moment: afterwards nothing can be written, sent or read any more, as after SIGKILL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runner.model.contracts import Preparing
from runner.model.job import Job


class Death(BaseException):
    """Not an Exception: no handler of the program may catch it."""


class Fate:
    """Counts moments; at number `at` everything ends."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.moments = 0
        self.dead = False
        self.last = ""

    def moment(self, name: str) -> None:
        if not self.dead:
            self.moments += 1
            self.last = name
            self.dead = self.moments == self.at
        if self.dead:
            raise Death(name)


class MortalLedger:
    """A ledger whose process may die before or after a write became durable."""

    def __init__(self, ledger: Any, fate: Fate) -> None:
        self._ledger = ledger
        self._fate = fate

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def record(self, scope: Any, lease: Any, events: Sequence[Any]) -> None:
        names = "+".join(type(event).__name__ for event in events)
        self._fate.moment(f"before {names}")
        await self._ledger.record(scope, lease, events)
        self._fate.moment(f"after {names}")

    async def select(self, *arguments: Any) -> Any:
        self._fate.moment("before select")
        return await self._ledger.select(*arguments)

    async def finish_selection(self, *arguments: Any) -> Any:
        self._fate.moment("before finish_selection")
        changed = await self._ledger.finish_selection(*arguments)
        self._fate.moment("after finish_selection")
        return changed


def mortal_target(target: Any, fate: Fate) -> Any:
    """Let the process die around every call of a target, keeping its optional powers."""
    submit, poll, results = target.submit, target.poll, target.results

    async def mortal_submit(job: Job) -> Any:
        fate.moment("before submit")
        submitted = await submit(job)
        fate.moment("after submit")
        return submitted

    async def mortal_poll(job: Job) -> Any:
        fate.moment("before poll")
        state = await poll(job)
        fate.moment("after poll")
        return state

    async def mortal_results(job: Job, state: Any) -> Any:
        fate.moment("before results")
        async for batch in results(job, state):
            yield batch
            fate.moment("between results")

    if isinstance(target, Preparing):
        prepare = target.prepare

        async def mortal_prepare(job: Job) -> Any:
            fate.moment("before prepare")
            kept = await prepare(job)
            fate.moment("after prepare")
            return kept

        target.prepare = mortal_prepare
    target.submit, target.poll, target.results = mortal_submit, mortal_poll, mortal_results
    return target


class MortalSink:
    """A sink whose process may die before or after its commit."""

    def __init__(self, sink: Any, fate: Fate) -> None:
        self._sink = sink
        self._fate = fate

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sink, name)

    async def commit(self) -> Any:
        self._fate.moment("before sink commit")
        receipt = await self._sink.commit()
        self._fate.moment("after sink commit")
        return receipt
