"""List the encoded forms of a secret in headers, URLs, documents and error messages."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote, quote_plus

_URL_SAFE: Final = "/:@!$&'()*+,;="


def forms_of(secret: str) -> Mapping[str, str]:
    """Return the forms in which a secret occurs in texts, by name; forms of one secret may be equal."""
    return dict(_forms(secret))


def _forms(secret: str) -> Iterator[tuple[str, str]]:
    data = secret.encode("utf-8", "surrogatepass")
    yield "plain", secret
    for shift in range(3):
        text = _middle(base64.b64encode(b"\0" * shift + data).decode(), shift)
        yield f"base64 behind {shift} bytes", text
        yield f"base64url behind {shift} bytes", text.translate(str.maketrans("+/", "-_"))
    for name, safe in (("percent-encoded", ""), ("percent-encoded path", "/"), ("percent-encoded URL", _URL_SAFE)):
        text = quote(data, safe=safe)
        yield name, text
        yield f"{name}, small letters", _small_escapes(text)
    yield "form-encoded", quote_plus(data)
    yield "hexadecimal", data.hex()
    yield "hexadecimal, capitals", data.hex().upper()
    for name, is_ascii in (("JSON", False), ("JSON in ASCII", True)):
        text = json.dumps(secret, ensure_ascii=is_ascii)[1:-1]
        yield name, text
        yield f"{name} with escaped slashes", text.replace("/", "\\/")
        yield f"{name} in JSON", json.dumps(text, ensure_ascii=is_ascii)[1:-1]
    yield "Python", repr(secret)[1:-1]
    yield "Python in ASCII", ascii(secret)[1:-1]
    yield "HTML", html.escape(secret)
    yield "XML", html.escape(secret, quote=False)
    yield "XML attribute", html.escape(secret, quote=False).replace('"', "&quot;")


def _middle(text: str, shift: int) -> str:
    """Return what of a base64 text the neighbours of the secret do not change."""
    whole = text.rstrip("=")
    begin = {0: 0, 1: 2, 2: 3}[shift]
    return whole[begin:-1] if text.endswith("=") else whole[begin:]


def _small_escapes(text: str) -> str:
    pieces = text.split("%")
    return pieces[0] + "".join(f"%{piece[:2].lower()}{piece[2:]}" for piece in pieces[1:])
