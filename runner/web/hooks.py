"""The signed requests: what Labelbox's Train button sends, and generic webhooks.

The order of the checks is that of their cost to an attacker: size and time while the body is read, the signature over
its raw bytes, and only then what it says.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runner import jsontext
from runner.model.contracts import Clock
from runner.model.errors import LedgerError
from runner.model.item import Json
from runner.web.bodies import read_body
from runner.web.entry import Order
from runner.web.metrics import Metrics
from runner.web.queue import Queue, QueueFull
from runner.web.shown import reply
from runner.web.signature import Signing, StandardSigning
from runner.web.triggers import MODEL_RUN, Hook, ModelType, Triggers

RETRY_AFTER_S: Final = 30
MOST_DEEP: Final = 64
MOST_LETTERS: Final = 200
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

Endpoint = Callable[[Request], Awaitable[Response]]


class Hooks:
    """Answers signed requests by putting orders into the queue; `wake` is called for each new one."""

    def __init__(
        self,
        triggers: Triggers,
        queue: Queue,
        metrics: Metrics,
        clock: Clock,
        *,
        wake: Callable[[], None],
        body_within_s: float,
    ) -> None:
        self._triggers = triggers
        self._queue = queue
        self._metrics = metrics
        self._clock = clock
        self._wake = wake
        self._body_within_s = body_within_s
        self.is_closing = False

    def routes(self) -> Sequence[Route]:
        """Return the paths; that of each webhook is the recipe's."""
        hooks = [Route(hook.path, self._answering(hook), methods=["POST"]) for hook in self._triggers.hooks.values()]
        return [
            Route("/models", self.models, methods=["GET"]),
            Route("/model_run", self.model_run, methods=["POST"]),
            *hooks,
        ]

    async def models(self, request: Request) -> Response:
        """List the model types of all recipes whose secret the request is signed with."""
        known = self._signed(request, b"", self._triggers.model_types)
        return reply({one.name: {} for one in known})

    async def model_run(self, request: Request) -> Response:
        """Start the recipe of a model type for a model run."""
        body = await read_body(request, within_s=self._body_within_s)
        known = {one.name: one for one in self._signed(request, body, self._triggers.model_types)}
        value = _object(body)
        texts = {name: value.get(name) for name in ("modelType", "modelRunId")}
        wrong = [name for name, text in texts.items() if not isinstance(text, str) or not text]
        if wrong:
            raise HTTPException(422, f"{' and '.join(wrong)} must be given as text")
        if not _ID.fullmatch(str(texts["modelRunId"])):
            raise HTTPException(422, "modelRunId must be up to 100 letters, digits, dots, hyphens and underscores")
        found = known.get(str(texts["modelType"]))
        if found is None:
            raise HTTPException(404, f"there is no modelType {texts['modelType']!r:.100}; known: {', '.join(known)}")
        key = f"{MODEL_RUN} {found.recipe} {texts['modelRunId']}"
        await self._take(Order(found.recipe, MODEL_RUN, key, value, once=True))
        return reply(None)

    def _answering(self, hook: Hook) -> Endpoint:
        async def answer(request: Request) -> Response:
            body = await read_body(request, within_s=self._body_within_s)
            self._check(request, body, hook.signing)
            value = _object(body)
            delivery = _delivery(request, hook, value)
            name = f"#{blake2b(body, digest_size=16).hexdigest()}" if delivery is None else f"={delivery}"
            order = Order(hook.recipe, "webhook", f"webhook {hook.path} {name}", value, once=delivery is not None)
            return reply(await self._take(order), 202)

        return answer

    async def _take(self, order: Order) -> Mapping[str, Json]:
        try:
            if self.is_closing:
                raise QueueFull("the service is ending")
            entry, is_new = await self._queue.accept(order)
        except (QueueFull, LedgerError) as error:
            self._metrics.count("runner_orders_total", trigger=order.kind, result="refused")
            raise HTTPException(503, str(error), {"Retry-After": str(RETRY_AFTER_S)}) from error
        self._metrics.count("runner_orders_total", trigger=order.kind, result="started" if is_new else "known")
        if is_new:
            self._wake()
        return {"run": entry.id, "started": is_new}

    def _signed(self, request: Request, message: bytes, known: Iterable[ModelType]) -> list[ModelType]:
        found = [one for one in known if self._fits(request, message, one.signing)]
        if not found:
            raise self._wrong_signature()
        return found

    def _check(self, request: Request, message: bytes, signing: Signing | StandardSigning) -> None:
        if not self._fits(request, message, signing):
            raise self._wrong_signature(is_timed=isinstance(signing, StandardSigning))

    def _fits(self, request: Request, message: bytes, signing: Signing | StandardSigning) -> bool:
        return signing.fits(request.headers.getlist, message, self._clock.now())

    def _wrong_signature(self, *, is_timed: bool = False) -> HTTPException:
        self._metrics.count("runner_orders_total", trigger="unknown", result="wrong_signature")
        age = ", or webhook-timestamp is more than 5 minutes from this clock" if is_timed else ""
        return HTTPException(401, f"the signature does not match the body and the secret{age}")


def _delivery(request: Request, hook: Hook, value: Mapping[str, Json]) -> str | None:
    """Return what identifies a delivery; None when nothing is to."""
    if hook.delivery_header:
        given = request.headers.getlist(hook.delivery_header)
        if len(given) != 1 or not 0 < len(given[0]) <= MOST_LETTERS:
            raise HTTPException(
                422, f"the header {hook.delivery_header} must be given once, up to {MOST_LETTERS} letters"
            )
        return given[0]
    if not hook.delivery:
        return None
    delivery = value.get(hook.delivery)
    if not isinstance(delivery, (str, int)) or isinstance(delivery, bool):
        raise HTTPException(422, f"the body needs the member {hook.delivery!r}, a text or whole number")
    return str(delivery)


def _object(body: bytes) -> Mapping[str, Json]:
    try:
        value = jsontext.read(body)
    except ValueError as error:
        raise HTTPException(400, f"the body is {error}") from error
    if not isinstance(value, dict):
        raise HTTPException(422, "the body must be a JSON object")
    if not _is_shallow(value):
        raise HTTPException(422, f"the body may be nested {MOST_DEEP} deep")
    return value


def _is_shallow(value: Json) -> bool:
    level: list[Json] = [value]
    for _ in range(MOST_DEEP):
        inner = (list(one.values()) if isinstance(one, dict) else one for one in level if isinstance(one, (dict, list)))
        level = [one for many in inner for one in many]
        if not level:
            return True
    return False
