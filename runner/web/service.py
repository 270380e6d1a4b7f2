"""The whole service: opened with a project, served as one ASGI app, closed within ten seconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from runner.assembly.loading import Loaded, load_files
from runner.assembly.session import Session, open_session
from runner.model.contracts import Clock
from runner.model.item import Json
from runner.model.recipe import Recipe
from runner.model.secret import Secret
from runner.web.api import Api, guarded
from runner.web.bodies import WITHIN_S
from runner.web.branch import Branch
from runner.web.clockwork import Clockwork
from runner.web.crew import Crew, Manners
from runner.web.hooks import Hooks
from runner.web.metrics import TYPE, Labels, Metrics
from runner.web.openapi import openapi
from runner.web.page import HEADERS, page
from runner.web.queue import Queue
from runner.web.redaction import RedactReplies
from runner.web.runlog import RunLogs
from runner.web.shown import reply
from runner.web.triggers import Triggers, triggers_of

MAX_RUNS: Final = 100


@dataclass(frozen=True, slots=True)
class Settings:
    """How a project is served.

    Attributes:
        paths, variables, profile, environ: as for any command; recipes are read anew for each run.
        api_token: name of the project's secret that is the API's bearer token; empty without one.
        max_runs: most runs that may wait and run; a further order is answered with 503.
        manners: how runs are performed.
        body_within_s: how long the body of a request may take to arrive.
        repo_secret: name of the project's secret that the host of a followed branch signs with; empty without one.
    """

    paths: Sequence[Path]
    environ: Mapping[str, str]
    variables: Mapping[str, str] = field(default_factory=dict)
    profile: str = ""
    api_token: str = ""
    max_runs: int = MAX_RUNS
    manners: Manners = field(default_factory=Manners)
    body_within_s: float = WITHIN_S
    repo_secret: str = ""


class Service:
    """The parts of a running service; use `opened`."""

    def __init__(self, loaded: Loaded, session: Session, settings: Settings, branch: Branch | None = None) -> None:
        self._session = session
        self._settings = settings
        self._started_with = loaded.recipes
        self._branch = branch
        self._token: Secret | None = session.secret(settings.api_token) if settings.api_token else None
        self._repo_secret = session.secret(settings.repo_secret) if settings.repo_secret else None
        self.triggers: Triggers = triggers_of(loaded.recipes, session.secret)
        folder = session.project.state / "serve"
        self.metrics = Metrics()
        self.queue = Queue(folder / "queue", session.clock, settings.max_runs)
        self.logs = RunLogs(folder / "runs")
        self.crew = Crew(session, self.queue, self.logs, self.metrics, self._load, settings.manners)
        self.hooks = Hooks(
            self.triggers,
            self.queue,
            self.metrics,
            session.clock,
            wake=self.crew.wake,
            body_within_s=settings.body_within_s,
        )
        self._clockwork = Clockwork(self.triggers.schedules, self.queue, session.clock, self.metrics, self.crew.wake)
        self._ticking: asyncio.Task[None] | None = None
        self._started_at = session.clock.now()

    async def start(self) -> None:
        """Read the queue, go on with what an earlier process left, and look at the clock.

        Raises:
            LeaseHeld, LedgerError: another service has the queue, or it cannot be used.
        """
        self.queue.open()
        self.logs.clear({entry.id for entry in self.queue.entries()})
        self.crew.wake()
        self._ticking = asyncio.create_task(self._clockwork.run())
        if self._branch is not None:
            self._branch.start()

    async def stop(self) -> None:
        """Take no further order, interrupt what runs, and let go of everything; may be called twice."""
        if self.hooks.is_closing:
            return
        self.hooks.is_closing = True
        if self._ticking is not None:
            self._ticking.cancel()
            with suppress(asyncio.CancelledError):
                await self._ticking
        await asyncio.gather(self.crew.leave(), self._branch.stop() if self._branch is not None else asyncio.sleep(0))
        self.logs.close()
        await self.queue.close()

    @property
    def fault(self) -> str:
        """Why no order is taken; empty when they are."""
        if self.hooks.is_closing:
            return "the service is ending"
        return self.queue.fault or self.crew.fault

    def app(self) -> Starlette:
        """Return the ASGI app."""
        api = Api(self._recipes, self.queue, self.crew, self.logs, self._branch)
        own = {"/": self._page, "/metrics": self._metrics, "/api/openapi.json": self._openapi}
        routes = [
            Route("/healthz", self._healthz, methods=["GET"]),
            Route("/readyz", self._readyz, methods=["GET"]),
            *[Route(path, guarded(endpoint, self._token), methods=["GET"]) for path, endpoint in own.items()],
            *api.routes(self._token),
            *self.hooks.routes(),
            *(self._branch.routes(self._repo_secret) if self._branch is not None else ()),
        ]
        app = Starlette(
            routes=routes,
            middleware=[Middleware(RedactReplies)],
            exception_handlers={HTTPException: _refused, ClientDisconnect: _gone, Exception: _failed},
        )
        app.router.redirect_slashes = False
        return app

    def _recipes(self) -> Sequence[Recipe]:
        """Return the recipes as they are now."""
        followed = None if self._branch is None else self._branch.recipes()
        return self._started_with if followed is None else followed

    async def _load(self, trigger: Mapping[str, Json]) -> Loaded:
        given, branch = self._settings, self._branch

        def load() -> Loaded:
            return load_files(
                given.paths,
                environ=given.environ,
                variables=given.variables,
                profile=given.profile,
                trigger=trigger,
            )

        return await asyncio.to_thread(load if branch is None else lambda: branch.load(load))

    async def _healthz(self, request: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def _readyz(self, request: Request) -> Response:
        return PlainTextResponse(f"{self.fault}\n", 503) if self.fault else PlainTextResponse("ready\n")

    async def _metrics(self, request: Request) -> Response:
        gauges: dict[tuple[str, Labels], float] = {
            ("runner_runs_open", ()): self.queue.open_count,
            ("runner_runs_limit", ()): self.queue.most,
            ("runner_start_time_seconds", ()): self._started_at,
            **(self._branch.gauges() if self._branch is not None else {}),
        }
        return Response(self.metrics.text(gauges), media_type=TYPE)

    async def _openapi(self, request: Request) -> Response:
        return reply(
            openapi(
                self.triggers.hooks.values(),
                has_token=self._token is not None,
                is_told_of_pushes=self._branch is not None and self._repo_secret is not None,
                root=request.scope.get("root_path", ""),
            )
        )

    async def _page(self, request: Request) -> Response:
        root = request.scope.get("root_path", "")
        return HTMLResponse(page(self._recipes(), self.queue.entries(), self.queue.most, root), headers=HEADERS)


@asynccontextmanager
async def opened(
    loaded: Loaded, settings: Settings, clock: Clock | None = None, branch: Branch | None = None
) -> AsyncIterator[Service]:
    """Open the service of a project, and stop it in order at the end.

    Args:
        loaded: the recipes without a trigger, free of errors.
        settings: how it is served.
        clock: the time.
        branch: to follow besides; None when the recipes lie in a folder of their own.

    Raises:
        ConfigError: a secret is missing, two triggers share a path.
        LeaseHeld, LedgerError: another service works on the project's queue, or it cannot be used.
    """
    async with open_session(
        loaded.project, loaded.recipes, loaded.catalog, environ=settings.environ, clock=clock
    ) as session:
        service = Service(loaded, session, settings, branch)
        await service.start()
        try:
            yield service
        finally:
            await service.stop()


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return reply({"detail": error.detail}, error.status_code, error.headers)


async def _gone(request: Request, error: Exception) -> Response:
    return reply({"detail": "the sender went away"}, 400)


async def _failed(request: Request, error: Exception) -> Response:
    return reply({"detail": "a fault of the service; its log says more"}, 500)
