"""Whether a request was signed with a secret: digests are compared as bytes, in constant time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from runner.model.secret import Secret


def _hmac_sha256(secret: bytes, message: bytes) -> str:
    return hmac.new(secret, message, hashlib.sha256).hexdigest()


def _hmac_sha1(secret: bytes, message: bytes) -> str:
    return hmac.new(secret, message, hashlib.sha1).hexdigest()


def _sha1(secret: bytes, message: bytes) -> str:
    return hashlib.sha1(secret + message).hexdigest()


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
    """

    scheme: str
    secret: Secret
    header: str = ""

    @property
    def header_name(self) -> str:
        """The header that holds the signature."""
        return self.header or SCHEMES[self.scheme].header

    def sign(self, message: bytes) -> str:
        """Return the value of the header for a message: the raw body, empty for a GET."""
        scheme = SCHEMES[self.scheme]
        return scheme.prefix + scheme.digest(self.secret.reveal().encode(), message)

    def is_valid(self, given: Sequence[str], message: bytes) -> bool:
        """Whether a message carries this signature.

        Args:
            given: every value of the header in the request; anything but exactly one is refused.
            message: the raw body.
        """
        if len(given) != 1:
            return False
        return hmac.compare_digest(self.sign(message).encode(), given[0].encode("latin-1", "replace"))
