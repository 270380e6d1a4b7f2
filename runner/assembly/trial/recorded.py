"""A recorded exchange in the place of a platform: requests are compared, replies are played."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl

from runner.assembly.trial.comparing import Discrepancy, differences
from runner.assembly.trial.document import Exchange
from runner.model.errors import RecipeError
from runner.model.item import Json

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

UNEXPECTED: Final = 400
TRANSPORT: Final = "emulator.transport"
"""Where the server of the stand-ins leaves the connection, so that an app can close it."""

_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class _Asked:
    line: str
    query: Mapping[str, str]
    sent: Json
    path: Sequence[str]


class Recorded:
    """An ASGI app over exchanges; `wrong` says where it was not kept."""

    def __init__(self, exchanges: Sequence[Exchange]) -> None:
        self._exchanges = exchanges
        self._used: Counter[int] = Counter()
        self._wrong: list[Discrepancy] = []

    def wrong(self) -> Sequence[Discrepancy]:
        """Return the requests that did not fit, each once, and the exchanges that nobody asked for."""
        unused = [
            Discrepancy("unused-exchange", f"nobody asked for {each.when}", each.at, "leave it out, or mend its when")
            for number, each in enumerate(self._exchanges)
            if not self._used[number]
        ]
        return [*dict.fromkeys(self._wrong), *unused]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        asked = _asked(scope, body)
        exchange = self._exchange(asked)
        if exchange is not None and exchange.drop:
            scope["state"][TRANSPORT].abort()
            # The server calls it an error when an app returns without a reply, unless the client has gone already.
            while (await receive())["type"] != "http.disconnect":
                continue
            return
        status, headers, content = self._reply(asked, exchange)
        lines = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": content})

    def _exchange(self, asked: _Asked) -> Exchange | None:
        """Take the first unused exchange that fits, else the last one; those whose `sent` fits too go before others."""
        fitting = [number for number, each in enumerate(self._exchanges) if _fits(each, asked)]
        exact = [number for number in fitting if not list(_sent(self._exchanges[number], asked))]
        chosen = exact or fitting
        if not chosen:
            return None
        number = next((number for number in chosen if not self._used[number]), chosen[-1])
        self._used[number] += 1
        self._wrong += _sent(self._exchanges[number], asked)
        return self._exchanges[number]

    def _reply(self, asked: _Asked, exchange: Exchange | None) -> tuple[int, Mapping[str, str], bytes]:
        if exchange is None:
            what = f"an unexpected request: {asked.line}{_with(asked)}"
            mend = f"record it: {{when: {asked.line}, json: ...}}, or mend what sends it"
            return self._refuse(Discrepancy("unexpected-request", what, ("recorded",), mend))
        times = self._used[self._exchanges.index(exchange)]
        try:
            body = exchange.reply({"sent": asked.sent, "query": asked.query, "path": asked.path, "number": times})
        except RecipeError as error:
            problem = error.problems[0]
            return self._refuse(Discrepancy("unexpected-request", f"{asked.line}: {problem.what}", exchange.at))
        content = str(body).encode() if exchange.is_text else json.dumps(body).encode()
        kind = "text/plain" if exchange.is_text else "application/json"
        return exchange.status, {"content-type": kind, **{k.lower(): v for k, v in exchange.headers.items()}}, content

    def _refuse(self, wrong: Discrepancy) -> tuple[int, Mapping[str, str], bytes]:
        self._wrong.append(wrong)
        return UNEXPECTED, {"content-type": "text/plain"}, wrong.what.encode()


def _asked(scope: Message, body: bytes) -> _Asked:
    query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
    kind = dict(scope["headers"]).get(b"content-type", b"").decode()
    path = scope["path"]
    return _Asked(f"{scope['method']} {path}", query, _parsed(body, kind), path.strip("/").split("/"))


def _parsed(body: bytes, kind: str) -> Json:
    text = body.decode("utf-8", "replace")
    if kind.startswith(_FORM):
        return dict(parse_qsl(text, keep_blank_values=True))
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text


def _fits(exchange: Exchange, asked: _Asked) -> bool:
    pattern = ".*".join(map(re.escape, exchange.when.split("*")))
    if not re.fullmatch(pattern, asked.line, re.DOTALL):
        return False
    return all(name in asked.query and _text(value) == asked.query[name] for name, value in exchange.query.items())


def _text(value: Json) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _sent(exchange: Exchange, asked: _Asked) -> Iterator[Discrepancy]:
    if exchange.sent is not None:
        yield from differences(exchange.sent, asked.sent, (*exchange.at, "sent"), "wrong-request")


def _with(asked: _Asked) -> str:
    return f" with {', '.join(f'{name}={value}' for name, value in asked.query.items())}" if asked.query else ""
