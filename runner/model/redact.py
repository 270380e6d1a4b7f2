"""Redact secrets: no text that leaves the process holds the value of one, in any encoding.

A secret is protected as soon as it is known (`protect`). Every text that leaves passes `redact`: the terminal, JSON
documents, plans, events, the ledger, replies of the service. A text that was cut inside a secret is redacted, too, when
a third of the secret, and at least 8 characters, are left.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import AnyStr, Final

from runner.model.item import Json
from runner.model.secret import HIDDEN, Secret

SHORTEST: Final = 6
"""Shorter texts are not protected: they occur in ordinary text."""

_SEED: Final = 8
_RUN: Final = re.compile(rb"[A-Za-z0-9]+")
"""No escaping changes it."""
_LINE: Final = 16


class Redactor:
    """Holds the secrets of this process and redacts them in texts."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._texts: list[tuple[str, str]] = []
        self._bytes: list[tuple[bytes, bytes]] = []
        self._probes: list[bytes] = []

    def add(self, secret: str, *, is_whole: bool = False) -> None:
        """Protect a secret from now on; with `is_whole` a part of it may be shown."""
        if len(secret) < SHORTEST or secret in self._secrets:
            return
        from runner.model.secret_forms import forms_of  # start-up: most commands know no secret

        self._secrets.add(secret)
        lines = [line for line in secret.split("\n") if len(line) >= _LINE] if "\n" in secret.strip() else []
        found = {form for each in (secret, *lines) for form in forms_of(each).values() if len(form) >= SHORTEST}
        known = {form for _, form in self._texts}
        for form in found - known:
            self._texts.append((form if is_whole else form[: max(_SEED, len(form) // 3)], form))
        self._texts.sort(key=lambda each: -len(each[1]))
        self._bytes = [(_encoded(seed), _encoded(form)) for seed, form in self._texts]
        self._probes = sorted({max(_RUN.findall(seed), key=len, default=b"") for seed, _ in self._bytes})

    def text(self, text: str) -> str:
        """Return a text with `***` in the place of every secret."""
        return _redacted(text, self._texts, HIDDEN) if any(seed in text for seed, _ in self._texts) else text

    def data(self, data: bytes) -> bytes:
        """Return the same for UTF-8."""
        is_told = any(seed in data for seed, _ in self._bytes)
        return _redacted(data, self._bytes, HIDDEN.encode()) if is_told else data

    def may_be_in(self, packed: bytes) -> bool:
        """Whether a JSON text may hold a secret, however often it was escaped; False is certain."""
        return any(probe in packed for probe in self._probes)

    def value(self, value: Json) -> Json:
        """Return a JSON value with all its texts redacted, names of members included."""
        if not self._texts:
            return value
        whole: list[Json] = [value]
        places: list[tuple[Json, Json]] = [(whole, 0)]  # not by recursion: a paid result may be nested deeply
        while places:
            holder, at = places.pop()
            one = holder[at]
            if isinstance(one, str):
                holder[at] = self.text(one)
            elif isinstance(one, Mapping):
                holder[at] = made = {
                    self.text(name) if isinstance(name, str) else name: each for name, each in one.items()
                }
                places += [(made, name) for name in made]
            elif isinstance(one, (list, tuple)):
                holder[at] = listed = list(one)
                places += [(listed, number) for number in range(len(listed))]
        return whole[0]

    def forget(self) -> None:
        """Protect nothing any more; for tests, which are many in one process."""
        self.__init__()  # type: ignore[misc]


REDACTOR: Final = Redactor()
"""The redactor of this process, shared by every module that writes texts."""


def protect(secret: Secret) -> Secret:
    """Protect a secret from now on, and return it."""
    REDACTOR.add(secret.reveal())
    return secret


def protect_url(url: Secret) -> Secret:
    """Protect a URL as a whole, and the password in it; a path is not a secret."""
    if "://" not in url.reveal():
        return url
    from urllib.parse import unquote, urlsplit  # start-up

    REDACTOR.add(url.reveal(), is_whole=True)
    try:
        password = urlsplit(url.reveal()).password
    except ValueError:
        password = None
    for text in (password, unquote(password)) if password else ():
        REDACTOR.add(text)
    return url


def redact(text: str) -> str:
    """Return a text with `***` in the place of every secret."""
    return REDACTOR.text(text)


def _redacted(text: AnyStr, forms: Sequence[tuple[AnyStr, AnyStr]], hidden: AnyStr) -> AnyStr:
    """Redact whole forms, the longest first; then those of which the end was cut."""
    for _, form in forms:
        text = text.replace(form, hidden)
    pieces: list[AnyStr] = []
    begin = 0
    while (found := min((at for seed, _ in forms if (at := text.find(seed, begin)) >= 0), default=-1)) >= 0:
        pieces += [text[begin:found], hidden]
        begin = max(_end_of(text, found, form) for seed, form in forms if text.startswith(seed, found))
    pieces.append(text[begin:])
    return text[:0].join(pieces)


def _end_of(text: AnyStr, begin: int, form: AnyStr) -> int:
    """Return where a text that begins like a form ceases to be like it."""
    end = begin
    while end < len(text) and end - begin < len(form) and text[end] == form[end - begin]:
        end += 1
    return end


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
