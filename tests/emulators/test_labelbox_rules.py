"""The rules of the Foundry apps: keywords, classes, spans of text."""

from typing import Any

import pytest

from runner.emulators.labelbox.rules import Subject, annotate

RADIO = {"type": "radio", "name": "mood", "options": [{"value": "good"}, {"value": "bad"}, {"value": "neutral"}]}
TOOL = {"tool": "named-entity", "name": "city"}
ONTOLOGY: dict[str, Any] = {"classifications": [RADIO], "tools": [TOOL]}


def mood(text: str, **keywords: Any) -> Any:
    return annotate(Subject(text), ONTOLOGY, keywords, ["mood"]).classifications[0]["radio_answer"]["name"]


@pytest.mark.parametrize(
    ("text", "answer"), [("a GOOD day", "good"), ("bad, bad, good", "bad"), ("rain", "neutral"), ("", "neutral")]
)
def test_options_are_chosen_by_their_own_words(text: str, answer: str) -> None:
    assert mood(text) == answer


def test_keywords_of_the_app_replace_the_words() -> None:
    assert mood("sun and good will", mood={"bad": ["sun"], "good": ["rain"]}) == "bad"


def test_hints_count_as_well() -> None:
    found = annotate(Subject("", "https://example.org/good/1.jpg"), ONTOLOGY, {})
    assert found.classifications[0]["radio_answer"]["name"] == "good"


def test_a_span_is_found_in_the_text_and_ends_inclusive() -> None:
    found = annotate(Subject("From Oslo to Rome"), ONTOLOGY, {"city": {"city": ["oslo", "rome"]}})
    assert [(each["name"], each["location"]) for each in found.objects] == [("city", {"start": 5, "end": 8})]


def test_only_the_classes_asked_for_are_answered() -> None:
    found = annotate(Subject("a city"), ONTOLOGY, {}, ["city"])
    assert (found.classifications, [each["name"] for each in found.objects]) == ((), ["city"])


def test_the_same_input_gives_the_same_ids() -> None:
    first, again, other = (annotate(Subject(text), ONTOLOGY, {}) for text in ("good", "good", "good!"))
    assert first == again
    assert first != other
