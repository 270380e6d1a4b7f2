"""Compiling the parts of a manifest, with the names that each place may read; all problems are collected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from runner.documents import Document
from runner.model.errors import RecipeError
from runner.model.item import Json
from runner.model.problem import Problem, Severity
from runner.model.suggestion import did_you_mean
from runner.platforms.null_defaults import vain_defaults
from runner.platforms.tree import LOOP, Pointer, Tree, compile_tree
from runner.templating import Template, compile_template

Names: TypeAlias = Mapping[str, frozenset[str] | None]
"""The names that may be read in a place, each with its fields; None when its fields are not known beforehand."""

REPLY: Names = {"response": None, "headers": None, "status": None}


def reads_items(option: Json) -> bool:
    """Whether an option, or a part of it, may hold an expression over an item or a record."""
    if isinstance(option, Mapping):
        return bool(option.get("x-scope")) or any(reads_items(one) for one in option.values())
    return isinstance(option, list) and any(reads_items(one) for one in option)


@dataclass(slots=True)
class Compiler:
    """One manifest on its way from values to trees."""

    document: Document
    problems: list[Problem] = field(default_factory=list)

    def at(self, pointer: Pointer) -> Json:
        """Return the value at a pointer, None when there is none."""
        value = self.document.value
        for step in pointer:
            if isinstance(step, str) and isinstance(value, Mapping):
                value = value.get(step)
            elif isinstance(step, int) and isinstance(value, list) and step < len(value):
                value = value[step]
            else:
                return None
        return value

    def has(self, pointer: Pointer) -> bool:
        """Whether something stands at the pointer, be it null."""
        parent, last = self.at(pointer[:-1]), pointer[-1]
        if isinstance(parent, list):
            return isinstance(last, int) and last < len(parent)
        return isinstance(parent, Mapping) and last in parent

    def tell(self, slug: str, what: str, pointer: Pointer, mend: str = "") -> None:
        """Note a problem."""
        self.problems.append(Problem(slug, what, self.document.mark_of(pointer), mend))

    def tree(self, pointer: Pointer, names: Names, *, keeps_nulls: bool = False) -> Tree | None:
        """Compile what stands at a pointer; None when nothing stands there."""
        if not self.has(pointer):
            return None
        data = self.at(pointer)
        self._check_loops(data, pointer)

        def leaf(text: str, place: Pointer, loops: frozenset[str]) -> Template | None:
            return self._template(text, place, {**names, **dict.fromkeys(loops)})

        return compile_tree(data, pointer, leaf, keeps_nulls=keeps_nulls)

    def needed(self, pointer: Pointer, names: Names) -> Tree:
        """Compile what must stand at a pointer (the schema has seen to that)."""
        return self.tree(pointer, names) or compile_tree(None, pointer, lambda *_: None)

    def text(self, text: str, pointer: Pointer) -> Template | None:
        """Compile a text that does not stand in the document."""
        return self._template(text, pointer, {"connection": None})

    def _template(self, text: str, pointer: Pointer, names: Names) -> Template | None:
        try:
            template = compile_template(text, mark=self.document.mark_of(pointer), locate=self.document.locate(pointer))
        except RecipeError as error:
            self.problems.extend(error.problems)
            return None
        for path in sorted(template.paths):
            self._check(path, names, pointer)
        self._check_defaults(text, pointer)
        return template

    def _check(self, path: tuple[str, ...], names: Names, pointer: Pointer) -> None:
        if path[0] not in names:
            self.tell(
                "unknown-name", f"{path[0]!r} cannot be read here", pointer, did_you_mean(path[0], names, "Names")
            )
            return
        known = names[path[0]]
        if known is None or len(path) < 2 or path[1] in known:
            return
        if path[0] == "options" and reads_items(option := self.at((*pointer[:2], "options", "properties", path[1]))):
            scope = " and ".join(option.get("x-scope") or ["item"])
            what = f"the option {path[1]!r} is an expression over {scope}, which cannot be read here: it would be null"
            mend = "keep its value in prepare, and read job.NAME; recipe.given says whether a recipe sets it"
            self.tell("out-of-scope", what, pointer, mend)
            return
        what = f"{path[0]} has no field {path[1]!r} here"
        self.tell("unknown-name", what, pointer, did_you_mean(path[1], known, "Fields"))

    def options(self, room: str, name: str, *, over_items: bool) -> frozenset[str]:
        """Return the options of a kind that a place may read: those that are expressions only where items are."""
        described: Mapping[str, Json] = self.at((room, name, "options", "properties")) or {}
        return frozenset(option for option, rule in described.items() if over_items or not reads_items(rule))

    def _check_defaults(self, text: str, pointer: Pointer) -> None:
        """Warn of a `default` without effect: an option that is not given is defined, and null."""
        for name, is_part, written in vain_defaults(text) if "default(" in text else ():
            rule = self.at((*pointer[:2], "options", "properties", name)) or {}
            if is_part or reads_items(rule) or rule.get("default") is None:
                what = f"{written} stays null where the option is null: default replaces only undefined values"
                mark, mend = self.document.mark_of(pointer), f"write {written[:-1]}, true)"
                self.problems.append(Problem("vain-default", what, mark, mend, Severity.WARNING))

    def _check_loops(self, data: Json, pointer: Pointer) -> None:
        if isinstance(data, list):
            for at, value in enumerate(data):
                self._check_loops(value, (*pointer, at))
        elif isinstance(data, Mapping):
            self._check_loop(data, pointer)
            for name, value in data.items():
                self._check_loops(value, (*pointer, name))

    def _check_loop(self, data: Mapping[str, Json], pointer: Pointer) -> None:
        special = {name for name in data if name.startswith("$")}
        if not special:
            return
        gives = special & {"$give", "$name", "$value"}
        if set(data) - LOOP or not {"$for", "$in"} <= special or gives not in ({"$give"}, {"$name", "$value"}):
            self.tell(
                "bad-loop",
                "an object with $ fields is a loop: $for, $in, and $give or $name with $value; $if if wanted",
                pointer,
                "for example {$for: field, $in: '{{ found.fields }}', $give: '{{ field.name }}'}",
            )
        elif isinstance(data["$for"], list) != isinstance(data["$in"], list) or (
            isinstance(data["$for"], list) and len(data["$for"]) != len(data["$in"])
        ):
            self.tell("bad-loop", "$for and $in must be one and one, or lists of equal length", pointer)
