"""Serve several projects at one address, each below the name of its project."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from runner.web.service import Service


def joined(services: Mapping[str, Service]) -> Starlette:
    """Return one ASGI app; /NAME/... is the service of a project, /healthz and /readyz are about all of them.

    Args:
        services: name of the project to its service.
    """

    async def healthz(request: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def readyz(request: Request) -> Response:
        faults = [f"{name}: {service.fault}\n" for name, service in services.items() if service.fault]
        return PlainTextResponse("".join(faults), 503) if faults else PlainTextResponse("ready\n")

    app = Starlette(
        routes=[
            Route("/healthz", healthz, methods=["GET"]),
            Route("/readyz", readyz, methods=["GET"]),
            *[Mount(f"/{name}", app=service.app()) for name, service in services.items()],
        ]
    )
    app.router.redirect_slashes = False
    return app
