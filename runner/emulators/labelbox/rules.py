"""What a Foundry app "sees": rules over the words of a text and the colours and size of a picture.

The answer follows from the data row and the ontology alone. *Evidence* are the words of the text, of the URL and of
the metadata, and for a picture tokens such as `colour:red`, `dark`, `wide`. An option of a classification is chosen by
the evidence for its *keywords*: those of the app's `inferenceParams.keywords[feature][option]`, else its own words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import md5

from runner.emulators.labelbox.pictures import Colour, Picture
from runner.model.item import Json

PALETTE: Mapping[str, Colour] = {
    "red": (200, 30, 30),
    "yellow": (230, 200, 40),
    "green": (40, 140, 60),
    "blue": (90, 150, 220),
    "pink": (230, 120, 170),
    "grey": (120, 120, 120),
    "black": (20, 20, 30),
    "white": (240, 240, 240),
}
_NEAR = 45
_LEAST_SHARE = 0.004
_DARK = 90
_MOST_SAMPLES = 40_000
_NEGATIVE = ("no", "none", "other", "unknown", "neutral")
_TEXT_WORDS = 12


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at.

    Attributes:
        text: of the data row; empty for a picture.
        hints: words around it: URL, external id, metadata.
        picture: decoded, when it is one.
    """

    text: str
    hints: str = ""
    picture: Picture | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What was found: each a feature of the ontology with its answer, in the form that exports use."""

    objects: tuple[dict[str, Json], ...]
    classifications: tuple[dict[str, Json], ...]


def annotate(
    subject: Subject, normalized: Mapping[str, Json], keywords: Mapping[str, Json], classes: Iterable[str] = ()
) -> Found:
    """Answer every feature of an ontology for one data row.

    Args:
        subject: the data row.
        normalized: the ontology: `tools` and `classifications`.
        keywords: by feature, then by option (for a tool: by its name), lists of evidence.
        classes: names of the features wanted; none means all.
    """
    wanted = set(classes)
    evidence = _evidence(subject)
    answers = [
        _classified(subject, evidence, feature, keywords.get(feature["name"], {}))
        for feature in normalized.get("classifications", [])
        if not wanted or feature["name"] in wanted
    ]
    objects = [
        _located(subject, tool, keywords.get(tool["name"], {}))
        for tool in normalized.get("tools", [])
        if not wanted or tool["name"] in wanted
    ]
    return Found(tuple(o for o in objects if o), tuple(answers))


def _evidence(subject: Subject) -> Counter[str]:
    found = Counter(_words(f"{subject.text} {subject.hints}"))
    if subject.picture is not None:
        found.update(_tokens(subject.picture))
    return found


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def _tokens(picture: Picture) -> Iterable[str]:
    if picture.width != picture.height:
        yield "wide" if picture.width > picture.height else "tall"
    pixels = _sample(picture)
    if pixels:
        yield "dark" if _brightness(pixels) < _DARK else "bright"
    shares = Counter(_name(pixel) for pixel in pixels)
    yield from (f"colour:{name}" for name, n in shares.items() if name and n >= _LEAST_SHARE * len(pixels))


def _sample(picture: Picture) -> list[Colour]:
    step = max(1, picture.width * picture.height // _MOST_SAMPLES)
    flat = b"".join(picture.rows)
    return [(flat[i], flat[i + 1], flat[i + 2]) for i in range(0, len(flat), 3 * step)]


def _brightness(pixels: Sequence[Colour]) -> float:
    return sum(map(sum, pixels)) / (3 * len(pixels))


@lru_cache(maxsize=65_536)
def _name(pixel: Colour) -> str:
    for name, colour in PALETTE.items():
        if max(abs(a - b) for a, b in zip(pixel, colour, strict=True)) <= _NEAR:
            return name
    return ""


def _classified(
    subject: Subject, evidence: Counter[str], feature: Mapping[str, Json], keywords: Mapping[str, Json]
) -> dict[str, Json]:
    answer = _named(feature, subject)
    options = feature.get("options") or []
    scores = [(_score(evidence, keywords.get(o["value"]) or _words(o["value"])), o) for o in options]
    if feature["type"] == "radio":
        answer["radio_answer"] = _named(_best(scores), subject)
    elif feature["type"] == "checklist":
        answer["checklist_answers"] = [_named(option, subject) for score, option in scores if score]
    else:
        answer["text_answer"] = {"content": _described(subject)}
    return answer


def _score(evidence: Counter[str], keywords: Iterable[str]) -> int:
    return sum(evidence[str(word).lower()] for word in keywords)


def _best(scores: Sequence[tuple[int, Mapping[str, Json]]]) -> Mapping[str, Json]:
    most = max(score for score, _ in scores)
    if most:
        return next(option for score, option in scores if score == most)
    negative = [option for _, option in scores if option["value"].lower() in _NEGATIVE]
    return negative[0] if negative else scores[-1][1]


def _described(subject: Subject) -> str:
    picture = subject.picture
    if picture is None:
        return " ".join(subject.text.split()[:_TEXT_WORDS]) or "N/A"
    tokens = sorted(token.removeprefix("colour:") for token in _tokens(picture))
    return f"{picture.width}x{picture.height} picture: {', '.join(tokens)}"


def _named(feature: Mapping[str, Json], subject: Subject) -> dict[str, Json]:
    name = feature.get("name") or feature.get("label") or feature["value"]
    seed = f"{feature.get('featureSchemaId')}|{subject.text}|{subject.hints}"
    return {
        "feature_id": md5(seed.encode(), usedforsecurity=False).hexdigest(),
        "feature_schema_id": feature.get("featureSchemaId"),
        "name": name,
        "value": feature.get("value") or re.sub(r"\W+", "_", name.lower()),
    }


def _located(subject: Subject, tool: Mapping[str, Json], keywords: Mapping[str, Json]) -> dict[str, Json] | None:
    wanted = [str(word).lower() for word in keywords.get(tool["name"]) or _words(tool["name"])]
    if tool["tool"] == "rectangle" and subject.picture is not None:
        box = _box(subject.picture, {word.removeprefix("colour:") for word in wanted})
        return {**_named(tool, subject), "annotation_kind": "ImageBoundingBox", "bounding_box": box} if box else None
    if tool["tool"] == "named-entity":
        span = re.search("|".join(rf"\b{re.escape(word)}\b" for word in wanted), subject.text.lower())
        where = {"start": span.start(), "end": span.end() - 1} if span else None
        return {**_named(tool, subject), "annotation_kind": "TextEntity", "location": where} if where else None
    return None


def _box(picture: Picture, colours: set[str]) -> dict[str, int] | None:
    xs, ys = set(), set()
    step = max(1, int((picture.width * picture.height / _MOST_SAMPLES) ** 0.5))
    for y, row in enumerate(picture.rows[::step]):
        for x in range(0, picture.width, step):
            if _name((row[3 * x], row[3 * x + 1], row[3 * x + 2])) in colours:
                xs.add(x)
                ys.add(y * step)
    if not xs:
        return None
    left, top = min(xs), min(ys)
    return {"top": top, "left": left, "height": max(ys) - top + step, "width": max(xs) - left + step}
