import pytest

from runner.platforms.duration import seconds


@pytest.mark.parametrize(
    ("text", "expected"), [("500ms", 0.5), ("10s", 10), ("1.5h", 5400), ("7d", 604800), (3, 3), (None, 9)]
)
def test_durations(text, expected):
    assert seconds(text, 9) == expected
