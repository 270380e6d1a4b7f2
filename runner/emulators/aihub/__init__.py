"""Instabase AI Hub on loopback: batches, uploads, app and deployment runs, paged results, the drive.

Answers as `aihub.instabase.com/api` does, by the vendor's SDK 0.14.0 and OpenAPI file; `/api` before the paths may be
left out. Two apps do real work on the files: *Invoice Extractor* (owner `instabase`, versions 3.1.0 and 3.2.0) and
*Text Statistics* (owner `instabase`, or omitted). Deployments of both have the ids in `apps.DEPLOYMENTS`. What the
vendor's documents leave open is a knob (`knobs.Knobs`).

Not here: secrets, audit logs, webhooks, legacy v1, conversations and queries.

Source: docs.instabase.com, PyPI instabase-aihub 0.14.0, github.com/instabase/aihub-openapi fc26036, 2026-08-17.
"""

import re
import time
from collections.abc import Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runner.emulators.aihub.batches import Batches
from runner.emulators.aihub.files import Files
from runner.emulators.aihub.knobs import Knobs
from runner.emulators.aihub.results import Results
from runner.emulators.aihub.runs import Runs
from runner.emulators.aihub.store import Store
from runner.emulators.aihub.uploads import Uploads
from runner.emulators.desk import Desk


def create(*, token: str = "emulator", clock: Callable[[], float] = time.time, **knobs: object) -> Starlette:
    """Make the app.

    Args:
        token: the one API key that is accepted.
        clock: seconds since 1970; a run is done when the clock says so.
        knobs: of `Knobs`, and everyone's.

    Raises:
        ValueError: an unknown knob or a value that does not fit.
    """
    desk = Desk("aihub", Knobs(), token=token, clock=clock)
    desk.turn(knobs)
    store = Store(clock)
    runs = Runs(desk, store)

    def allow(request: Request) -> Response | None:
        if request.headers.get("authorization") != f"Bearer {token}":
            return _failure(401, "the API token is missing, wrong or expired")
        contexts = desk.knobs.contexts
        if contexts and request.headers.get("ib-context") not in contexts:
            return _failure(401, "the IB-Context is missing or not yours")
        return None

    def figures() -> Mapping[str, object]:
        return {"held": {"batches": len(store.batches), "runs": len(store.runs), "uploads": len(store.uploads)}}

    rooms = (Batches(desk, store), Uploads(desk, store), runs, Results(desk, store, runs), Files(store))
    routes = [route for room in rooms for route in room.routes()]
    return desk.app(routes, allow=allow, failure=_failure, rewrite=_plain_path, figures=figures)


def _failure(status: int, message: str) -> Response:
    return JSONResponse({"message": message}, status_code=status)


def _plain_path(path: str) -> str:
    """Fold double slashes (the SDK keeps a slash at the end of its root) and drop `/api`."""
    folded = re.sub(r"/{2,}", "/", path)
    return folded.removeprefix("/api") if folded.startswith("/api/") else folded
