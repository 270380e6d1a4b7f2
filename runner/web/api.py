"""The runs, for programs and people: list, look, follow, cancel."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from runner import jsontext
from runner.model.errors import LedgerError
from runner.model.item import Json
from runner.model.recipe import Recipe
from runner.model.secret import Secret
from runner.web.access import refusal
from runner.web.branch import Branch
from runner.web.crew import Crew
from runner.web.entry import Entry, Status
from runner.web.queue import Queue
from runner.web.runlog import RunLog, RunLogs
from runner.web.shown import reply, run_document

MOST_RUNS: Final = 1000
USUAL_RUNS: Final = 100

Endpoint = Callable[[Request], Awaitable[Response]]


def guarded(endpoint: Endpoint, token: Secret | None) -> Endpoint:
    """Let only those through who may look at runs."""

    async def checked(request: Request) -> Response:
        refused = refusal(request, token)
        return await endpoint(request) if refused is None else refused

    return checked


class Api:
    """What can be asked about recipes and runs."""

    def __init__(
        self,
        recipes: Callable[[], Sequence[Recipe]],
        queue: Queue,
        crew: Crew,
        logs: RunLogs,
        branch: Branch | None = None,
    ) -> None:
        self._recipes = recipes
        self._branch = branch
        self._queue = queue
        self._crew = crew
        self._logs = logs

    def routes(self, token: Secret | None) -> Sequence[Route]:
        """Return the paths, guarded."""
        table: Mapping[str, tuple[Endpoint, str]] = {
            "/api/recipes": (self.recipes, "GET"),
            "/api/runs": (self.runs, "GET"),
            "/api/runs/{id}": (self.run, "GET"),
            "/api/runs/{id}/events": (self.events, "GET"),
            "/api/runs/{id}/cancel": (self.cancel, "POST"),
        }
        return [Route(path, guarded(one, token), methods=[method]) for path, (one, method) in table.items()]

    async def recipes(self, request: Request) -> Response:
        """List the recipes, what starts them, and how they and the branch stand when one is followed."""
        branch = self._branch
        health = {} if branch is None else branch.health()
        found = [
            {
                "name": recipe.name,
                "description": recipe.description,
                "triggers": [{"kind": one.kind, "options": dict(one.plain)} for one in recipe.triggers],
                "health": health.get(recipe.name),
            }
            for recipe in self._recipes()
        ]
        return reply({"recipes": found, "branch": None if branch is None else branch.document()})

    async def runs(self, request: Request) -> Response:
        """List runs, newest first."""
        asked = request.query_params
        limit = _number(asked.get("limit"), USUAL_RUNS)
        status = asked.get("status")
        if status is not None and status not in list(Status):
            raise HTTPException(422, f"status is one of {', '.join(Status)}")
        recipe = asked.get("recipe")
        found = [
            run_document(entry)
            for entry in self._queue.entries()
            if status in (None, entry.status) and recipe in (None, entry.recipe)
        ]
        return reply({"runs": found[:limit]})

    async def run(self, request: Request) -> Response:
        """Show one run, with how far it is."""
        entry = self._entry(request)
        return reply(run_document(entry, self._log(entry)))

    async def events(self, request: Request) -> Response:
        """Give the events of a run as server-sent events, from the first or from behind Last-Event-ID, to its end."""
        entry = self._entry(request)
        after = _number(request.headers.get("last-event-id"), 0, least=0)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._stream(entry.id, after), 200, headers, "text/event-stream")

    async def cancel(self, request: Request) -> Response:
        """End a run for good, its jobs too where that can be done."""
        entry = self._entry(request)
        if entry.status is Status.ENDED:
            raise HTTPException(409, f"the run has ended: {entry.outcome}")
        try:
            await self._crew.cancel(entry)
        except LedgerError as error:
            raise HTTPException(503, str(error)) from error
        return reply(run_document(self._queue.get(entry.id) or entry), 202)

    def _entry(self, request: Request) -> Entry:
        entry = self._queue.get(request.path_params["id"])
        if entry is None:
            raise HTTPException(404, "there is no run of this id")
        return entry

    def _log(self, entry: Entry) -> RunLog:
        return self._logs.get(entry.id, is_over=entry.status is Status.ENDED)

    async def _stream(self, id_: str, after: int) -> AsyncIterator[bytes]:
        entry = self._queue.get(id_)
        if entry is None:
            return
        async for event in self._log(entry).follow(after):
            if event is None:
                yield b": still here\n\n"
                continue
            number, line = event
            name = jsontext.read(line)["event"]
            yield f"id: {number}\nevent: {name}\n".encode() + b"data: " + line + b"\n\n"
        last = self._queue.get(id_)
        if last is not None and last.status is Status.ENDED:
            yield b"event: end\ndata: " + jsontext.write(run_document(last)) + b"\n\n"


def _number(text: str | None, usual: int, *, least: int = 1) -> int:
    if text is None:
        return usual
    value: Json = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
    if value < least or (least and value > MOST_RUNS):
        raise HTTPException(422, f"a whole number from {least} on is needed, not {text[:20]!r}")
    return int(value)
