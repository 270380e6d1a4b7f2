"""Who may ask: legacy tokens, personal access tokens (PAT) and the bearers of 300 s that a PAT is exchanged for.

A PAT is a JWT of the kind `refresh`; it opens nothing by itself. Both are signed here with HS256 and a key made from
the emulator's token, so the PAT that belongs to a token is always the same one.

Source: label-studio 1.23.2 over HTTP, read 2026-11; RFC 7519.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass, field

from runner.emulators.label_studio.replies import Refusal
from runner.model.item import Json

FAR = 7_952_342_400
"""Expiry of every PAT, 2222-01-01: the server gives about 200 years."""

INVALID = "Given token not valid for any token type"


def personal_access_token(token: str) -> str:
    """Give the PAT that an emulator with this token accepts from its start; the token itself when it is a JWT."""
    if claims(token):
        return token
    return signed(token, {"token_type": "refresh", "exp": FAR, "iat": 0, "jti": _digest(token), "user_id": "1"})


def signed(key: str, said: dict[str, Json]) -> str:
    """Make a JWT."""
    head = _encoded(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    body = f"{head}.{_encoded(json.dumps(said).encode())}"
    return f"{body}.{_signature(key, body)}"


def claims(token: str) -> dict[str, Json]:
    """Read what a JWT says without checking it; empty when it is none."""
    parts = token.split(".")
    if len(parts) != len(("head", "claims", "signature")):
        return {}
    try:
        said = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


@dataclass(slots=True)
class Tokens:
    """The one user's tokens.

    Attributes:
        token: the accepted key: a legacy token, or a JWT that is then the PAT.
        pat: the valid PAT, None after it was blacklisted.
        gone: PATs that were blacklisted or rotated away.
    """

    token: str
    pat: str | None = None
    gone: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.pat = personal_access_token(self.token)

    def refused(self, headers: dict[str, str], now: float, *, legacy: bool) -> str:
        """Say why a request is not let in; empty when it is.

        Args:
            headers: of the request, names in lower case.
            now: seconds since 1970.
            legacy: whether legacy tokens are accepted.
        """
        scheme, _, given = headers.get("authorization", "").partition(" ")
        key = headers.get("x-api-key")
        if key:
            scheme, given = ("Bearer" if claims(key) else "Token"), key
        if not given:
            return "Authentication credentials were not provided."
        if scheme.lower() == "token":
            return self._legacy_fault(given.strip(), legacy=legacy)
        return "" if scheme.lower() == "bearer" and self._is_access(given.strip(), now) else INVALID

    def access(self, pat: str, now: float, life_s: float) -> str:
        """Exchange a PAT for a bearer.

        Raises:
            Refusal: 401, it is not the valid PAT.
        """
        if pat != self.pat or float(claims(pat).get("exp", 0)) <= now:
            raise Refusal(401, "Token is invalid")
        said = {"token_type": "access", "exp": int(now + life_s), "iat": int(now), "jti": uuid.uuid4().hex}
        return signed(self.token, said | {"user_id": "1"})

    def create(self) -> str:
        """Make the user's PAT.

        Raises:
            Refusal: 409, there is one already.
        """
        if self.pat is not None:
            raise Refusal(409, "You already have a valid token. Please revoke it before creating a new one.")
        said = {"token_type": "refresh", "exp": FAR, "iat": 0, "jti": uuid.uuid4().hex, "user_id": "1"}
        self.pat = signed(self.token, said)
        return self.pat

    def blacklist(self, pat: str) -> None:
        """Make a PAT worthless.

        Raises:
            Refusal: 404, it is already; 400, it never was one.
        """
        if pat in self.gone:
            raise Refusal(404, "The token is already blacklisted.")
        if pat != self.pat:
            raise Refusal(400, "Token is invalid")
        self.gone.add(pat)
        self.pat = None

    def _legacy_fault(self, given: str, *, legacy: bool) -> str:
        if not hmac.compare_digest(given.encode(), self.token.encode()) or claims(given):
            return "Invalid token."
        return "" if legacy else "legacy token authentication has been disabled for this organization"

    def _is_access(self, given: str, now: float) -> bool:
        body, _, signature = given.rpartition(".")
        said = claims(given)
        right = hmac.compare_digest(signature.encode(), _signature(self.token, body).encode())
        return right and said.get("token_type") == "access" and float(said.get("exp", 0)) > now


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()[:32]


def _signature(key: str, body: str) -> str:
    secret = hashlib.sha256(b"emulator:" + key.encode()).digest()
    return _encoded(hmac.new(secret, body.encode(), hashlib.sha256).digest())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
