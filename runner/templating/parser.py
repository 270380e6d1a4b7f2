"""Parse one expression: the grammar and precedence of Jinja's expressions.

From loosest to tightest: `a if b else c`, `or`, `and`, `not`, comparisons and `in`, `+ -`, `~`, `* / // %`, `**` (from
the left), signs, then `.name [key] (call)`, filters `|` and tests `is`.

Source: Jinja template designer documentation 3.1, "Expressions", read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Callable

from runner.templating import syntax
from runner.templating.fault import Fault
from runner.templating.lexer import Token, literal, number, tokens
from runner.templating.syntax import Arguments, Node

MAX_DEPTH = 40
MAX_WORDS = 1_000
_COMPARE = frozenset({"==", "!=", "<", "<=", ">", ">="})
_WORDS = {"true": True, "True": True, "false": False, "False": False, "none": None, "None": None, "null": None}
_RESERVED = frozenset({"and", "or", "not", "in", "is", "if", "else"})


def parse(source: str) -> Node:
    """Return the tree of an expression.

    Raises:
        Fault: `template-syntax` with the offset, or `template-bound` when it is too deep or too long.
    """
    return _Parser(source).whole()


class _Parser:
    def __init__(self, source: str) -> None:
        self._tokens = tokens(source)
        self._next = 0
        self._depth = 0

    def whole(self) -> Node:
        if len(self._tokens) > MAX_WORDS:
            raise Fault("template-bound", f"an expression has more than {MAX_WORDS} words", at=0)
        if self._at_end():
            raise Fault("template-syntax", "the expression is empty", "write a name between {{ and }}", 0)
        node = self._expression()
        if not self._at_end():
            raise self._unexpected()
        return node

    # -- tokens
    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _at_end(self) -> bool:
        return self._token.kind == "end"

    def _is_sign(self, text: str) -> bool:
        return self._token.kind == "sign" and self._token.text == text

    def _is_word(self, text: str) -> bool:
        return self._token.kind == "name" and self._token.text == text

    def _skip(self, text: str) -> bool:
        if self._token.kind in ("sign", "name") and self._token.text == text:
            self._next += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._skip(text):
            raise self._unexpected(f'expected "{text}"')

    def _name(self) -> Token:
        if self._token.kind != "name":
            raise self._unexpected("expected a name")
        return self._take()

    def _unexpected(self, expected: str = "") -> Fault:
        found = "the end of the expression" if self._at_end() else f'"{self._token.text[:40]}"'
        what = f"{expected}, found {found}" if expected else f"{found} does not belong here"
        mend = 'compare with "=="' if self._is_sign("=") else ""
        return Fault("template-syntax", what, mend, self._token.at)

    # -- from loosest to tightest
    def _expression(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Fault("template-bound", f"the expression is nested deeper than {MAX_DEPTH}", "", self._token.at)
        node = self._choice()
        self._depth -= 1
        return node

    def _choice(self) -> Node:
        node = self._or()
        while self._is_word("if"):
            at = self._take().at
            condition = self._or()
            otherwise = self._expression() if self._skip("else") else None
            node = syntax.Choice(at, condition, node, otherwise)
        return node

    def _chain(self, operand: Callable[[], Node], signs: tuple[str, ...]) -> Node:
        node = operand()
        while self._token.kind in ("sign", "name") and self._token.text in signs:
            token = self._take()
            node = syntax.Binary(token.at, token.text, node, operand())
        return node

    def _or(self) -> Node:
        return self._chain(self._and, ("or",))

    def _and(self) -> Node:
        return self._chain(self._not, ("and",))

    def _not(self) -> Node:
        signs: list[int] = []
        while self._is_word("not"):
            signs.append(self._take().at)
        node = self._comparison()
        return self._signed_by(node, [("not", at) for at in signs])

    def _signed_by(self, node: Node, signs: list[tuple[str, int]]) -> Node:
        if len(signs) > MAX_DEPTH:
            raise Fault("template-bound", f"more than {MAX_DEPTH} signs before one value", "", signs[0][1])
        for sign, at in reversed(signs):
            node = syntax.Unary(at, sign, node)
        return node

    def _comparison(self) -> Node:
        first = self._sum()
        rest: list[tuple[str, Node]] = []
        while (sign := self._comparing()) is not None:
            rest.append((sign, self._sum()))
        return syntax.Comparison(first.at, first, tuple(rest)) if rest else first

    def _comparing(self) -> str | None:
        if self._token.kind == "sign" and self._token.text in _COMPARE:
            return self._take().text
        if self._skip("in"):
            return "in"
        following = self._tokens[self._next + 1] if self._is_word("not") else None
        if following is not None and following.kind == "name" and following.text == "in":
            self._next += 2
            return "not in"
        return None

    def _sum(self) -> Node:
        return self._chain(self._joined, ("+", "-"))

    def _joined(self) -> Node:
        return self._chain(self._product, ("~",))

    def _product(self) -> Node:
        return self._chain(self._power, ("*", "/", "//", "%"))

    def _power(self) -> Node:
        return self._chain(self._signed, ("**",))

    def _signed(self) -> Node:
        return self._filters(self._unary())

    def _unary(self) -> Node:
        signs: list[tuple[str, int]] = []
        while self._is_sign("-") or self._is_sign("+"):
            token = self._take()
            signs.append((token.text, token.at))
        return self._signed_by(self._postfix(self._primary()), signs)

    # -- what stands alone
    def _primary(self) -> Node:
        token = self._token
        if token.kind == "name":
            if token.text in _RESERVED:
                raise self._unexpected("expected a value")
            self._take()
            return (
                syntax.Constant(token.at, _WORDS[token.text])
                if token.text in _WORDS
                else (syntax.Name(token.at, token.text))
            )
        if token.kind in ("int", "float"):
            return syntax.Constant(token.at, number(self._take()))
        if token.kind == "text":
            return self._text()
        return self._bracketed()

    def _text(self) -> Node:
        at = self._token.at
        parts: list[str] = []
        while self._token.kind == "text":
            parts.append(literal(self._take()))
        return syntax.Constant(at, "".join(parts))

    def _bracketed(self) -> Node:
        at = self._token.at
        if self._skip("["):
            return syntax.ListOf(at, tuple(self._until("]")))
        if self._skip("{"):
            return self._dict(at)
        if not self._skip("("):
            raise self._unexpected("expected a value")
        if self._skip(")"):
            return syntax.ListOf(at, ())
        node = self._expression()
        if self._skip(","):
            return syntax.ListOf(at, (node, *self._until(")")))
        self._expect(")")
        return node

    def _until(self, close: str) -> list[Node]:
        items: list[Node] = []
        while not self._skip(close):
            if items:
                self._expect(",")
                if self._skip(close):
                    break
            items.append(self._expression())
        return items

    def _dict(self, at: int) -> Node:
        pairs: list[tuple[Node, Node]] = []
        while not self._skip("}"):
            if pairs:
                self._expect(",")
                if self._skip("}"):
                    break
            key = self._expression()
            self._expect(":")
            pairs.append((key, self._expression()))
        return syntax.DictOf(at, tuple(pairs))

    # -- what follows a value
    def _postfix(self, node: Node) -> Node:
        while True:
            at = self._token.at
            if self._skip("."):
                node = self._dotted(node, at)
            elif self._skip("["):
                node = self._subscript(node, at)
            elif self._skip("("):
                node = syntax.Invoke(at, node, self._arguments())
            else:
                return node

    def _dotted(self, node: Node, at: int) -> Node:
        if self._token.kind == "int":
            token = self._take()
            return syntax.Index(at, node, syntax.Constant(token.at, number(token)))
        token = self._name()
        return syntax.Field(token.at, node, token.text)

    def _subscript(self, node: Node, at: int) -> Node:
        parts: list[Node | None] = [None]
        while not self._is_sign("]"):
            if self._skip(":"):
                parts.append(None)
            elif parts[-1] is None and len(parts) <= 3:
                parts[-1] = self._expression()
            else:
                raise self._unexpected('expected "]"')
        self._expect("]")
        if len(parts) == 1:
            if parts[0] is None:
                raise Fault("template-syntax", "the brackets are empty", "write a key or a number", at)
            return syntax.Index(at, node, parts[0])
        start, stop, step = (*parts, None)[:3]
        return syntax.Cut(at, node, start, stop, step)

    def _arguments(self) -> Arguments:
        positional: list[Node] = []
        named: dict[str, Node] = {}
        while not self._skip(")"):
            if positional or named:
                self._expect(",")
                if self._skip(")"):
                    break
            following = self._tokens[min(self._next + 1, len(self._tokens) - 1)]
            if self._token.kind == "name" and following.text == "=":
                name = self._take()
                self._take()
                named[name.text] = self._expression()
            elif named:
                raise self._unexpected("expected a named argument")
            else:
                positional.append(self._expression())
        return Arguments(tuple(positional), named)

    def _filters(self, node: Node) -> Node:
        while True:
            at = self._token.at
            if self._skip("|"):
                name = self._name()
                arguments = self._arguments() if self._skip("(") else Arguments((), {})
                node = syntax.Filtered(name.at, node, name.text, arguments)
            elif self._skip("is"):
                node = self._tested(node, at)
            else:
                return node

    def _tested(self, node: Node, at: int) -> Node:
        negated = self._skip("not")
        token = self._name()
        arguments = Arguments((), {})
        if self._skip("("):
            arguments = self._arguments()
        elif (
            self._token.kind in ("int", "float", "text")
            or self._is_sign("[")
            or self._is_sign("{")
            or (self._token.kind == "name" and self._token.text not in _RESERVED)
        ):
            arguments = Arguments((self._postfix(self._primary()),), {})
        return syntax.Tested(at, node, token.text, arguments, negated)
