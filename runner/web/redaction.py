"""Redact secrets in every reply of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.model.redact import REDACTOR

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class RedactReplies:
    """ASGI middleware; a reply whose length changes gets its new length."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        waiting: list[Message] = []

        async def redacted(message: Message) -> None:
            if message["type"] == "http.response.start" and _has_length(message):
                waiting.append(message)
                return
            if message["type"] == "http.response.body":
                message = {**message, "body": REDACTOR.data(message.get("body", b""))}
                while waiting:
                    begin = waiting.pop()
                    headers = [_header(name, value, len(message["body"])) for name, value in begin["headers"]]
                    await send({**begin, "headers": headers})
            await send(message)

        await self._app(scope, receive, redacted)


def _has_length(begin: Message) -> bool:
    return any(name.lower() == b"content-length" for name, _ in begin.get("headers", ()))


def _header(name: bytes, value: bytes, length: int) -> tuple[bytes, bytes]:
    return (name, str(length).encode()) if name.lower() == b"content-length" else (name, value)
