"""Calls and steps, compiled: what a manifest says about one request and about what happens around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from runner.model.duration import as_seconds
from runner.model.item import Json
from runner.platforms.compiling import REPLY, Compiler, Names
from runner.platforms.tree import Pointer, Tree, constant

METHODS: Final = ("get", "post", "put", "patch", "delete", "head")
BODIES: Final = ("json", "form", "multipart", "body", "jsonl", "graphql")
FOUND: Names = {"found": None}
PAGE: Names = {"page": frozenset({"offset", "number", "cursor"})}
PART: Names = {"part": frozenset({"number", "start", "size", "content"})}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body; `form` is how the content is written: text, json or jsonl."""

    name: str
    content: Tree
    form: str = "text"
    filename: Tree | None = None
    type: Tree | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request.

    Attributes:
        body: name of the form, of `BODIES`; empty without a body.
        data: what the body is made of; for graphql the variables.
        text: the query of graphql.
        safe: None leaves it to the place.
        ok: whether a status other than 2xx is no failure.
        loads: whether the item's bytes must be in memory (they stand inside a text).
    """

    method: str
    path: Tree
    query: Tree | None
    headers: Tree | None
    body: str
    data: Tree | None
    parts: Sequence[Part]
    text: str
    type: Tree | None
    read: str
    safe: bool | None
    ok: Callable[[int], bool]
    loads: bool

    def trees(self) -> Sequence[Tree]:
        """Return all that is grown for it."""
        inner = [tree for part in self.parts for tree in (part.content, part.filename, part.type)]
        return [tree for tree in (self.path, self.query, self.headers, self.data, self.type, *inner) if tree]

    def reads(self, *path: str) -> bool:
        """Whether some part of it reads a path."""
        return any(tree.reads(*path) for tree in self.trees())


@dataclass(frozen=True, slots=True)
class Paging:
    """How a list goes on.

    Attributes:
        kind: offset, number, cursor or url.
        step: length of a full page, or how far the offset moves.
        first: of number.
        until: short, empty, or nothing.
        constant: whether all pages share one cursor: the platform keeps the position, an empty page is the end.
    """

    kind: str
    step: int | None
    first: int
    until: str
    count: Tree | None
    next: Tree | None
    while_: Tree | None
    most: int
    constant: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Repeat until something is true."""

    until: Tree
    failed: Tree | None
    error: Tree | None
    every_s: float
    at_most_s: float


@dataclass(frozen=True, slots=True)
class Fetch:
    """A second call for each found of a list; what it gives takes the place of that found.

    Attributes:
        each: the list in its reply; lines that are read as they come need none.
        size: how many bytes the reply must have.
    """

    call: Call
    each: Tree | None
    size: Tree | None


@dataclass(frozen=True, slots=True)
class Step:
    """One step; what is None does not happen."""

    when: Tree | None
    call: Call | None
    wait: Wait | None
    pages: Paging | None
    each: Tree | None
    fetch: Fetch | None
    match: Tree | None
    keep: Mapping[str, Tree]
    expect: Tree | None
    error: Tree | None
    part_size: Tree | None
    loop: tuple[str, Tree] | None
    collect: Mapping[str, Tree]
    add: Mapping[str, Tree]
    steps: Sequence[Step]

    def reads(self, *path: str) -> bool:
        """Whether some part of it, or of a step inside it, reads a path."""
        single = [self.when, self.each, self.match, self.expect, self.error, self.loop[1] if self.loop else None]
        trees = [
            tree
            for tree in (*single, *self.keep.values(), *self.collect.values(), *self.add.values())
            if tree is not None
        ]
        if self.call is not None and self.call.reads(*path):
            return True
        return any(tree.reads(*path) for tree in trees) or any(step.reads(*path) for step in self.steps)


def statuses(values: Sequence[Json] | None, default: Sequence[Json] = ()) -> Callable[[int], bool]:
    """Return a test for `[404, "5xx"]`."""
    listed = default if values is None else values
    exact = frozenset(value for value in listed if isinstance(value, int))
    classes = frozenset(int(value[0]) for value in listed if isinstance(value, str) and value.endswith("xx"))
    return lambda status: status in exact or status // 100 in classes


def kept_names(compiler: Compiler, pointer: Pointer) -> frozenset[str]:
    """Return every name that the steps at a pointer keep or collect, nested ones too."""
    data = compiler.at(pointer)
    found: set[str] = set()
    for step in data if isinstance(data, list) else [data]:
        if isinstance(step, Mapping):
            found |= _kept_by(step)
            found |= set().union(*(_kept_inside(inner) for inner in step.get("steps") or ()))
    return frozenset(found)


def compile_steps(compiler: Compiler, pointer: Pointer, names: Names) -> Sequence[Step]:
    """Compile one step or a list of them; names kept by any of them may be read as `kept.NAME`."""
    data = compiler.at(pointer)
    if data is None:
        return ()
    known: Names = {**names, "kept": kept_names(compiler, pointer) | (names.get("kept") or frozenset())}
    places = [(*pointer, at) for at in range(len(data))] if isinstance(data, list) else [pointer]
    return [compile_step(compiler, place, known) for place in places]


def compile_step(compiler: Compiler, pointer: Pointer, names: Names) -> Step:
    """Compile one step."""
    inside: Names = names
    loop = None
    if compiler.has((*pointer, "parts")):
        inside = {**inside, **PART}
    if compiler.has((*pointer, "for")):
        name = str(compiler.at((*pointer, "for", "each")))
        loop = (name, compiler.needed((*pointer, "for", "in"), names))
        inside = {**inside, name: None}
    call = compile_call(compiler, pointer, inside)
    after: Names = {**inside, **(REPLY if call else {})}
    each = compiler.tree((*pointer, "each"), after)
    is_listed = each is not None or (call is not None and call.read == "jsonl") or compiler.has((*pointer, "fetch"))
    found: Names = {**after, **(FOUND if is_listed else {})}
    return Step(
        when=compiler.tree((*pointer, "when"), inside),
        call=call,
        wait=_wait(compiler, (*pointer, "wait"), after),
        pages=_pages(compiler, (*pointer, "pages"), {**after, **PAGE}),
        each=each,
        fetch=_fetch(compiler, (*pointer, "fetch"), found),
        match=compiler.tree((*pointer, "match"), found),
        keep=compile_map(compiler, (*pointer, "keep"), found),
        expect=compiler.tree((*pointer, "expect"), after),
        error=compiler.tree((*pointer, "error"), after) if compiler.has((*pointer, "expect")) else None,
        part_size=compiler.tree((*pointer, "parts", "size"), names),
        loop=loop,
        collect=compile_map(compiler, (*pointer, "collect"), found),
        add=compile_map(compiler, (*pointer, "add"), after),
        steps=compile_steps(compiler, (*pointer, "steps"), inside),
    )


def compile_map(compiler: Compiler, pointer: Pointer, names: Names) -> Mapping[str, Tree]:
    """Compile every value of an object by itself."""
    data = compiler.at(pointer)
    return {name: compiler.needed((*pointer, name), names) for name in data} if isinstance(data, Mapping) else {}


def compile_call(compiler: Compiler, pointer: Pointer, names: Names, field: str = "call") -> Call | None:
    """Compile the call of a step; None when it has none."""
    at = (*pointer, field)
    data = compiler.at(at)
    if not isinstance(data, Mapping):
        return None
    given = [method for method in METHODS if method in data]
    bodies = [body for body in BODIES if body in data]
    if len(given) != 1:
        compiler.tell("bad-call", "a call has exactly one method with its path", at, f"one of {', '.join(METHODS)}")
        return None
    if len(bodies) > 1:
        compiler.tell("bad-call", f"a call has one body, not {' and '.join(bodies)}", at, "keep one of them")
    if compiler.has((*pointer, "pages")):
        names = {**names, **PAGE}
    body = bodies[0] if bodies else ""
    parts = _parts(compiler, (*at, "multipart"), names) if body == "multipart" else ()
    trees = {name: compiler.tree((*at, name), names) for name in ("query", "headers", "type")}
    place: Pointer = (*at, "graphql", "variables") if body == "graphql" else (*at, body)
    content = compiler.tree(place, names) if body and not parts else None
    carried = [tree for tree in (trees["query"], trees["headers"], content if body != "body" else None) if tree]
    carried += [part.content for part in parts if part.form != "text"]
    return Call(
        method=given[0].upper(),
        path=compiler.needed((*at, given[0]), names),
        query=trees["query"],
        headers=trees["headers"],
        body=body,
        data=content,
        parts=parts,
        text=str((data.get("graphql") or {}).get("query", "")),
        type=trees["type"],
        read=data.get("read", "json"),
        safe=data.get("safe"),
        ok=statuses(data.get("ok")),
        loads=any(path[:2] == ("item", "content") for tree in carried for path in tree.paths),
    )


def _kept_inside(step: Json) -> set[str]:
    if not isinstance(step, Mapping):
        return set()
    inner = set().union(*(_kept_inside(one) for one in step.get("steps") or ()))
    return _kept_by(step) | inner


def _kept_by(step: Mapping[str, Json]) -> set[str]:
    return {name for field in ("keep", "collect", "add") for name in step.get(field) or ()}


def _parts(compiler: Compiler, pointer: Pointer, names: Names) -> Sequence[Part]:
    found = []
    for name, value in compiler.at(pointer).items():
        at = (*pointer, name)
        if not isinstance(value, Mapping):
            found.append(Part(name, compiler.needed(at, names)))
            continue
        forms = [form for form in ("content", "json", "jsonl") if form in value]
        if len(forms) != 1:
            compiler.tell("bad-call", "a file has one of content, json, jsonl", at)
            continue
        content = compiler.needed((*at, forms[0]), names)
        form = "text" if forms[0] == "content" else forms[0]
        filename, type_ = (compiler.tree((*at, field), names) for field in ("filename", "type"))
        found.append(Part(name, content, form, filename or constant(name), type_))
    return found


def _wait(compiler: Compiler, pointer: Pointer, names: Names) -> Wait | None:
    data = compiler.at(pointer)
    if not isinstance(data, Mapping):
        return None
    return Wait(
        until=compiler.needed((*pointer, "until"), names),
        failed=compiler.tree((*pointer, "failed"), names),
        error=compiler.tree((*pointer, "error"), names),
        every_s=as_seconds(data.get("every"), 2.0),
        at_most_s=as_seconds(data.get("at_most"), 3600.0),
    )


def _fetch(compiler: Compiler, pointer: Pointer, names: Names) -> Fetch | None:
    call = compile_call(compiler, pointer, names)
    if call is None:
        return None
    if call.read != "jsonl" and not compiler.has((*pointer, "each")):
        compiler.tell("missing-field", "a fetch reads lines (read: jsonl), or has each", pointer)
    each = compiler.tree((*pointer, "each"), {**names, **REPLY})
    return Fetch(call, each, compiler.tree((*pointer, "size"), names))


def _pages(compiler: Compiler, pointer: Pointer, names: Names) -> Paging | None:
    data = compiler.at(pointer)
    if not isinstance(data, Mapping):
        return None
    kinds = [kind for kind in ("offset", "number", "cursor", "url") if kind in data]
    if len(kinds) != 1:
        compiler.tell("bad-pages", "pages go on in one way", pointer, "one of offset, number, cursor, url")
        return None
    kind, at = kinds[0], (*pointer, kinds[0])
    rule = data[kind]
    if kind in ("offset", "number"):
        _check_end(compiler, at, rule, kind)
    return Paging(
        kind=kind,
        step=rule.get("step"),
        first=rule.get("first", 1),
        until=rule.get("until", ""),
        count=compiler.tree((*at, "count"), names),
        next=compiler.tree((*at, "next"), names),
        while_=compiler.tree((*at, "while"), names),
        most=data.get("most", 100_000),
        constant=rule.get("constant", False),
    )


def _check_end(compiler: Compiler, pointer: Pointer, rule: Mapping[str, Json], kind: str) -> None:
    if ("while" in rule) == ("until" in rule):
        compiler.tell("bad-pages", "pages need an end: while or until", pointer, "for example until: short")
    if kind == "offset" and not {"step", "count", "next"} & set(rule) and rule.get("until") != "empty":
        compiler.tell("bad-pages", "an offset moves by step, by count, or to next", pointer)
    if rule.get("until") == "short" and "step" not in rule:
        compiler.tell("bad-pages", "until: short needs step, the length of a full page", pointer)
