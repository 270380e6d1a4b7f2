"""What is wrong with a value, said by its schema: every fault a problem with its place and how to mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from runner.documents.document import Document, Pointer
from runner.documents.schemas import Schema
from runner.documents.shapes import holds_template
from runner.model.item import Json
from runner.model.problem import Problem
from runner.model.suggestion import did_you_mean

_TYPES: Final = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
    "object": "an object",
    "array": "a list",
}
_BOUNDS: Final = {
    "minimum": "at least {bound}",
    "maximum": "at most {bound}",
    "exclusiveMinimum": "more than {bound}",
    "exclusiveMaximum": "less than {bound}",
    "minLength": "at least {bound} characters long",
    "maxLength": "at most {bound} characters long",
    "minItems": "at least {bound} elements long",
    "maxItems": "at most {bound} elements long",
    "minProperties": "an object of at least {bound} fields",
    "maxProperties": "an object of at most {bound} fields",
    "multipleOf": "a multiple of {bound}",
}
_SHOWN: Final = 60
MAX_FAULTS: Final = 2000
"""Most problems of one value that are reported; one more says that there are others."""


def problems_of(
    schema: Schema, value: Json, document: Document, pointer: Pointer = (), *, noun: str, is_rendered: bool = True
) -> list[Problem]:
    """Return what is wrong with a value, at most `MAX_FAULTS` and one that says that there are more.

    Args:
        schema: of the value.
        value: as written in the document at `pointer`, or rendered.
        document: for the places.
        pointer: where the value stands in the document.
        noun: what the value is, for messages: `source files`.
        is_rendered: whether a text with a template becomes a value before it is used, so that it passes as any scalar.
    """
    if schema.fits(value if is_rendered else _plain(value)):
        return []
    import jsonschema  # start-up: most documents are right, and the library takes longer to import than they to check

    errors = jsonschema.Draft7Validator(schema.data).iter_errors(value)
    teller = _Teller(document, pointer, noun)
    leaves = _leaves(errors, is_rendered=is_rendered)
    found = list(islice((problem for error in leaves for problem in teller.tell(error)), MAX_FAULTS + 1))
    shown = list(dict.fromkeys(sorted(found[:MAX_FAULTS], key=_order)))
    if len(found) > MAX_FAULTS:
        what = f"{noun} has more than {MAX_FAULTS:,} problems, the others are not shown"
        shown.append(Problem("too-many-problems", what, document.key_mark_of(pointer), "fix these first"))
    return shown


def schema_problems(data: Mapping[str, Json], document: Document, pointer: Pointer) -> list[Problem]:
    """Return what is wrong with a JSON Schema that stands in a document."""
    import jsonschema  # start-up: only for manifests and variables

    errors = jsonschema.Draft7Validator(jsonschema.Draft7Validator.META_SCHEMA).iter_errors(data)
    return [
        Problem("bad-schema", f"no JSON Schema: {error.message[:200]}", document.mark_of((*pointer, *error.path)))
        for error in errors
    ]


def _order(problem: Problem) -> tuple[int, int, str]:
    mark = problem.mark
    return (mark.line, mark.column, problem.what) if mark else (0, 0, problem.what)


def _plain(value: Json) -> Json:
    """Return a value whose templates are plain texts, which pass as texts only."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return "text" if isinstance(value, str) and holds_template(value) else value


def _leaves(errors: Iterable[Any], *, is_rendered: bool) -> Iterator[Any]:
    for error in errors:
        if error.validator in ("anyOf", "oneOf", "allOf") and error.context and _is_container(error.instance):
            yield from _leaves(_nearest(error.context), is_rendered=is_rendered)
        elif not (is_rendered and isinstance(error.instance, str) and holds_template(error.instance)):
            yield error


def _is_container(value: Json) -> bool:
    return isinstance(value, (dict, list))


def _nearest(context: Sequence[Any]) -> Sequence[Any]:
    """Return the errors of the alternative that was probably meant: right type first, then fewest errors."""
    branches: dict[Any, list[Any]] = {}
    for error in context:
        branches.setdefault(error.schema_path[0] if error.schema_path else 0, []).append(error)

    def distance(branch: Sequence[Any]) -> tuple[bool, int]:
        return any(error.validator == "type" and not error.path for error in branch), len(branch)

    return min(branches.values(), key=distance)


class _Teller:
    def __init__(self, document: Document, pointer: Pointer, noun: str) -> None:
        self._document = document
        self._pointer = pointer
        self._noun = noun

    def tell(self, error: Any) -> Iterator[Problem]:  # noqa: ANN401 - the library's errors are loosely typed
        """Give the problems of one error."""
        word = str(error.validator)
        here: Pointer = (*self._pointer, *error.absolute_path)
        if word in _BOUNDS:
            yield self._out_of_range(error, here)
            return
        yield from _TELLERS.get(word, _Teller.other)(self, error, here)

    def name(self, error: Any) -> str:  # noqa: ANN401
        """Name the value that an error is about."""
        path = ".".join(str(step) for step in error.absolute_path)
        return f'{self._noun}: "{path}"' if path else self._noun

    def unknown(self, error: Any, here: Pointer) -> Iterator[Problem]:  # noqa: ANN401
        known = list(error.schema.get("properties", {}))
        whole = self._whole(error)
        for name in error.instance:
            if name not in known:
                what = f'{whole} has no field "{name[:_SHOWN]}"'
                yield Problem(
                    "unknown-field",
                    what,
                    self._document.key_mark_of((*here, name)),
                    did_you_mean(name, known, "Fields"),
                )

    def _whole(self, error: Any) -> str:  # noqa: ANN401
        path = ".".join(str(step) for step in error.absolute_path)
        return f"{self._noun} {path}" if path else self._noun

    def missing(self, error: Any, here: Pointer) -> Iterator[Problem]:  # noqa: ANN401
        for name in error.validator_value:
            if name not in error.instance:
                what = f'{self._whole(error)} needs the field "{name}"'
                yield Problem("missing-field", what, self._document.key_mark_of(here), _example(error.schema, name))

    def wrong_type(self, error: Any, here: Pointer) -> Iterator[Problem]:  # noqa: ANN401
        names = [error.validator_value] if isinstance(error.validator_value, str) else list(error.validator_value)
        wanted = " or ".join(_TYPES.get(name, name) for name in names)
        mend = self._type_mend(error.instance, names, here)
        what = f"{self.name(error)} must be {wanted}, not {kind_of(error.instance)}"
        yield Problem("wrong-type", what, self._document.mark_of(here), mend)

    def _type_mend(self, value: Json, names: Sequence[str], here: Pointer) -> str:
        written = _alone(self._document.written(here).split(" #")[0].strip())
        if "string" in names and isinstance(value, (int, float)) and written:
            return f'put it in quotes: "{written[:_SHOWN]}"'
        if value is None:
            return "give a value, or leave the field out"
        if isinstance(value, str) and ({"integer", "number"} & set(names)) and value.strip("+-_0123456789. ") == "":
            return f"write {value.replace('_', '').strip().lstrip('0') or '0'} without quotes"
        if isinstance(value, str) and "boolean" in names and value.lower() in ("yes", "on", "y"):
            return "write true"
        if isinstance(value, str) and "boolean" in names and value.lower() in ("no", "off", "n"):
            return "write false"
        if "array" in names and not isinstance(value, dict):
            return f"make it a list: [{written[:_SHOWN]}]"
        return ""

    def not_one_of(self, error: Any, here: Pointer) -> Iterator[Problem]:  # noqa: ANN401
        known = error.validator_value if error.validator == "enum" else [error.validator_value]
        what = f"{self.name(error)} cannot be {_short(error.instance)}"
        mend = did_you_mean(str(error.instance), [str(one) for one in known], "Values", ordered=True)
        yield Problem("not-one-of", what, self._document.mark_of(here), mend)

    def _out_of_range(self, error: Any, here: Pointer) -> Problem:  # noqa: ANN401
        bound = _BOUNDS[error.validator].format(bound=error.validator_value)
        what = f"{self.name(error)} must be {bound}, not {_short(error.instance)}"
        return Problem("out-of-range", what, self._document.mark_of(here))

    def bad_pattern(self, error: Any, here: Pointer) -> Iterator[Problem]:  # noqa: ANN401
        is_name = any(step == "propertyNames" for step in error.absolute_schema_path)
        place = (*here, error.instance) if is_name else here
        mark = self._document.key_mark_of(place) if is_name else self._document.mark_of(place)
        what = f"{self.name(error)}: {_short(error.instance)} does not have the right form"
        yield Problem("bad-pattern", what, mark, _form(error.schema))

    def not_unique(self, error: Any, here: Pointer) -> Iterator[Problem]:  # noqa: ANN401
        seen: set[str] = set()
        for at, value in enumerate(error.instance):
            before = len(seen)
            seen.add(repr(value))
            if len(seen) == before:
                what = f"{self.name(error)} holds {_short(value)} twice"
                yield Problem("not-unique", what, self._document.mark_of((*here, at)), "keep one of them")

    def alternatives(self, error: Any, here: Pointer) -> Iterator[Problem]:  # noqa: ANN401
        forms = [_form(one) or " or ".join(_types_of(one)) for one in error.validator_value]
        what = f"{self.name(error)} cannot be {_short(error.instance)}"
        yield Problem("wrong-type", what, self._document.mark_of(here), "; or ".join(form for form in forms if form))

    def other(self, error: Any, here: Pointer) -> Iterator[Problem]:  # noqa: ANN401
        yield Problem("invalid-value", f"{self.name(error)}: {error.message[:200]}", self._document.mark_of(here))


_TELLERS: Final[Mapping[str, Callable[[_Teller, Any, Pointer], Iterator[Problem]]]] = {
    "additionalProperties": _Teller.unknown,
    "required": _Teller.missing,
    "type": _Teller.wrong_type,
    "enum": _Teller.not_one_of,
    "const": _Teller.not_one_of,
    "pattern": _Teller.bad_pattern,
    "uniqueItems": _Teller.not_unique,
    "anyOf": _Teller.alternatives,
    "oneOf": _Teller.alternatives,
}


def _alone(written: str) -> str:
    """Return a scalar without what stands behind it in an object or list that is written on one line."""
    if written[:1] in ("'", '"'):
        return written[: written.find(written[0], 1) + 1] or written
    depth, ends = 0, len(written)
    for at, letter in enumerate(written):
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and not depth:
            ends = min(ends, at)
        if depth < 0:
            return written[: min(ends, at)].strip()
    return written.removesuffix(",")


def _types_of(schema: Mapping[str, Json]) -> list[str]:
    names = schema.get("type", [])
    return [_TYPES.get(name, name) for name in ([names] if isinstance(names, str) else names)]


def _form(schema: Mapping[str, Json]) -> str:
    described = str(schema.get("description", "")).split(". ")[0].rstrip(".")
    examples = schema.get("examples") or []
    example = f"for example {_short(examples[0])}" if examples else ""
    pattern = f"form: {schema['pattern']}" if "pattern" in schema and not (described or example) else ""
    return "; ".join(part for part in (described, pattern, example) if part)


def _example(schema: Mapping[str, Json], name: str) -> str:
    field = schema.get("properties", {}).get(name, {})
    example = (field.get("examples") or [field.get("default")])[0] if isinstance(field, Mapping) else None
    return f"for example {name}: {_short(example)}" if example is not None else ""


def kind_of(value: Json) -> str:
    """Name the JSON type of a value, with the value when it is short."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"the number {_short(value)}"
    if isinstance(value, str):
        return f"the text {_short(value)}"
    return "an object" if isinstance(value, Mapping) else "a list"


def _short(value: Json) -> str:
    if isinstance(value, (dict, list)):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    text = f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
