"""A target as its manifest describes it, compiled."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from runner.model.duration import as_seconds
from runner.model.errors import ConfigError, RecipeError
from runner.model.item import Json
from runner.model.job import Capabilities, Find
from runner.platforms.compiling import REPLY, Compiler, Names
from runner.platforms.forecast_spec import (
    Comparison,
    Predictions,
    Pricing,
    compile_comparison,
    compile_estimate,
    compile_predicted,
)
from runner.platforms.items import TokenRule
from runner.platforms.states import StateRules, compile_states
from runner.platforms.step import (
    FOUND,
    PAGE,
    Call,
    Step,
    compile_call,
    compile_map,
    compile_step,
    compile_steps,
    kept_names,
    statuses,
)
from runner.platforms.submit_spec import Submitting, compile_submit
from runner.platforms.tree import Pointer, Scope, Tree

JOB_FIELDS: Final = frozenset({"key", "attempt", "id", "sent_at", "accepted_at", "count", "status"})
_LOST: Final = (404, 410)


@dataclass(frozen=True, slots=True)
class Looking:
    """How a lost job is looked for: `step` keeps what it matched, `id` reads it."""

    before: Sequence[Step]
    step: Step
    id: Tree


@dataclass(frozen=True, slots=True)
class Polling:
    """How a job's state is asked; `then` are steps after the reply, `lost` the statuses of a job that is gone."""

    step: Step
    then: Sequence[Step]
    states: StateRules
    lost: Callable[[int], bool]


@dataclass(frozen=True, slots=True)
class PollingAll:
    """One listing for many jobs."""

    step: Step
    id: Tree


@dataclass(frozen=True, slots=True)
class Place:
    """One place where results stand; without `result` it only prepares the next.

    Attributes:
        total: how many the list says there are.
        others: gives `skip` where what is for no item of the job is passed over, not told.
        by_position: whether the results are in the order of the items, without a mark of them.
    """

    step: Step
    item: Tree | None
    result: Tree | None
    failed: Tree | None
    error: Tree | None
    cost: Tree | None
    is_error: bool
    total: Tree | None = None
    others: Tree | None = None
    by_position: bool = False


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One kind of target.

    Attributes:
        shows_items: whether `prepare` reads `items`; if not, elements may read what uploads gave.
        submits_items: whether `submit` reads them.
        url: web page of a job, null for none.
        leaves: says what these options leave behind on the platform, null for nothing.
        check: steps that show before anything is paid that the recipe's words mean something there.
        kept: names that `prepare`, `submit`, `find` and `poll` capture: fields of `job`.
        key_lifetime_s: with find key, how long the platform remembers a key; None for ever.
        retention_s: how long results are kept; None when it is not said.
        mode: chooses one of `modes`; None for a target that works in one way.
        modes: several ways to do the work; the target itself is then as the first one of them.
    """

    name: str
    title: str
    options: Mapping[str, Json]
    capabilities: Capabilities
    token: TokenRule
    element: Tree | None
    prepare: Sequence[Step]
    shows_items: bool
    submits_items: bool
    upload: Sequence[Step]
    uploaded: Mapping[str, Tree]
    submit: Sequence[Submitting]
    find: Looking | None
    poll: Polling
    poll_many: PollingAll | None
    results: Sequence[Place]
    cancel: Call | None
    estimate: Pricing | None
    compare: Comparison | None
    predicted: Predictions | None
    cleanup: Sequence[Step]
    check: Sequence[Step]
    leaves: Tree | None
    url: Tree | None
    kept: frozenset[str]
    key_lifetime_s: float | None
    retention_s: float | None
    mode: Tree | None = None
    modes: Mapping[str, JobSpec] = field(default_factory=dict)


def compile_target(compiler: Compiler, name: str, base: Names) -> JobSpec | None:
    """Compile `targets.NAME` in all its modes; None when a call in it is so wrong that nothing can be made of it."""
    at: Pointer = ("targets", name)
    written = compiler.at((*at, "modes"))
    if not isinstance(written, Mapping):
        return compile_job(compiler, name, base, at)
    modes = {mode: compile_job(compiler, name, base, (*at, "modes", mode)) for mode in written}
    whole = {mode: spec for mode, spec in modes.items() if spec is not None}
    if len(whole) < len(modes) or not whole:
        return None
    return replace(next(iter(whole.values())), mode=compiler.tree((*at, "mode"), base), modes=whole)


def in_mode(spec: JobSpec, scope: Scope) -> JobSpec:
    """Return the way to do the work that a recipe chooses.

    Raises:
        ConfigError: there is no such mode.
    """
    if spec.mode is None:
        return spec
    try:
        mode = spec.mode(scope)
    except RecipeError as error:
        raise ConfigError(f"the mode of {spec.name} cannot be told: {error.problems[0].what}") from error
    if mode not in spec.modes:
        raise ConfigError(f"{spec.name} has no mode {mode!r}", mend=f"known: {', '.join(spec.modes)}")
    return spec.modes[mode]


def compile_job(compiler: Compiler, name: str, base: Names, at: Pointer) -> JobSpec | None:
    """Compile one way to do the work of `targets.NAME`, which stands at a pointer; None as `compile_target`."""
    kept = _job_kept(compiler, at)
    job: Names = {**base, "job": JOB_FIELDS | kept}
    item: Names = {"item": None, "options": compiler.options("targets", name, over_items=True)}
    element = compiler.tree((*at, "element"), {**job, **item})
    grouped: Names = {**job, **({"items": None} if element else {}), **(item if _is_single(compiler, at) else {})}
    submit = compile_submit(compiler, (*at, "submit"), grouped)
    poll_step = compile_step(compiler, (*at, "poll"), job)
    if not submit or poll_step.call is None:
        return None
    asked: Names = {**job, **REPLY, **(FOUND if poll_step.each else {})}
    states_names: Names = {**asked, "kept": kept_names(compiler, (*at, "poll", "then"))}
    poll = Polling(
        poll_step,
        compile_steps(compiler, (*at, "poll", "then"), asked),
        compile_states(compiler, (*at, "poll"), states_names),
        statuses(compiler.at((*at, "poll", "lost")), _LOST),
    )
    upload = compile_steps(compiler, (*at, "upload"), {**job, **item})
    prepare = compile_steps(compiler, (*at, "prepare"), grouped)
    uploaded_names: Names = {**job, **item, "kept": kept_names(compiler, (*at, "upload"))}
    spec = JobSpec(
        name=name,
        title=compiler.at(("targets", name, "title")) or name,
        options=compiler.at(("targets", name, "options")) or {},
        capabilities=_capabilities(compiler, at, (*_paying(submit), *_calls(upload), *_calls(prepare)), element),
        token=_token(compiler, (*at, "token"), {**base, **item}),
        element=element,
        prepare=prepare,
        shows_items=any(step.reads("items") for step in prepare),
        submits_items=any(way.reads("items") for way in submit),
        upload=upload,
        uploaded=compile_map(compiler, (*at, "uploaded"), uploaded_names),
        submit=submit,
        find=_find(compiler, (*at, "find"), job),
        poll=poll,
        poll_many=_poll_many(compiler, (*at, "poll_many"), base),
        results=_results(compiler, (*at, "results"), job),
        cancel=compile_call(compiler, (*at, "cancel"), job),
        estimate=compile_estimate(compiler, (*at, "estimate"), {**base, "count": None}),
        compare=compile_comparison(compiler, (*at, "compare"), base),
        predicted=compile_predicted(compiler, (*at, "predicted"), {**base, **item}),
        cleanup=compile_steps(compiler, (*at, "cleanup"), job),
        check=compile_steps(compiler, (*at, "check"), base),
        leaves=compiler.tree((*at, "leaves"), base),
        url=compiler.tree((*at, "url"), job),
        kept=kept,
        key_lifetime_s=_lifetime(compiler, (*at, "capabilities", "key_lifetime")),
        retention_s=_lifetime(compiler, (*at, "capabilities", "retention")),
    )
    _check(compiler, at, spec)
    return spec


def _is_single(compiler: Compiler, at: Pointer) -> bool:
    """Whether every job has one item, which its requests may read."""
    said: Mapping[str, Json] = compiler.at((*at, "capabilities")) or {}
    return not said.get("whole_source") and (said.get("items_per_job") or {"max": 1}).get("max") == 1


def _job_kept(compiler: Compiler, at: Pointer) -> frozenset[str]:
    inside = [("prepare",), ("submit",), ("poll",), ("poll", "then"), ("find",), ("find", "before")]
    places = [(*at, *place) for place in inside]
    kept = frozenset[str]().union(*(kept_names(compiler, place) for place in places))
    for name in kept & (JOB_FIELDS | {"refused", "uploads", "reply"}):
        compiler.tell("reserved-name", f"keep may not be named {name!r}: it is a field of job", at)
    return kept


def _find(compiler: Compiler, at: Pointer, names: Names) -> Looking | None:
    if compiler.at(at) is None:
        return None
    before = compile_steps(compiler, (*at, "before"), names)
    step = compile_step(compiler, at, names)
    found: Names = {**names, **REPLY, **FOUND}
    return Looking(before, step, compiler.needed((*at, "id"), found))


def _poll_many(compiler: Compiler, at: Pointer, base: Names) -> PollingAll | None:
    if compiler.at(at) is None:
        return None
    names: Names = {**base, "job": frozenset({"sent_at", "accepted_at", "count"})}
    step = compile_step(compiler, at, names)
    return PollingAll(step, compiler.needed((*at, "id"), {**names, **REPLY, **FOUND}))


def _results(compiler: Compiler, at: Pointer, names: Names) -> Sequence[Place]:
    data = compiler.at(at)
    places = [(*at, index) for index in range(len(data))] if isinstance(data, list) else [at]
    known: Names = {**names, "kept": kept_names(compiler, at)}
    return [_place(compiler, place, known) for place in places]


def _place(compiler: Compiler, at: Pointer, names: Names) -> Place:
    step = compile_step(compiler, at, names if compiler.has((*at, "call")) else {**names, **REPLY})
    found: Names = {**names, **REPLY, **FOUND}
    judged: Names = {**found, "result": None}
    return Place(
        step=step,
        item=compiler.tree((*at, "item"), found),
        result=compiler.tree((*at, "result"), found, keeps_nulls=compiler.at((*at, "nulls")) == "keep"),
        failed=compiler.tree((*at, "failed"), judged),
        error=compiler.tree((*at, "error"), judged),
        cost=compiler.tree((*at, "cost"), judged),
        is_error=compiler.at((*at, "role")) == "error",
        total=compiler.tree((*at, "total"), {**names, **REPLY, **(PAGE if step.pages else {})}),
        others=compiler.tree((*at, "others"), names),
        by_position=compiler.at((*at, "by")) == "position",
    )


def _token(compiler: Compiler, at: Pointer, names: Names) -> TokenRule:
    data = compiler.at(at)
    if not isinstance(data, Mapping):
        return TokenRule(compiler.tree(at, names))
    letters = data.get("letters")
    try:
        pattern = re.compile(f"[^{letters}]") if letters else None
    except re.error as error:
        compiler.tell("bad-pattern", f"letters cannot stand inside []: {error}", (*at, "letters"))
        pattern = None
    return TokenRule(compiler.tree((*at, "of"), names), data.get("max", 64), pattern)


def _capabilities(compiler: Compiler, at: Pointer, calls: Sequence[Call], element: Tree | None) -> Capabilities:
    said: Mapping[str, Json] = compiler.at((*at, "capabilities")) or {}
    find: Mapping[str, Json] = compiler.at((*at, "find")) or {}
    items: Mapping[str, Json] = said.get("items_per_job") or {"max": 1}
    is_whole = bool(said.get("whole_source"))
    most = None if is_whole else items.get("max")
    trees = [tree for call in calls for tree in call.trees()] + ([element] if element else [])
    return Capabilities(
        find=Find(said.get("find", "exact" if find else "none")),
        complete=bool(find.get("complete", False)),
        visible_within_s=as_seconds(find.get("visible_within"), 0.0),
        max_items_per_job=most,
        max_bytes_per_job=said.get("bytes_per_job"),
        cancel=compiler.has((*at, "cancel")),
        cost=said.get("cost", "none"),
        whole_source=is_whole,
        default_items_per_job=items.get("default", most or 100),
        jobs_at_once=said.get("jobs_at_once"),
        key_lifetime_s=_lifetime(compiler, (*at, "capabilities", "key_lifetime")),
        sends_bodies=any(path[:2] == ("item", "content") for tree in trees for path in tree.paths),
    )


def _paying(ways: Sequence[Submitting]) -> Sequence[Call]:
    return [way.call for way in ways if way.call is not None]


def _calls(steps: Sequence[Step]) -> Sequence[Call]:
    return [call for step in steps for call in ([step.call] if step.call else []) + list(_calls(step.steps))]


def _lifetime(compiler: Compiler, at: Pointer) -> float | None:
    value = compiler.at(at)
    return None if value is None else as_seconds(value, 0.0)


def _check(compiler: Compiler, at: Pointer, spec: JobSpec) -> None:
    """Tell what the schema cannot: parts that do not fit together."""
    said = compiler.at((*at, "capabilities")) or {}
    find = spec.capabilities.find
    if find in (Find.EXACT, Find.PROBABLE) and spec.find is None:
        compiler.tell("bad-capability", f"find: {find} needs a find block", (*at, "capabilities", "find"))
    if find is Find.NONE and spec.find is not None:
        compiler.tell("bad-capability", "there is a find block, but capabilities say find: none", (*at, "find"))
    if spec.poll_many is not None and spec.poll.then:
        compiler.tell("bad-capability", "poll_many asks no steps after a reply: then is for poll alone", (*at, "poll"))
    if find is Find.KEY and not all(call.reads("job", "key") for call in _paying(spec.submit)):
        compiler.tell("bad-capability", "find: key needs job.key in the submit call", (*at, "submit", "call"))
    if bool(said.get("cancel", spec.cancel)) != (spec.cancel is not None):
        compiler.tell("bad-capability", "capabilities.cancel and the cancel block disagree", (*at, "capabilities"))
    if not any(place.result for place in spec.results):
        compiler.tell("missing-field", "no place of results has result", (*at, "results"), 'for example "{{ found }}"')
    unmarked = [place for place in spec.results if place.result and not place.item and not place.by_position]
    if any(place.by_position and (place.item or place.is_error) for place in spec.results):
        compiler.tell("bad-results", "by: position cannot be used with item or role: error", (*at, "results"))
    if spec.capabilities.max_items_per_job != 1 and unmarked:
        mend = 'item: "{{ found.id }}"; where the platform answers in the order of the requests, `by: position`'
        compiler.tell("missing-field", "with several items a job, results need item", (*at, "results"), mend)
