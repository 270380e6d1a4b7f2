"""Answer GraphQL documents without a schema: parse, dispatch on the root field, give back what was selected.

A *root* is a function from arguments to a value. Values are plain JSON, but a dict may hold functions of the arguments
for its fields with arguments (`user{createdTasks(skip: 0)}`). What is selected and is not there is a validation error,
as it would be with a schema. Parsing is graphql-core's: one pure package of 2 MB without dependencies, 0.1 s to import.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from graphql import GraphQLError as ParseError
from graphql import parse, value_from_ast_untyped
from graphql.language import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from runner.model.item import Json

Arguments: TypeAlias = Mapping[str, Json]
Root: TypeAlias = Callable[[Arguments], Json]

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
NOT_FOUND = "RESOURCE_NOT_FOUND"
CONFLICT = "RESOURCE_CONFLICT"
INTERNAL = "INTERNAL_SERVER_ERROR"


class GraphqlError(Exception):
    """What a root refuses; becomes one entry of `errors`, with HTTP 200.

    Attributes:
        code: value of `extensions.code`, which decides the SDK's exception.
        status: value of `extensions.exception.status`, told with INTERNAL_SERVER_ERROR only.
    """

    def __init__(self, code: str, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status

    def body(self) -> dict[str, Json]:
        """Give the answer as Labelbox words it."""
        extensions: dict[str, Json] = {"code": self.code}
        if self.status is not None:
            extensions["exception"] = {"status": self.status}
        return {"errors": [{"message": str(self), "extensions": extensions}], "data": None}


@dataclass(frozen=True, slots=True)
class Schema:
    """The roots of an endpoint, by the name of the root field."""

    queries: Mapping[str, Root]
    mutations: Mapping[str, Root]


@dataclass(frozen=True, slots=True)
class _Reading:
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: dict[str, Json]


def answer(schema: Schema, text: str, variables: Arguments) -> dict[str, Json]:
    """Execute the one operation of a document.

    Args:
        schema: what can be asked.
        text: the document.
        variables: values by name; names that the document does not declare are ignored.

    Returns:
        The JSON body: `data`, or `errors` with `data: null`.
    """
    try:
        operation, reading = _read(text, variables)
        roots = schema.mutations if operation.operation.value == "mutation" else schema.queries
        data = {
            _key(node): _root(roots, node, operation.operation.value, reading)
            for node in _fields(operation.selection_set, reading)
        }
    except GraphqlError as error:
        return error.body()
    except (KeyError, TypeError, ValueError) as error:
        # Without a schema it is the roots that notice a missing argument, or one of the wrong type.
        return GraphqlError(VALIDATION_FAILED, f"The arguments do not fit: {error!r}").body()
    return {"data": data}


def root_fields(text: str) -> tuple[str, ...]:
    """Name the root fields that a document asks for; none when it cannot be parsed."""
    try:
        operation, reading = _read(text, {}, strict=False)
    except GraphqlError:
        return ()
    return tuple(node.name.value for node in _fields(operation.selection_set, reading))


def _read(text: str, variables: Arguments, *, strict: bool = True) -> tuple[OperationDefinitionNode, _Reading]:
    try:
        document: DocumentNode = parse(text, no_location=True)
    except ParseError as error:
        raise GraphqlError(PARSE_FAILED, error.message) from error
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    if len(operations) != 1:
        raise GraphqlError(VALIDATION_FAILED, "Send exactly one operation in a document")
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    values = dict(_variables(operations[0], variables, strict=strict))
    return operations[0], _Reading(fragments, values)


def _variables(operation: OperationDefinitionNode, given: Arguments, *, strict: bool) -> Iterator[tuple[str, Json]]:
    for definition in operation.variable_definitions or ():
        name = definition.variable.name.value
        if given.get(name) is not None:
            yield name, given[name]
        elif definition.default_value is not None:
            yield name, value_from_ast_untyped(definition.default_value)
        elif strict and isinstance(definition.type, NonNullTypeNode):
            raise GraphqlError(VALIDATION_FAILED, f'Variable "${name}" of a required type was not provided.')
        else:
            yield name, None


def _fields(selections: SelectionSetNode, reading: _Reading) -> Iterator[FieldNode]:
    for node in selections.selections:
        if isinstance(node, FieldNode):
            yield node
        elif isinstance(node, InlineFragmentNode):
            yield from _fields(node.selection_set, reading)
        elif isinstance(node, FragmentSpreadNode):
            if node.name.value not in reading.fragments:
                raise GraphqlError(VALIDATION_FAILED, f'Unknown fragment "{node.name.value}".')
            yield from _fields(reading.fragments[node.name.value].selection_set, reading)


def _root(roots: Mapping[str, Root], node: FieldNode, kind: str, reading: _Reading) -> Json:
    name = node.name.value
    if name not in roots:
        raise GraphqlError(VALIDATION_FAILED, f'Cannot query field "{name}" on type "{kind.title()}".')
    return _select(roots[name](_arguments(node, reading)), node, reading)


def _select(value: Json, node: FieldNode, reading: _Reading) -> Json:
    if isinstance(value, list):
        return [_select(one, node, reading) for one in value]
    if value is None or node.selection_set is None:
        return value
    return {_key(child): _child(value, child, reading) for child in _fields(node.selection_set, reading)}


def _child(parent: Mapping[str, Json], node: FieldNode, reading: _Reading) -> Json:
    name = node.name.value
    if name == "__typename":
        return parent.get(name, "Payload")
    if name not in parent:
        raise GraphqlError(VALIDATION_FAILED, f'Cannot query field "{name}".')
    value = parent[name]
    return _select(value(_arguments(node, reading)) if callable(value) else value, node, reading)


def _arguments(node: FieldNode, reading: _Reading) -> Arguments:
    return {a.name.value: value_from_ast_untyped(a.value, reading.variables) for a in node.arguments or ()}


def _key(node: FieldNode) -> str:
    return node.alias.value if node.alias else node.name.value
