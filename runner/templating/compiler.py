"""Turn the tree of an expression into one function of (scope, meter). Nothing is evaluated here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Final

from runner.model.item import Json
from runner.model.secret import Secret
from runner.templating import syntax
from runner.templating.fault import Fault, suggestion, wrong_value
from runner.templating.filters import SECRET_FILTERS
from runner.templating.looking import look_up, path_of, spelled
from runner.templating.meter import Meter
from runner.templating.methods import METHODS, call_method
from runner.templating.operators import BINARY, COMPARE, signed
from runner.templating.predicates import PREDICATES
from runner.templating.sequences import ALL_FILTERS, attribute_of, elements, numbers
from runner.templating.syntax import Arguments, Node
from runner.templating.values import element, field, forbidden_attribute, is_list, kind_of

Run = Callable[[Mapping[str, Json], Meter], Json]
FUNCTIONS: Final = frozenset({"range"})
_PICKING: Final = frozenset({"map", "select", "reject", "selectattr", "rejectattr"})


def compile_node(node: Node) -> Run:
    """Return the function that evaluates a tree.

    Raises:
        Fault: something that can never be allowed: an unknown filter, a Python attribute, a call.
    """
    run: Run = _COMPILERS[type(node)](node)
    return run


# -- reading
def _constant(node: syntax.Constant) -> Run:
    value = node.value
    return lambda _scope, _meter: value


def _name(node: syntax.Name) -> Run:
    return look_up((node.name,))


def _path(node: syntax.Field | syntax.Index) -> Run:
    path = path_of(node)
    if path is not None:
        _refuse_private(path[1:], node.at)
        return look_up(path)
    if isinstance(node, syntax.Field):
        return _field(node)
    return _index(node)


def _refuse_private(names: Sequence[str], at: int) -> None:
    for name in names:
        if name.startswith("__"):
            fault = forbidden_attribute(name)
            fault.at = at
            raise fault


def _field(node: syntax.Field) -> Run:
    _refuse_private((node.name,), node.at)
    of, name, where = compile_node(node.of), node.name, spelled(node.of)
    return lambda scope, meter: field(of(scope, meter), name, where)


def _index(node: syntax.Index) -> Run:
    of, key, where = compile_node(node.of), compile_node(node.key), spelled(node.of)
    return lambda scope, meter: element(of(scope, meter), key(scope, meter), where)


def _cut(node: syntax.Cut) -> Run:
    of = compile_node(node.of)
    bounds = [compile_node(bound) if bound else None for bound in (node.start, node.stop, node.step)]

    def run(scope: Mapping[str, Json], meter: Meter) -> Json:
        value = of(scope, meter)
        if not (is_list(value) or isinstance(value, str)):
            raise wrong_value(f"a part can be cut from a list or text, not from {kind_of(value)}")
        ends = [bound(scope, meter) if bound else None for bound in bounds]
        if not all(end is None or isinstance(end, int) for end in ends) or ends[2] == 0:
            raise wrong_value("the bounds of a part are whole numbers, and its step is not 0")
        part = value[slice(*ends)]
        if isinstance(part, str):
            return meter.text(part)
        meter.elements(len(part))
        return list(part)

    return run


def _list(node: syntax.ListOf) -> Run:
    items = [compile_node(item) for item in node.items]

    def run(scope: Mapping[str, Json], meter: Meter) -> Json:
        meter.elements(len(items))
        return [item(scope, meter) for item in items]

    return run


def _dict(node: syntax.DictOf) -> Run:
    pairs = [(compile_node(key), compile_node(value)) for key, value in node.pairs]

    def run(scope: Mapping[str, Json], meter: Meter) -> Json:
        meter.elements(2 * len(pairs))
        made = {key(scope, meter): value(scope, meter) for key, value in pairs}
        if not all(isinstance(key, str) for key in made):
            raise wrong_value("the fields of an object are named by texts")
        return made

    return run


# -- operators
def _unary(node: syntax.Unary) -> Run:
    of, sign = compile_node(node.of), node.sign
    if sign == "not":
        return lambda scope, meter: not of(scope, meter)
    return lambda scope, meter: signed(sign, of(scope, meter))


def _binary(node: syntax.Binary) -> Run:
    left, right = compile_node(node.left), compile_node(node.right)
    if node.sign == "and":
        return lambda scope, meter: left(scope, meter) and right(scope, meter)
    if node.sign == "or":
        return lambda scope, meter: left(scope, meter) or right(scope, meter)
    operate = BINARY[node.sign]
    return lambda scope, meter: operate(left(scope, meter), right(scope, meter), meter)


def _comparison(node: syntax.Comparison) -> Run:
    first = compile_node(node.first)
    rest = [(COMPARE[sign], compile_node(other)) for sign, other in node.rest]
    if len(rest) == 1:
        compare, second = rest[0]
        return lambda scope, meter: compare(first(scope, meter), second(scope, meter))

    def run(scope: Mapping[str, Json], meter: Meter) -> bool:
        left = first(scope, meter)
        for operate, other in rest:
            right = other(scope, meter)
            if not operate(left, right):
                return False
            left = right
        return True

    return run


def _choice(node: syntax.Choice) -> Run:
    condition, then = compile_node(node.condition), compile_node(node.then)
    otherwise: Run = compile_node(node.otherwise) if node.otherwise else lambda _scope, _meter: None
    return lambda scope, meter: then(scope, meter) if condition(scope, meter) else otherwise(scope, meter)


# -- calls
def _invoke(node: syntax.Invoke) -> Run:
    if node.arguments.named:
        raise Fault("template-forbidden", "functions and methods take no named arguments here", "", node.at)
    arguments = [compile_node(argument) for argument in node.arguments.positional]
    callee = node.callee
    if isinstance(callee, syntax.Name) and callee.name in FUNCTIONS:
        return lambda scope, meter: numbers(meter, *(argument(scope, meter) for argument in arguments))
    if not isinstance(callee, syntax.Field):
        mend = suggestion(callee.name, FUNCTIONS, "Functions") if isinstance(callee, syntax.Name) else ""
        raise Fault("template-forbidden", f"{spelled(callee)} cannot be called", mend, node.at)
    return _method(callee, arguments)


def _method(callee: syntax.Field, arguments: Sequence[Run]) -> Run:
    name, of, where = callee.name, compile_node(callee.of), spelled(callee.of)
    if name not in METHODS:
        mend = f"write {where} | {name}" if name in ALL_FILTERS else suggestion(name, METHODS, "Methods")
        raise Fault("template-forbidden", f'"{name}" is no method that may be called', mend, callee.at)

    def run(scope: Mapping[str, Json], meter: Meter) -> Json:
        text = of(scope, meter)
        if not isinstance(text, str):
            raise wrong_value(f"{where} is {kind_of(text)}; the method {name!r} is one of texts")
        return call_method(meter, text, name, [argument(scope, meter) for argument in arguments])

    return run


@cache
def _signature(function: Callable[..., Json]) -> inspect.Signature:
    return inspect.signature(function)


def _check_arguments(noun: str, function: Callable[..., Json], given: int, arguments: Arguments, at: int) -> None:
    try:
        _signature(function).bind(*[None] * (given + len(arguments.positional)), **dict.fromkeys(arguments.named))
    except TypeError as error:
        raise Fault("template-syntax", f"the {noun} does not take these arguments: {error}", "", at) from None


def _known(noun: str, name: str, table: Mapping[str, Callable[..., Json]], at: int) -> Callable[..., Json]:
    if name not in table:
        raise Fault(f"unknown-{noun}", f'there is no {noun} "{name}"', suggestion(name, table, f"{noun}s".title()), at)
    return table[name]


def _filtered(node: syntax.Filtered) -> Run:
    if node.name in _PICKING:
        return _picking(node)
    function = _known("filter", node.name, dict(ALL_FILTERS) | dict.fromkeys(_PICKING, numbers), node.at)
    _check_arguments(f'filter "{node.name}"', function, 2, node.arguments, node.at)
    of, name = compile_node(node.of), node.name
    if name in ("default", "d"):
        of = _or_none_given(of, node)
    positional = [compile_node(argument) for argument in node.arguments.positional]
    named = {key: compile_node(argument) for key, argument in node.arguments.named.items()}

    def run(scope: Mapping[str, Json], meter: Meter) -> Json:
        values = [argument(scope, meter) for argument in positional]
        return applied(name, meter, of(scope, meter), *values, **{key: one(scope, meter) for key, one in named.items()})

    return run


def applied(name: str, meter: Meter, value: Json, *arguments: Json, **named: Json) -> Json:
    """Apply a filter; what Python says about wrong arguments becomes a fault."""
    if isinstance(value, Secret) and name not in SECRET_FILTERS:
        raise Fault("template-forbidden", f'the filter "{name}" may not see a secret', "only b64 and ~ may")
    try:
        return ALL_FILTERS[name](meter, value, *arguments, **named)
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise wrong_value(f'the filter "{name}" cannot take these values: {error}') from None


def _or_none_given(of: Run, node: syntax.Filtered) -> Run:
    fallback = node.arguments.positional[0] if node.arguments.positional else syntax.Constant(node.at, "")
    default = compile_node(node.arguments.named.get("default_value", fallback))

    def run(scope: Mapping[str, Json], meter: Meter) -> Json:
        try:
            return of(scope, meter)
        except Fault as fault:
            if fault.slug != "undefined-value":
                raise
            return default(scope, meter)

    return run


def _tested(node: syntax.Tested) -> Run:
    negated = node.negated
    if node.name in ("defined", "undefined"):
        return _defined(node)
    function = _known("test", node.name, {**PREDICATES, "defined": numbers, "undefined": numbers}, node.at)
    _check_arguments(f'test "{node.name}"', function, 1, node.arguments, node.at)
    of = compile_node(node.of)
    arguments = [compile_node(argument) for argument in node.arguments.positional]
    return lambda scope, meter: function(of(scope, meter), *(one(scope, meter) for one in arguments)) != negated


def _defined(node: syntax.Tested) -> Run:
    of = compile_node(node.of)
    when_defined = (node.name == "defined") != node.negated

    def run(scope: Mapping[str, Json], meter: Meter) -> bool:
        try:
            of(scope, meter)
        except Fault as fault:
            if fault.slug != "undefined-value":
                raise
            return not when_defined
        return when_defined

    return run


# -- map, select, reject: a filter or test for every element
def _picking(node: syntax.Filtered) -> Run:
    of, each = compile_node(node.of), _for_each(node)

    def run(scope: Mapping[str, Json], meter: Meter) -> list[Json]:
        values = elements(of(scope, meter), meter, node.name)
        act = each(scope, meter)
        if node.name == "map":
            return [act(value) for value in values]
        wanted = node.name.startswith("select")
        return [value for value in values if bool(act(value)) == wanted]

    return run


def _for_each(node: syntax.Filtered) -> Callable[[Mapping[str, Json], Meter], Callable[[Json], Json]]:
    positional, named = list(node.arguments.positional), dict(node.arguments.named)
    if node.name == "map" and set(named) - {"default"} == {"attribute"} and not positional:
        return _attribute(named)
    if named:
        raise Fault("template-syntax", f'"{node.name}" takes no such named arguments', "", node.at)
    attribute = _word(node, positional) if node.name.endswith("attr") else None
    name = _word(node, positional) if positional or node.name == "map" else ""
    arguments = [compile_node(argument) for argument in positional]
    noun, given = ("filter", 2) if node.name == "map" else ("test", 1)
    if name:
        function = _known(noun, name, ALL_FILTERS if noun == "filter" else PREDICATES, node.at)
        _check_arguments(f'{noun} "{name}"', function, given, Arguments(positional, {}), node.at)

    def each(scope: Mapping[str, Json], meter: Meter) -> Callable[[Json], Json]:
        values = [argument(scope, meter) for argument in arguments]
        if noun == "filter":
            return lambda value: applied(name, meter, value, *values)
        test = PREDICATES[name] if name else bool
        return lambda value: test(value if attribute is None else attribute_of(value, attribute), *values)

    return each


def _word(node: syntax.Filtered, positional: list[Node]) -> str:
    first = positional.pop(0) if positional else None
    if not isinstance(first, syntax.Constant) or not isinstance(first.value, str):
        raise Fault("template-syntax", f'"{node.name}" takes a name in quotes first', "", node.at)
    return first.value


def _attribute(named: Mapping[str, Node]) -> Callable[[Mapping[str, Json], Meter], Callable[[Json], Json]]:
    path = compile_node(named["attribute"])
    default = compile_node(named["default"]) if "default" in named else None

    def each(scope: Mapping[str, Json], meter: Meter) -> Callable[[Json], Json]:
        attribute = path(scope, meter)

        def read(value: Json) -> Json:
            try:
                return attribute_of(value, attribute)
            except Fault as fault:
                if default is None or fault.slug != "undefined-value":
                    raise
                return default(scope, meter)

        return read

    return each


_COMPILERS: Final[Mapping[type, Callable[..., Run]]] = {
    syntax.Constant: _constant,
    syntax.Name: _name,
    syntax.Field: _path,
    syntax.Index: _path,
    syntax.Cut: _cut,
    syntax.Invoke: _invoke,
    syntax.Filtered: _filtered,
    syntax.Tested: _tested,
    syntax.Unary: _unary,
    syntax.Binary: _binary,
    syntax.Comparison: _comparison,
    syntax.Choice: _choice,
    syntax.ListOf: _list,
    syntax.DictOf: _dict,
}
