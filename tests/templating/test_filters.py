"""The filters that Jinja does not have."""

import hashlib

import pytest

from runner.templating import compile_template


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'a b/ü?.pdf' | segment", "a%20b%2F%C3%BC%3F.pdf"),
        ("'...' | segment", "..."),
        ("7 | segment", "7"),
        ("1785542400.75 | epoch_s - 300", 1785542100),
        ("'2026-08-01T00:00:00Z' | epoch_s", 1785542400),
        ("'2026-08-01T02:00:00+02:00' | epoch_ms", 1785542400000),
        ("'2026-08-01' | epoch_s", 1785542400),
        ("1785542400 | rfc3339", "2026-08-01T00:00:00Z"),
        ("1785542400.5 | rfc3339", "2026-08-01T00:00:00.500000Z"),
        ("'hé' | b64", "aMOp"),
        ("'he\u0301' | nfc", "hé"),
        ("'x' | sha256", hashlib.sha256(b"x").hexdigest()),
        ("{'b': 1, 'a': 2} | digest == {'a': 2, 'b': 1} | digest", True),
        ("({'b': 1} | digest).upper() | length", 32),
        ("'{\"a\": [1, null]}' | json", {"a": [1, None]}),
        ("{'a': 'é'} | tojson", '{"a":"é"}'),
        ("{'a': 1} | items", [["a", 1]]),
        ("{'a': 1} | keys", ["a"]),
        ("{'a': 1} | values", [1]),
        ("'abcdef' | truncate(3)", "abc"),
    ],
)
def test_value(expression: str, value: object) -> None:
    assert compile_template("{{ " + expression + " }}")({}) == value
