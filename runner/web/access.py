"""Who may look at runs and cancel them: the bearer of the token; without a token, who sits at this machine.

"At this machine" is more than a loopback peer: a proxy beside the service has one too, and so has any page in a
browser there. So a request that was forwarded, that names a host which is not this machine, or that another site's page
sends, is not answered without a token.
"""

from __future__ import annotations

import hmac
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from runner.model.secret import Secret
from runner.web.shown import reply

FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


def refusal(request: Request, token: Secret | None) -> Response | None:
    """Return the answer to a request that may not be served; None when it may."""
    if token is not None:
        return None if _has_token(request, token) else _answer(401, "a bearer token is needed", "Bearer")
    if _is_local(request):
        return None
    return _answer(403, "without a token only this machine is answered: name one with --api-token")


def _answer(status: int, detail: str, challenge: str = "") -> Response:
    headers = {"WWW-Authenticate": challenge} if challenge else None
    return reply({"detail": detail}, status, headers)


def _has_token(request: Request, token: Secret) -> bool:
    given = request.headers.getlist("authorization")
    wanted = f"Bearer {token.reveal()}".encode()
    return len(given) == 1 and hmac.compare_digest(given[0].encode("latin-1", "replace"), wanted)


def _is_local(request: Request) -> bool:
    if any(name in request.headers for name in FORWARDED):
        return False
    if request.client is None or not _is_loopback(request.client.host):
        return False
    host = _host_name(f"//{request.headers.get('host', '')}")
    if not _is_loopback(host):
        return False
    origin = request.headers.get("origin")
    return origin is None or _host_name(origin) == host


def _host_name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
