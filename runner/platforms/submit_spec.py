"""The paying request as its manifest describes it, compiled; a job may need one of several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from runner.model.item import Json
from runner.platforms.compiling import REPLY, Compiler, Names
from runner.platforms.step import Call, compile_call, compile_map, statuses
from runner.platforms.tree import Pointer, Tree
from runner.platforms.verdict import MOVED

_NEVER_READ: Final = (*MOVED, 407, 411, 414, 421, 426, 428, 431, 511)
"""Of proxies, portals and of HTTP itself: nothing was created, whatever a manifest lists (RFC 9110, RFC 6585)."""
_REFUSING: Final = (400, 401, 402, 403, 404, 405, 413, 415, 422, 429)
"""What proves it besides when the manifest lists nothing."""


@dataclass(frozen=True, slots=True)
class Submitting:
    """One way to submit.

    Attributes:
        when: whether this is the way; None for always.
        call: None sends nothing: the job is over at once.
        refuses: whether a status proves that nothing was created.
        refuses_when: expressions over the reply that prove it too.
        bad_items: gives token or number of the items that a refusing reply blames.
    """

    when: Tree | None
    call: Call | None
    id: Tree | None
    keep: Mapping[str, Tree]
    refuses: Callable[[int], bool]
    refuses_when: Sequence[Tree]
    bad_items: Tree | None
    status_in_reply: bool

    def reads(self, *path: str) -> bool:
        """Whether some part of it reads a path."""
        trees = [self.when, self.id, *self.keep.values(), *self.refuses_when]
        if self.call is not None and self.call.reads(*path):
            return True
        return any(tree.reads(*path) for tree in trees if tree is not None)


def compile_submit(compiler: Compiler, at: Pointer, names: Names) -> Sequence[Submitting]:
    """Compile all ways to submit; none when a call is so wrong that nothing can be made of it."""
    data = compiler.at(at)
    if not isinstance(data, list):
        if not compiler.has((*at, "call")):
            compiler.tell("missing-field", "submit needs call, the paying request", at)
        way = _compile_way(compiler, at, names)
        return [way] if way.call is not None else []
    ways = [_compile_way(compiler, (*at, index), names) for index in range(len(data))]
    broken = [index for index, way in enumerate(ways) if way.call is None and compiler.has((*at, index, "call"))]
    return [] if broken else ways


def _compile_way(compiler: Compiler, at: Pointer, names: Names) -> Submitting:
    after: Names = {**names, **REPLY}
    refusing = compiler.at((*at, "outcome", "not_created"))
    listed = refusing if isinstance(refusing, list) else list(_REFUSING)
    call = compile_call(compiler, at, names)
    if call is not None and not compiler.has((*at, "id")):
        compiler.tell("missing-field", "a way to submit with a call needs id", at, 'for example "{{ response.id }}"')
    return Submitting(
        when=compiler.tree((*at, "when"), names),
        call=call,
        id=compiler.tree((*at, "id"), after),
        keep=compile_map(compiler, (*at, "keep"), after),
        refuses=statuses([*_NEVER_READ, *(value for value in listed if not _is_expression(value))]),
        refuses_when=[
            compiler.needed((*at, "outcome", "not_created", index), after)
            for index, value in enumerate(listed)
            if _is_expression(value)
        ],
        bad_items=compiler.tree((*at, "outcome", "bad_items"), after),
        status_in_reply=bool(compiler.at((*at, "status_in_reply"))),
    )


def _is_expression(value: Json) -> bool:
    return isinstance(value, str) and "{{" in value
