"""The stand-in of the language model: rules that read the prompt and the task, so that both decide the answer.

A *lexicon* is what the prompt says about a class: a line `billing: invoice, charged twice, refund` gives the class
`billing` these phrases. A class that the prompt does not explain is known by its own name only, so a better prompt
really gives a better answer. `Otherwise other.` (also `else`, `default`) names the class for texts without any hint.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from runner.emulators.label_studio.labels import Control
from runner.model.item import Json

PATTERNS = {
    "email": r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    "url": r"https?://\S+",
    "amount": r"(?:[$€£]\s?\d[\d.,]*\d|\b\d[\d.,]*\s?(?:USD|EUR|GBP|dollars|euros)\b)",
    "total": r"(?:[$€£]\s?\d[\d.,]*\d|\b\d[\d.,]*\s?(?:USD|EUR|GBP|dollars|euros)\b)",
    "price": r"(?:[$€£]\s?\d[\d.,]*\d|\b\d[\d.,]*\s?(?:USD|EUR|GBP|dollars|euros)\b)",
    "date": r"\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b",
    "phone": r"\+?\d[\d ()-]{7,}\d",
    "order": r"#?\b[A-Z]{0,3}-?\d{4,}\b",
    "number": r"-?\b\d+(?:[.,]\d+)?\b",
}


class NoAnswer(Exception):
    """The model has no answer for this task; `error_type` is the worker's word for why."""

    def __init__(self, message: str, error_type: str) -> None:
        super().__init__(message)
        self.error_type = error_type


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What a prompt says about the classes of one control."""

    phrases: Mapping[str, Sequence[re.Pattern[str]]]
    fallback: str


def render(prompt: str, data: Mapping[str, Json]) -> str:
    """Fill the placeholders `{field}` of a prompt with the task's data.

    Raises:
        NoAnswer: the prompt names a field that the task does not have, or its braces do not match.
    """
    try:
        return prompt.format_map(dict(data))
    except KeyError as error:
        raise NoAnswer(f"Prompt field {error.args[0]!r} is not in the task data", "KeyError") from error
    except (ValueError, IndexError, AttributeError) as error:
        raise NoAnswer(f"Prompt cannot be filled: {error}", "ValueError") from error


def answer(prompt: str, asked: Sequence[Control], data: Mapping[str, Json]) -> dict[str, Json]:
    """Answer the questions of a label config for one task, control name to value.

    Raises:
        NoAnswer: the prompt cannot be filled with the task's data.
    """
    render(prompt, data)
    text = _visible(prompt, data)
    return {control.name: _answer_one(prompt, control, text, data) for control in asked}


@lru_cache(maxsize=64)
def lexicon(prompt: str, classes: tuple[str, ...]) -> Lexicon:
    """Read what a prompt says about each class."""
    phrases = {name: [_phrase(name)] for name in classes}
    for line in prompt.splitlines():
        head, colon, tail = line.strip(" -*\t").partition(":")
        name = next((c for c in classes if c.casefold() == head.strip().casefold()), None)
        if colon and name is not None:
            phrases[name] += [_phrase(part) for part in re.split(r"[,;]", tail) if part.strip(" .")]
    named = re.search(r"\b(?:otherwise|else|default)\b[^.\n]*", prompt, re.IGNORECASE)
    clause = named.group().casefold() if named else ""
    fallback = next((c for c in classes if c.casefold() in clause), classes[-1] if classes else "")
    return Lexicon(phrases, fallback)


def classify(known: Lexicon, text: str) -> list[str]:
    """Order the classes that the text hints at, best first; the fallback alone when it hints at none."""
    hits = {name: sum(bool(p.search(text)) for p in ps) for name, ps in known.phrases.items()}
    order = sorted((name for name, count in hits.items() if count), key=lambda name: -hits[name])
    return order or [known.fallback]


def _visible(prompt: str, data: Mapping[str, Json]) -> str:
    # The model sees only what the prompt shows it: a prompt without a placeholder sees no task at all.
    named = [name.split(".")[0].split("[")[0] for _, name, _, _ in string.Formatter().parse(prompt) if name]
    return "\n".join(str(data[name]) for name in named if name in data)


def _answer_one(prompt: str, control: Control, text: str, data: Mapping[str, Json]) -> Json:
    if control.kind == "choices":
        order = classify(lexicon(prompt, control.classes), text)
        return order if control.multiple else order[0]
    if control.kind == "labels":
        shown = str(data.get(control.field, ""))
        return _spans(lexicon(prompt, control.classes), control.classes, shown)
    found = _extract(control.name, text)
    if control.kind == "number" and found is not None:
        digits = re.sub(r"[^\d.-]", "", found)
        return float(digits) if digits.strip(".-") else None
    return found


def _spans(known: Lexicon, classes: tuple[str, ...], text: str) -> list[Json]:
    found: list[Json] = []
    for name in classes:
        pattern = _pattern_for(name)
        patterns = [re.compile(pattern, re.IGNORECASE)] if pattern else known.phrases[name][1:]
        for match in (m for p in patterns for m in p.finditer(text)):
            found.append({"start": match.start(), "end": match.end(), "text": match.group(), "labels": [name]})
    return sorted(found, key=lambda span: (span["start"], span["end"]))


def _extract(name: str, text: str) -> str | None:
    said = re.search(rf"^\s*{re.escape(name).replace('_', '[_ ]')}\s*[:=]\s*(.+)$", text, re.IGNORECASE | re.MULTILINE)
    if said:
        return said.group(1).strip()
    pattern = _pattern_for(name)
    found = re.search(pattern, text, re.IGNORECASE) if pattern else None
    return found.group() if found else None


def _pattern_for(name: str) -> str | None:
    return next((pattern for word, pattern in PATTERNS.items() if word in name.casefold()), None)


def _phrase(words: str) -> re.Pattern[str]:
    # A phrase matches the start of words: "refund" finds "refunded", "charged twice" finds itself.
    return re.compile(r"\b" + r"\s+".join(map(re.escape, words.strip(" .\"'").split())), re.IGNORECASE)
