"""Suggest the known word that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_SHOWN: Final = 30


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word most similar to `word`, None when none is similar."""
    from difflib import get_close_matches  # needed only after a mistake, and slow to import

    return next(iter(get_close_matches(word, list(known), n=1, cutoff=0.6)), None)


def did_you_mean(word: str, known: Iterable[str], noun: str, *, ordered: bool = False) -> str:
    """Return a hint: the word that was probably meant, then the known words.

    Args:
        word: as it was written.
        known: the words that would be right.
        noun: plural that heads the list, for example `Fields`.
        ordered: keep the order of `known`; otherwise the list is sorted.
    """
    names = list(map(str, known)) if ordered else sorted({str(name) for name in known})
    if not names:
        return f"there are no {noun.lower()}"
    close = closest(word, names)
    guess = f'did you mean "{close}"? ' if close else ""
    return f"{guess}{noun}: {', '.join(names[:_SHOWN])}{', ...' if len(names) > _SHOWN else ''}"
