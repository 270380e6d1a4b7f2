"""Edition, user and tokens: `/api/version/`, `/api/current-user/whoami`, `/api/token/...`, `/api/jwt/settings`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from runner.emulators.label_studio import shapes
from runner.emulators.label_studio.filters import stamp
from runner.emulators.label_studio.replies import RELEASE, invalid, object_of, refused
from runner.emulators.label_studio.site import Site, route

OPEN = {"/api/version", "/health", "/api/token/refresh"}
LIMITS = (("/import", 1), ("/annotations", 5), ("", 15))


def routes(site: Site) -> list[Route]:
    """Make the routes of this room."""
    return [
        route(site, "/health", get=health),
        route(site, "/api/version/", get=version),
        route(site, "/api/current-user/whoami", get=whoami),
        route(site, "/api/token/", get=tokens, post=create_token),
        route(site, "/api/token/refresh/", post=refresh),
        route(site, "/api/token/blacklist/", post=blacklist),
        route(site, "/api/token/rotate/", post=rotate),
        route(site, "/api/jwt/settings", get=settings, post=settings),
    ]


def doorkeeper(site: Site, is_known: Callable[[Request], bool]) -> Callable[[Request], Response | None]:
    """Make the check that runs before each request: the token, then the documented rate limits.

    Args:
        site: the stand-in.
        is_known: whether the request's path is one of the API's; others are 404, with a token or without.
    """

    def allow(request: Request) -> Response | None:
        path = request.url.path.rstrip("/")
        if path in OPEN or not is_known(request):
            return None
        why = site.tokens.refused(dict(request.headers), site.now(), legacy=site.knobs.legacy_tokens)
        if why:
            return refused(401, why)
        return _too_many(site, path) if site.knobs.rate_limits else None

    return allow


async def health(_site: Site, _request: Request) -> Response:
    """Say that the server is up; the real one labels the JSON as HTML too."""
    return PlainTextResponse('{"status": "UP"}', media_type="text/html")


async def version(site: Site, _request: Request) -> Response:
    """Tell release and edition; needs no token."""
    shown = {"release": RELEASE, "edition": site.knobs.edition, "backend": {}, "dm2": {}, "lsf": {}}
    return JSONResponse(shown | {"label-studio-os-package": {"version": RELEASE}, "label-studio-os-backend": {}})


async def whoami(_site: Site, _request: Request) -> Response:
    """Tell who asks."""
    return JSONResponse(shapes.USER | {"active_organization": shapes.ORGANIZATION})


async def tokens(site: Site, _request: Request) -> Response:
    """List the PATs, their signature cut off."""
    held = site.tokens.pat
    shown = [{"token": held.rpartition(".")[0], "created_at": stamp(0), "expires_at": None}] if held else []
    return JSONResponse(shown)


async def create_token(site: Site, _request: Request) -> Response:
    """Make the one PAT of the user."""
    return JSONResponse({"token": site.tokens.create()}, status_code=201)


async def refresh(site: Site, request: Request) -> Response:
    """Exchange a PAT for a bearer."""
    life_s = site.knobs.token_life_s
    return JSONResponse({"access": site.tokens.access(await _given(request), site.now(), life_s)})


async def blacklist(site: Site, request: Request) -> Response:
    """Make a PAT worthless."""
    site.tokens.blacklist(await _given(request))
    return Response(status_code=204)


async def rotate(site: Site, request: Request) -> Response:
    """Replace a PAT by a new one."""
    site.tokens.blacklist(await _given(request))
    return JSONResponse({"refresh": site.tokens.create()})


async def settings(site: Site, request: Request) -> Response:
    """Show, or with POST change, which kinds of token are accepted."""
    if request.method == "POST":
        asked = (await object_of(request)).get("legacy_api_tokens_enabled", site.knobs.legacy_tokens)
        site.desk.turn({"legacy_tokens": bool(asked)})
    return JSONResponse({"api_tokens_enabled": True, "legacy_api_tokens_enabled": site.knobs.legacy_tokens})


async def _given(request: Request) -> str:
    given = (await object_of(request)).get("refresh")
    if not isinstance(given, str):
        raise invalid(refresh="This field is required.")
    return given


def _too_many(site: Site, path: str) -> Response | None:
    ending, limit = next((ending, limit) for ending, limit in LIMITS if path.endswith(ending))
    latest, now = site.asked_at.setdefault(ending, deque()), site.now()
    while latest and latest[0] <= now - 1:
        latest.popleft()
    if len(latest) < limit:
        latest.append(now)
        return None
    headers = {"Retry-After": "1"} if site.knobs.rate_limit_header else {}
    return refused(429, "Request was throttled. Retry after a short delay.", headers=headers)
