import json

import pytest

from runner.ledger.codec import key_bytes, key_text, pack, text, unpack
from runner.model.errors import LedgerError


@pytest.mark.parametrize(
    "value",
    [0, 2**63, 2**64, -(2**63) - 1, 2**300, 0.1, 1e-320, "\ud800", {"\udcff": 1}, json.loads("[" * 500 + "]" * 500)],
    ids=lambda value: ascii(value)[:20],
)
def test_every_json_value_comes_back(value):
    again = unpack(pack(value, "it"))
    assert (again, type(again)) == (value, type(value))


@pytest.mark.parametrize("value", [b"x", {1: 2}, {1: 2, "a": object()}, {1, 2}, float, [2**70, object()]])
def test_what_is_no_json_value_is_refused(value):
    with pytest.raises(LedgerError, match="value of item 'k' cannot be stored"):
        pack(value, "item 'k'")


@pytest.mark.parametrize("key", ["", "ü", "a\0b", "\udce9.pdf", "\U0001f600"], ids=ascii)
def test_every_key_comes_back(key):
    assert key_text(key_bytes(key)) == key


@pytest.mark.parametrize(("value", "kept"), [("plain", "plain"), ("ü", "ü"), ("a\0", "a\\x00"), ("\ud800", "\\ud800")])
def test_texts_are_made_storable(value, kept):
    assert text(value) == kept
