"""What a manifest says about the time before a job: its price, and what it would change on the platform; compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.platforms.compiling import REPLY, Compiler, Names
from runner.platforms.step import FOUND, Call, Step, compile_call, compile_step, compile_steps, kept_names
from runner.platforms.tree import Pointer, Tree, constant


@dataclass(frozen=True, slots=True)
class Pricing:
    """What new items would cost."""

    before: Sequence[Step]
    call: Call | None
    money: Tree
    currency: str
    how: Tree


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the recipe wants on the platform against what is there.

    Attributes:
        wanted: an object; null when the recipe wants nothing.
        found: an object; null when it is not there.
    """

    before: Sequence[Step]
    what: Tree
    wanted: Tree
    found: Tree


@dataclass(frozen=True, slots=True)
class Predictions:
    """How to look up the items that the platform already has results of.

    Attributes:
        id: of a found one.
        item: of an item of the source; the same text for the same thing.
    """

    before: Sequence[Step]
    step: Step
    id: Tree
    item: Tree


def compile_predicted(compiler: Compiler, at: Pointer, names: Names) -> Predictions | None:
    """Compile `predicted` of a target; None without one. The names hold `item`: the first one, but in `item`."""
    if compiler.at(at) is None:
        return None
    step = compile_step(compiler, at, {**names, "kept": kept_names(compiler, (*at, "before"))})
    found: Names = {**names, **REPLY, **FOUND}
    return Predictions(
        before=compile_steps(compiler, (*at, "before"), names),
        step=step,
        id=compiler.needed((*at, "id"), found),
        item=compiler.needed((*at, "item"), names),
    )


def compile_estimate(compiler: Compiler, at: Pointer, names: Names) -> Pricing | None:
    """Compile `estimate` of a target; None without one."""
    data = compiler.at(at)
    if not isinstance(data, Mapping):
        return None
    before = compile_steps(compiler, (*at, "before"), names)
    known: Names = {**names, "kept": kept_names(compiler, (*at, "before"))}
    call = compile_call(compiler, at, known)
    known = {**known, **(REPLY if call else {})}
    usual = constant("the platform's estimate" if call else "computed from its price")
    return Pricing(
        before,
        call,
        money=compiler.needed((*at, "money"), known),
        currency=data.get("currency", "USD"),
        how=compiler.tree((*at, "how"), known) or usual,
    )


def compile_comparison(compiler: Compiler, at: Pointer, names: Names) -> Comparison | None:
    """Compile `compare` of a target; None without one."""
    if compiler.at(at) is None:
        return None
    known: Names = {**names, "kept": kept_names(compiler, (*at, "before"))}
    what, wanted, found = (compiler.needed((*at, name), known) for name in ("what", "wanted", "found"))
    return Comparison(compile_steps(compiler, (*at, "before"), names), what, wanted, found)
