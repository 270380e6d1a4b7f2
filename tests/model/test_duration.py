import pytest

from runner.model.duration import as_seconds, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("5s", 5), ("1h30m", 5400), ("1h 30m", 5400), ("1.5d", 129600), ("1 hour", 3600), ("10 Min", 600)],
)
def test_duration(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "s", "-5s", "5s5", "1e3s", "٣s", "5 parsecs", "h1"])
def test_text_that_is_not_a_duration(text):
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(("value", "seconds"), [(3, 3), ("7d", 604800), (None, 9)])
def test_number_is_seconds(value, seconds):
    assert as_seconds(value, 9) == seconds
