"""What every emulator shares: counts, knobs, faults, latency and the token check, around the platform's own routes.

An emulator module has one public function, `create`, and builds its app on a desk:

```python
@dataclass(frozen=True, slots=True)
class Knobs:                                    # each field a knob; JSON types, tuples, dicts, `X | None`
    run_s: float = 0.2
    fail: tuple[str, ...] = ()

def create(*, token: str = "emulator", clock: Callable[[], float] = time.time, **knobs: object) -> Starlette:
    desk = Desk("example", Knobs(), token=token, clock=clock)
    desk.turn(knobs)                            # ValueError on an unknown name

    async def submit(request: Request) -> Response:
        body = await request.json()
        desk.submitted(body["name"])            # the audit: work accepted (and paid) for this item
        desk.count("pages", 3)                  # any other number worth seeing in the stats
        return JSONResponse({"id": "1", "at": desk.clock(), "run_s": desk.knobs.run_s}, status_code=201)

    def allow(request: Request) -> Response | None:     # runs first; None lets the request in
        if request.headers.get("authorization") == f"Bearer {desk.token}":
            return None
        return failure(401, "bad token")

    def failure(status: int, message: str) -> Response: # the platform's error body, also for 404, 405, HTTPException
        return JSONResponse({"detail": message}, status_code=status)

    return desk.app([Route("/jobs/{name}", submit, methods=["POST"])], allow=allow, failure=failure)
```

Routing splits the path as it was sent and decodes every `{name}` once afterwards, so `a%2Fb` is one name. A trailing
slash matters. Raise `starlette.exceptions.HTTPException(status, text)` in a handler to answer with `failure`.

Beside the platform's routes there are, without a token:

- `GET /_emulator/stats`: `requests` by `METHOD /route/{pattern}`, `submits` (`total`, `items` by name, `twice`: names
  accepted more than once), `counts` and figures of the emulator, `faults` sent. `?items=N` shows N names (10000).
- `GET /_emulator/knobs`, `POST /_emulator/knobs` with a JSON object: 400 tells the known names.
- `POST /_emulator/reset`: forgets counts and faults; what the platform holds stays.

Two knobs are everyone's: `latency_s`, waited before each request is handled, and `faults` (see `faults.Fault`).
In the process: `app.state.desk` is the desk.
"""

import asyncio
import dataclasses
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar
from urllib.parse import quote, unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from runner.emulators import faults as faults_
from runner.emulators.knobs import names, turned

ADMIN = "/_emulator"
MANY_ITEMS = 10_000

K = TypeVar("K")
Allow = Callable[[Request], Response | None]
Failure = Callable[[int, str], Response]


@dataclass(frozen=True, slots=True)
class Everyone:
    """The knobs of every emulator; `faults` holds the entries as posted."""

    latency_s: float = 0.0
    faults: tuple[dict[str, object], ...] = ()


class Desk(Generic[K]):
    """The counts and knobs of one running emulator, and the maker of its app."""

    def __init__(
        self,
        name: str,
        knobs: K,
        *,
        token: str,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Set up an empty desk.

        Args:
            name: as in the table of emulators.
            knobs: an instance of a frozen dataclass, the defaults.
            token: the one key that is accepted; how it is sent is the platform's matter (`allow`).
            clock: seconds since 1970.
            sleep: waits for seconds; latency and delays go through it.
        """
        self.name, self.token, self.clock, self.sleep = name, token, clock, sleep
        self.knobs = knobs
        self.everyone = Everyone()
        self.faults = faults_.Faults()
        self.requests: Counter[str] = Counter()
        self.submits: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()

    def submitted(self, item: str) -> None:
        """Note that work on an item was accepted."""
        self.submits[item] += 1

    def count(self, what: str, by: int = 1) -> None:
        """Add to one of the emulator's own counts."""
        self.counts[what] += by

    def turn(self, changes: Mapping[str, object]) -> None:
        """Set knobs: the emulator's own and everyone's. A new list of faults replaces the old one.

        Raises:
            ValueError: an unknown name or a value that does not fit; nothing is changed then.
        """
        own, shared = names(self.knobs), names(self.everyone)
        unknown = sorted(set(changes) - set(own) - set(shared))
        if unknown:
            raise ValueError(
                f"the emulator {self.name} has no knob {', '.join(unknown)}; known: {', '.join(own + shared)}"
            )
        knobs = turned(self.knobs, {name: value for name, value in changes.items() if name in own})
        everyone = turned(self.everyone, {name: value for name, value in changes.items() if name in shared})
        if "faults" in changes:
            self.faults = faults_.Faults(faults_.parse(everyone.faults))
        self.knobs, self.everyone = knobs, everyone

    def settings(self) -> dict[str, object]:
        """Show all knobs and their values, ready for JSON."""
        return {name: getattr(at, name) for at in (self.knobs, self.everyone) for name in names(at)}

    def reset(self) -> None:
        """Forget counts and faults."""
        self.everyone = dataclasses.replace(self.everyone, faults=())
        self.faults = faults_.Faults()
        for counter in (self.requests, self.submits, self.counts):
            counter.clear()

    def stats(self, most_items: int = MANY_ITEMS) -> dict[str, object]:
        """Show what was asked of the emulator since it started or was reset."""
        twice = [item for item, times in self.submits.items() if times > 1]
        return {
            "name": self.name,
            "requests": dict(self.requests),
            "submits": {
                "total": self.submits.total(),
                "distinct": len(self.submits),
                "twice": len(twice),
                "twice_items": twice[:most_items],
                "items": dict(islice(self.submits.items(), most_items)),
            },
            "counts": dict(self.counts),
            "faults": [
                {"route": entry.get("route", "*"), "sent": sent}
                for entry, sent in zip(self.everyone.faults, self.faults.sent, strict=True)
            ],
        }

    def app(
        self,
        routes: Sequence[BaseRoute],
        *,
        allow: Allow,
        failure: Failure,
        rewrite: Callable[[str], str] = str,
        figures: Callable[[], Mapping[str, object]] = dict,
    ) -> Starlette:
        """Put the platform's routes behind the desk.

        Args:
            routes: the platform's; none may begin with `/_emulator`.
            allow: the token check; runs before anything else and answers a request it does not let in.
            failure: status and text -> the platform's error reply.
            rewrite: of the path as sent (still percent-encoded), before routing.
            figures: more numbers for the stats, asked when the stats are.

        Raises:
            ValueError: a route lies under `/_emulator`.
        """
        if any(getattr(route, "path", "").startswith(ADMIN) for route in routes):
            raise ValueError(f"a platform's route may not begin with {ADMIN}")

        async def failed(_request: Request, error: Exception) -> Response:
            if not isinstance(error, HTTPException):
                raise error
            return failure(error.status_code, error.detail)

        front = Middleware(_Front, desk=self, routes=routes, allow=allow, failure=failure, rewrite=rewrite)
        app = Starlette(
            routes=[*_admin(self, figures), *map(_decoding, routes)],
            middleware=[front],
            exception_handlers={HTTPException: failed},
        )
        app.router.redirect_slashes = False
        app.state.desk = self
        return app


class _Front:
    """ASGI middleware: what happens to a request before and after the platform's handler."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        desk: Desk[Any],
        routes: Sequence[BaseRoute],
        allow: Allow,
        failure: Failure,
        rewrite: Callable[[str], str],
    ) -> None:
        self._app, self._desk, self._routes = app, desk, routes
        self._allow, self._failure, self._rewrite = allow, failure, rewrite

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == ADMIN or scope["path"].startswith(ADMIN + "/"):
            await self._app(scope, receive, send)
            return
        desk, decoded = self._desk, scope["path"]
        sent = scope.get("raw_path") or quote(decoded).encode()
        scope["path"] = self._rewrite(sent.decode("ascii", "replace"))
        route = self._route(scope)
        desk.requests[route] += 1
        refusal = self._allow(Request(scope))
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        if desk.everyone.latency_s:
            await desk.sleep(desk.everyone.latency_s)
        fault = desk.faults.pick(route, decoded)
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await self._spoil(fault, scope, receive, send)

    def _route(self, scope: Scope) -> str:
        for route in self._routes:
            if isinstance(route, Route) and route.matches(scope)[0] is Match.FULL:
                return f"{scope['method']} {_pattern(route.path)}"
        return f"{scope['method']} (no route)"

    async def _spoil(self, fault: faults_.Fault, scope: Scope, receive: Receive, send: Send) -> None:
        reply = faults_.Reply()
        if fault.when == "after" or not fault.replaces:
            await self._app(scope, receive, reply.catch)
        if fault.delay_s:
            await self._desk.sleep(fault.delay_s)
        if fault.drop:
            await faults_.hang_up(scope, receive, flush=False)
            return
        if fault.replaces:
            reply = faults_.Reply()
            error = self._failure(fault.status or 503, "a fault injected by the emulator")
            await error(scope, receive, reply.catch)
        reply.spoil(fault)
        await reply.send(send, cut_bytes=fault.cut_bytes)
        if fault.cut_bytes is not None:
            await faults_.hang_up(scope, receive, flush=True)


def _pattern(path: str) -> str:
    return re.sub(r":\w+}", "}", path)


def _decoding(route: BaseRoute) -> BaseRoute:
    """Wrap a route's handler so that it finds its path parameters percent-decoded, once."""
    if not isinstance(route, Route) or isinstance(route.endpoint, type):
        return route
    handler = route.endpoint

    async def decoded(request: Request) -> Response:
        params = request.scope["path_params"]
        request.scope["path_params"] = {
            name: unquote(value) if isinstance(value, str) else value for name, value in params.items()
        }
        response: Response = await handler(request)
        return response

    return Route(route.path, decoded, methods=sorted(route.methods or ["GET"]), name=route.name)


def _admin(desk: Desk[Any], figures: Callable[[], Mapping[str, object]]) -> list[BaseRoute]:
    async def stats(request: Request) -> Response:
        asked = request.query_params.get("items", "")
        return JSONResponse({**desk.stats(int(asked) if asked.isdigit() else MANY_ITEMS), **figures()})

    async def show(_request: Request) -> Response:
        return JSONResponse(desk.settings())

    async def turn(request: Request) -> Response:
        try:
            changes = json.loads(await request.body())
            if not isinstance(changes, dict):
                raise ValueError("knobs come as one JSON object")
            desk.turn(changes)
        except ValueError as error:
            return JSONResponse({"message": str(error), "known": list(desk.settings())}, status_code=400)
        return JSONResponse(desk.settings())

    async def reset(_request: Request) -> Response:
        desk.reset()
        return JSONResponse(desk.stats())

    return [
        Route(f"{ADMIN}/stats", stats, methods=["GET"]),
        Route(f"{ADMIN}/knobs", show, methods=["GET"]),
        Route(f"{ADMIN}/knobs", turn, methods=["POST"]),
        Route(f"{ADMIN}/reset", reset, methods=["POST"]),
    ]
