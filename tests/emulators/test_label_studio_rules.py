"""The rules behind the stand-in's answers: what prompt and task make of each kind of question."""

from typing import Any

import pytest

from runner.emulators.label_studio import labels, model

MAIL = "Order AB-20931 of 2026-03-14 came late. Write to ana@example.com. I paid $1,240.50 for it.\nname: Ana Reyes"


def asked(tags: str) -> tuple[labels.Control, ...]:
    return labels.controls(f'<View><Text name="t" value="$text"/>{tags}</View>')


def choices(attributes: str = "", *classes: str) -> tuple[labels.Control, ...]:
    inner = "".join(f'<Choice value="{name}"/>' for name in classes or ("dog", "cat", "none"))
    return asked(f'<Choices name="pet" toName="t" {attributes}>{inner}</Choices>')


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("email", "ana@example.com"),
        ("order_id", "AB-20931"),
        ("date", "2026-03-14"),
        ("amount", "$1,240.50"),
        ("name", "Ana Reyes"),
        ("color", None),
    ],
)
def test_text_areas_are_filled_from_the_text(name: str, found: str | None) -> None:
    controls = asked(f'<TextArea name="{name}" toName="t"/>')
    assert model.answer("{text}", controls, {"text": MAIL}) == {name: found}


def test_a_number_is_a_number() -> None:
    controls = asked('<Number name="amount" toName="t"/>')
    output = model.answer("{text}", controls, {"text": MAIL})
    assert labels.regions(controls, output)[0]["value"] == {"number": 1240.5}


def test_spans_lie_where_the_text_has_them() -> None:
    controls = asked('<Labels name="ner" toName="t"><Label value="EMAIL"/><Label value="DATE"/></Labels>')
    made = labels.regions(controls, model.answer("{text}", controls, {"text": MAIL}))
    assert [MAIL[r["value"]["start"] : r["value"]["end"]] for r in made] == ["2026-03-14", "ana@example.com"]
    assert labels.fault(controls, made) == ""


def test_a_class_is_known_by_its_name_and_by_what_the_prompt_says() -> None:
    data = {"text": "My puppy barks"}
    assert model.answer("{text}\nOtherwise none.", choices(), data) == {"pet": "none"}
    assert model.answer("{text}\ndog: puppy, hound\nOtherwise none.", choices(), data) == {"pet": "dog"}


def test_the_class_with_more_hints_wins_and_multiple_gives_all() -> None:
    prompt = "{text}\ndog: bark, puppy\ncat: purr"
    data = {"text": "It purrs, but the puppy barks"}
    assert model.answer(prompt, choices(), data) == {"pet": "dog"}
    assert model.answer(prompt, choices('choice="multiple"'), data) == {"pet": ["dog", "cat"]}


def test_a_prompt_without_placeholder_sees_no_task() -> None:
    assert model.answer("Which pet?", choices(), {"text": "a dog"}) == {"pet": "none"}


@pytest.mark.parametrize("prompt", ["{subject}", '{"answer": 1}', "{text"])
def test_a_prompt_that_cannot_be_filled(prompt: str) -> None:
    with pytest.raises(model.NoAnswer):
        model.answer(prompt, choices(), {"text": "a dog"})


def test_unknown_names_and_nulls_make_no_region() -> None:
    assert labels.regions(choices(), {"pet": None, "mood": "good"}) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"from_name": "x"}, "not in the label config"),
        ({"type": "labels"}, "wrong to_name or type"),
        ({"value": {"choices": ["cow"]}}, "not among"),
        ({"value": None}, "no value"),
    ],
)
def test_faults_of_regions(change: dict[str, Any], told: str) -> None:
    region = labels.regions(choices(), {"pet": "dog"})[0] | change
    assert told in labels.fault(choices(), [region])


def test_agreement_is_the_share_of_right_controls() -> None:
    both = asked('<TextArea name="date" toName="t"/><TextArea name="email" toName="t"/>')
    truth = labels.regions(both, {"date": "2026-01-01", "email": "a@b.org"})
    given = labels.regions(both, {"date": "2026-01-01", "email": "c@d.org"})
    assert labels.agreement(given, truth) == 0.5
    assert labels.agreement(given, []) == 0.0


@pytest.mark.parametrize("config", ["<View>", '<View><Choices name="a" toName="b"/></View>'])
def test_bad_label_configs(config: str) -> None:
    with pytest.raises(labels.BadConfig):
        labels.controls(config)
