"""One running stand-in: its store, its tokens, its desk; and how a handler becomes a route."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runner.emulators.desk import Desk
from runner.emulators.label_studio.knobs import Knobs
from runner.emulators.label_studio.replies import Refusal, missing, refused
from runner.emulators.label_studio.store import Project, Prompt, Run, Store, Version
from runner.emulators.label_studio.tokens import Tokens


@dataclass(slots=True)
class Site:
    """What every handler gets.

    Attributes:
        ticks: called before each request, to let time do its work.
        asked_at: times of the latest requests by rate limit.
    """

    desk: Desk[Knobs]
    store: Store
    tokens: Tokens
    ticks: list[Callable[[Site], None]] = field(default_factory=list)
    asked_at: dict[str, deque[float]] = field(default_factory=dict)

    @property
    def knobs(self) -> Knobs:
        """Give the switches as they stand now."""
        return self.desk.knobs

    def now(self) -> float:
        """Tell the time in seconds since 1970."""
        return self.desk.clock()

    def project(self, request: Request, name: str = "id") -> Project:
        """Find the project of a path.

        Raises:
            Refusal: 404.
        """
        found = self.store.projects.get(request.path_params[name])
        if found is None:
            raise missing("Project")
        return found

    def prompt(self, request: Request) -> Prompt:
        """Find the prompt of a path.

        Raises:
            Refusal: 404.
        """
        found = self.store.prompts.get(request.path_params["prompt_id"])
        if found is None:
            raise missing("ModelInterface")
        return found

    def version(self, request: Request) -> Version:
        """Find the version of a path.

        Raises:
            Refusal: 404, there is none, or it is another prompt's.
        """
        prompt = self.prompt(request)
        found = self.store.versions.get(request.path_params["version_id"])
        if found is None or found.prompt_id != prompt.id:
            raise missing("ThirdPartyModelVersion")
        return found

    def run(self, request: Request, name: str = "run_id") -> Run:
        """Find the run of a path.

        Raises:
            Refusal: 404.
        """
        found = self.store.runs.get(request.path_params[name])
        if found is None:
            raise missing("ModelRun")
        return found


Handler: TypeAlias = Callable[[Site, Request], Awaitable[Response]]


def route(site: Site, path: str, **verbs: Handler) -> Route:
    """Make one route whose methods are the names of `verbs`: `route(site, "/api/prompts/", get=..., post=...)`."""

    async def answer(request: Request) -> Response:
        for tick in site.ticks:
            tick(site)
        try:
            return await verbs[request.method.lower().replace("head", "get")](site, request)
        except Refusal as refusal:
            return refused(refusal.status, refusal.detail, refusal.errors)

    return Route(path, answer, methods=[verb.upper() for verb in verbs])
