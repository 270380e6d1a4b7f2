"""A Git branch that the service follows: what a commit changes is applied, the Git host says when to look.

Recipes with triggers are left to their triggers; all others are applied when a commit gives them work. The request of
the Git host only says "look now": it carries no order, so a forged or repeated one could do nothing but that.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runner.assembly.loading import Loaded
from runner.engine.stop import Reason, Stop
from runner.gitops.sync import Sync, status_document
from runner.model.item import Json
from runner.model.project import SecretRef
from runner.model.recipe import Recipe
from runner.model.secret import Secret
from runner.web.bodies import read_body
from runner.web.metrics import Labels
from runner.web.shown import reply
from runner.web.signature import Signing

PUSH: Final = "/git/push"
MOST_BYTES: Final = 8 << 20
"""A push of many commits is told in much text; only its signature is of interest."""

LEFT_WITHIN_S: Final = 7.0
"""How long an apply may take to stop when the service ends; then it is cut off, which the ledger survives."""

RESTART: Final = "triggers, connections or secrets have changed: restart the service to use them"


class Branch:
    """What the service does about its branch."""

    def __init__(self, sync: Sync, started: Loaded, tell: Callable[[str], None]) -> None:
        """Build it.

        Args:
            sync: the loop; it has been looked at once, so that there are recipes.
            started: what the service began with: its triggers, connections and secrets.
            tell: is given a line when something happened that a person may want to know.
        """
        self._sync = sync
        self._fixed = _fixed(started)
        self._tell = tell
        self._told = ""
        self._stop = Stop()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look at the branch, again and again."""
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Look no more; what is being applied stops in order."""
        self._stop.ask(Reason.INTERRUPTED)
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=LEFT_WITHIN_S)
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def load(self, load: Callable[[], Loaded]) -> Loaded:
        """Load while the work tree stands still; called in a thread."""
        with self._sync.checkout.moving:
            return load()

    def recipes(self) -> Sequence[Recipe] | None:
        """Return the recipes of the last good commit."""
        return None if self._sync.loaded is None else self._sync.loaded.recipes

    def document(self) -> dict[str, Json]:
        """Return how the branch stands, for the API; the health of recipes stands with them."""
        status = status_document(self._sync.status)
        return {**{name: value for name, value in status.items() if name != "recipes"}, "restart": self._restart()}

    def health(self) -> Mapping[str, Json]:
        """Return how each recipe stands that the branch applies."""
        healths: Mapping[str, Json] = status_document(self._sync.status)["recipes"]
        return healths

    def gauges(self) -> Mapping[tuple[str, Labels], float]:
        """Return the same for the metrics."""
        return dict(self._gauges())

    def routes(self, secret: Secret | None) -> Sequence[Route]:
        """Return the path for the Git host; there is none without a secret."""
        if secret is None:
            return []

        async def push(request: Request) -> Response:
            body = await read_body(request, most=MOST_BYTES, within_s=10.0)
            if not is_signed(request, body, secret):
                raise HTTPException(401, "the signature does not match the body and the secret")
            self._sync.nudge()
            return reply({"nudged": True}, 202)

        return [Route(PUSH, push, methods=["POST"])]

    def _gauges(self) -> Iterator[tuple[tuple[str, Labels], float]]:
        status = self._sync.status
        yield ("runner_sync_healthy", ()), float(status.is_healthy)
        yield ("runner_sync_frozen", ()), float(bool(status.frozen))
        yield ("runner_sync_checked_at_seconds", ()), status.checked_at or 0.0
        yield ("runner_sync_commit", (("commit", status.commit),)), 1.0
        for name, health in status.recipes.items():
            yield ("runner_recipe_health", (("recipe", name), ("state", health.state))), 1.0

    def _restart(self) -> str:
        loaded = self._sync.loaded
        return RESTART if loaded is not None and _fixed(loaded) != self._fixed else ""

    async def _follow(self) -> None:
        while not self._stop.everything:
            async for applied in self._sync.once(self._stop):
                outcome = "not applied" if applied.report is None else applied.report.outcome
                self._tell(f"branch: {applied.planned.recipe.name}: {outcome}")
            self._say()
            if not self._stop.everything:
                await self._sync.pause(self._stop)

    def _say(self) -> None:
        """Tell how the branch stands when that is new."""
        status = self._sync.status
        parts = [f"at commit {status.commit[:12]}", status.error, status.frozen, self._restart()]
        told = "; ".join(part for part in parts if part)
        if told != self._told:
            self._told = told
            self._tell(f"branch: {told}")


def is_signed(request: Request, body: bytes, secret: Secret) -> bool:
    """Whether the Git host sent it: with an HMAC of the body (GitHub, Gitea), or with the secret itself (GitLab)."""
    tokens = request.headers.getlist("x-gitlab-token")
    if tokens:
        given, wanted = tokens[0].encode("latin-1", "replace"), secret.reveal().encode()
        return len(tokens) == 1 and hmac.compare_digest(given, wanted)
    signing = Signing("hmac-sha256", secret)
    return signing.is_valid(request.headers.getlist(signing.header_name), body)


def _fixed(loaded: Loaded) -> Json:
    """Return what a running service does not take anew from a commit; where it stands in the file does not count."""
    project = loaded.project
    accounts = {
        name: [one.platform, {field: _place(value) for field, value in one.fields.items()}]
        for name, one in project.connections.items()
    }
    secrets = {name: _place(one) for name, one in project.secrets.items()}
    triggers = {one.name: [[each.kind, each.plain] for each in one.triggers] for one in loaded.recipes if one.triggers}
    return [project.name, _place(project.ledger), accounts, secrets, triggers]


def _place(value: Json) -> Json:
    return [value.store, value.name, list(value.argv)] if isinstance(value, SecretRef) else value
