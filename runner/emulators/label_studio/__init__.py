"""A stand-in of Label Studio, Enterprise with Prompts or Community without, on loopback.

It starts with project 3 `support-intent` (60 support messages, 56 with ground truth) and prompt 1 with the versions
1 to 7; `create(seed=560)` makes a larger project, `create(seed=0)` an empty server. Runs do real work: `model.py`
reads prompt and task by rules, accuracy is measured against the ground truths. A *site* is one running stand-in.

The switches are in `knobs.py`. `GET /_emulator/stats` counts `submits` as `version V task T` for each task a run
accepted, and `counts` of `runs`, `predictions`, `predictions_uploaded`, `refinements`; it also shows the personal
access token that belongs to the emulator's token.

Source: label-studio 1.23.2 over HTTP, label-studio-sdk 2.1.2 and its OpenAPI file, read 2026-11.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Match, Route

from runner.emulators.desk import Desk
from runner.emulators.label_studio import (
    accounts,
    connections,
    inference,
    predictions,
    projects,
    prompts,
    refinements,
    results,
    runs,
    tasks,
    versions,
    views,
)
from runner.emulators.label_studio.knobs import Knobs
from runner.emulators.label_studio.replies import refused
from runner.emulators.label_studio.seed import seed
from runner.emulators.label_studio.site import Site
from runner.emulators.label_studio.store import Store
from runner.emulators.label_studio.tokens import Tokens, personal_access_token

__all__ = ["Knobs", "create", "personal_access_token"]

OPEN_SOURCE = (accounts, projects, tasks, predictions, views)
ENTERPRISE = (prompts, versions, refinements, inference, results, connections)


def create(*, token: str = "emulator", clock: Callable[[], float] = time.time, **knobs: object) -> Starlette:
    """Make the app.

    Args:
        token: the accepted key: a legacy token, or a JWT that is then the personal access token.
        clock: seconds since 1970; runs, imports and tokens live by it.
        knobs: switches of `Knobs`, and those that every emulator has.

    Raises:
        ValueError: an unknown knob, or a value that it does not take.
    """
    desk = Desk("label_studio", Knobs(), token=token, clock=clock)
    desk.turn(knobs)
    site = Site(desk, Store(clock), Tokens(token), ticks=[runs.advance, projects.advance])
    seed(site.store, desk.knobs.seed)
    free = [each for room in OPEN_SOURCE for each in room.routes(site)]
    paid = [each for room in ENTERPRISE for each in room.routes(site)]

    def rewrite(path: str) -> str:
        # The server takes its own paths with and without the last slash; those of Enterprise only as documented.
        if any(each.path_regex.match(path) for each in free):
            return path
        other = path.rstrip("/") if path.endswith("/") else path + "/"
        if any(each.path_regex.match(other) for each in free):
            return other
        is_hidden = site.knobs.edition == "Community" and any(each.path_regex.match(path) for each in paid)
        return "/hidden" + path if is_hidden else path

    def is_known(request: Request) -> bool:
        return any(_matches(each, request) for each in (*free, *paid))

    app = desk.app(
        [*free, *paid],
        allow=accounts.doorkeeper(site, is_known),
        failure=refused,
        rewrite=rewrite,
        figures=lambda: {"personal_access_token": site.tokens.pat},
    )
    app.state.site = site
    return app


def _matches(each: Route, request: Request) -> bool:
    return each.matches(request.scope)[0] is not Match.NONE
