"""Whether a request was signed with a secret: digests are compared as bytes, in constant time."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from runner.model.errors import ConfigError
from runner.model.secret import Secret


def _hmac_sha256(secret: bytes, message: bytes) -> str:
    return hmac.new(secret, message, hashlib.sha256).hexdigest()


def _hmac_sha1(secret: bytes, message: bytes) -> str:
    return hmac.new(secret, message, hashlib.sha1).hexdigest()


def _sha1(secret: bytes, message: bytes) -> str:
    return hashlib.sha1(secret + message).hexdigest()


STANDARD: Final = "standard-webhooks"
TOLERANCE_S: Final = 300.0
"""Most seconds between the time in a signed request and now."""

GetAll = Callable[[str], Sequence[str]]
"""Returns every value of a header."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way of signing: the header `header` holds `prefix` and the digest in small hex letters."""

    header: str
    prefix: str
    digest: Callable[[bytes, bytes], str]


SCHEMES: Final[Mapping[str, Scheme]] = {
    "hmac-sha256": Scheme("X-Hub-Signature-256", "sha256=", _hmac_sha256),
    "hmac-sha1": Scheme("X-Hub-Signature", "sha1=", _hmac_sha1),
    "sha1": Scheme("X-Hub-Signature", "sha1=", _sha1),
}


@dataclass(frozen=True, slots=True)
class Signing:
    """How the requests of one sender are signed.

    Attributes:
        scheme: a name of `SCHEMES`.
        header: another one than the scheme's own; empty for that.
        prefix: text before the digest; None for the scheme's default.
    """

    scheme: str
    secret: Secret
    header: str = ""
    prefix: str | None = None

    @property
    def header_name(self) -> str:
        """The header that holds the signature."""
        return self.header or SCHEMES[self.scheme].header

    def sign(self, message: bytes) -> str:
        """Return the value of the header for a message: the raw body, empty for a GET."""
        scheme = SCHEMES[self.scheme]
        prefix = scheme.prefix if self.prefix is None else self.prefix
        return prefix + scheme.digest(self.secret.reveal().encode(), message)

    def fits(self, headers: GetAll, message: bytes, now: float) -> bool:
        """Whether a request is signed; `now` is not looked at, for no time is signed."""
        return self.is_valid(headers(self.header_name), message)

    def headers(self) -> Mapping[str, str]:
        """Return the headers that a request needs, each with what it holds."""
        prefix = SCHEMES[self.scheme].prefix if self.prefix is None else self.prefix
        return {self.header_name: f"{prefix}HEX, {self.scheme} over the raw body."}

    def is_valid(self, given: Sequence[str], message: bytes) -> bool:
        """Whether a message carries this signature.

        Args:
            given: every value of the header in the request; anything but exactly one is refused.
            message: the raw body.
        """
        if len(given) != 1:
            return False
        return hmac.compare_digest(self.sign(message).encode(), given[0].encode("latin-1", "replace"))


@dataclass(frozen=True, slots=True)
class StandardSigning:
    """Requests signed as Standard Webhooks says: HMAC-SHA256 over `id.timestamp.body`, in base64, several at one time.

    Source: standardwebhooks.com, specification 1.0.0, "Verifying signatures", read 2026-11.
    """

    secret: Secret

    def key(self) -> bytes:
        """Return the key that the secret holds in base64, with or without `whsec_` before it.

        Raises:
            ConfigError: it is not base64.
        """
        text = self.secret.reveal().strip().removeprefix("whsec_")
        try:
            return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except ValueError as error:
            what = f"the secret of a webhook signed as {STANDARD} must be base64, with or without whsec_"
            raise ConfigError(what, mend="copy the signing secret as the sender shows it") from error

    def sign(self, id_: str, timestamp: str, message: bytes) -> str:
        """Return the signature of a message."""
        signed = f"{id_}.{timestamp}.".encode("latin-1", "replace") + message
        return "v1," + base64.b64encode(hmac.new(self.key(), signed, hashlib.sha256).digest()).decode()

    def fits(self, headers: GetAll, message: bytes, now: float) -> bool:
        """Whether a request is signed, now: one that was recorded and comes again later is refused."""
        ids, times, given = (headers(name) for name in self.headers())
        if not (len(ids) == len(times) == len(given) == 1) or not ids[0] or not times[0].isascii():
            return False
        if not times[0].isdigit() or len(times[0]) > 15 or abs(now - int(times[0])) > TOLERANCE_S:
            return False
        signed = self.sign(ids[0], times[0], message).encode()
        return any(hmac.compare_digest(signed, one.encode("latin-1", "replace")) for one in given[0].split(" "))

    def headers(self) -> Mapping[str, str]:
        """Return the headers that a request needs, each with what it holds."""
        return {
            "webhook-id": "Identifies the delivery.",
            "webhook-timestamp": f"Seconds since 1970, at most {TOLERANCE_S:.0f} off.",
            "webhook-signature": "v1,BASE64: HMAC-SHA256 over id.timestamp.body; several are separated by spaces.",
        }
