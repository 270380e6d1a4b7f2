import re

import pytest

from runner.platforms.items import LONGEST_NAME, TokenRule, seated, viewed
from tests.platforms.made import item

ODD = [
    "a b.pdf",
    "x/a b.pdf",
    "y/a b.pdf",
    "y/A B.pdf",
    "x\\..",
    "..",
    ".",
    "",
    "ü/ö.pdf",
    "o\u0308.pdf",
    "a\x00b\n.pdf",
]
LONG = ["x" * 400 + ".pdf", "ü" * 300, "y/" + "x" * 400 + ".pdf", "\ud800.pdf", "-rf", "a%2Fb?c#d.txt"]


def seats(keys, rule=None):
    return seated([item(key, {"size": 1}) for key in keys], rule or TokenRule(), {})


def test_upload_names_are_unique_safe_and_short():
    names = [seat.name for seat in seats([*ODD, *LONG])]
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert 0 < len(name.encode()) <= LONGEST_NAME
        assert not re.search(r"[/\\\x00-\x1f]", name)
        assert name.strip(". ") == name


def test_upload_names_stay_readable():
    assert [seat.name for seat in seats(["x/a b.pdf", "größe.pdf"])] == ["a b.pdf", "größe.pdf"]


def test_the_same_name_in_two_folders_gets_a_tag_before_its_ending():
    first, second = (seat.name for seat in seats(["x/a.pdf", "y/a.pdf"]))
    assert first == "a.pdf"
    assert re.fullmatch(r"a-[0-9a-f]{8}\.pdf", second)


def test_names_are_a_function_of_keys_and_values_alone():
    before = [item("x/a", data=b"1"), item("y/a", data=b"2")]
    after = [item("x/a", {"name": "a", "size": 1}), item("y/a", {"name": "a", "size": 1})]
    assert [seat.name for seat in seated(before, TokenRule(), {})] == [
        seat.name for seat in seated(after, TokenRule(), {})
    ]


def test_a_row_is_a_json_file():
    assert seated([item("17", {"text": "x"})], TokenRule(), {})[0].name == "17.json"


def test_made_tokens_have_the_letters_and_length_that_are_allowed():
    rule = TokenRule(longest=64, letters=re.compile("[^A-Za-z0-9_-]"))
    tokens = [seat.token for seat in seats([*ODD, *LONG, "a_b", "a b", "a/b"], rule)]
    assert len(set(tokens)) == len(tokens)
    assert all(re.fullmatch("[A-Za-z0-9_-]{1,64}", token) for token in tokens)


def test_a_key_that_fits_is_its_own_token():
    assert seats(["ticket-1"], TokenRule(longest=64, letters=re.compile("[^A-Za-z0-9_-]")))[0].token == "ticket-1"


def test_the_manifests_own_fields_go_before_those_of_the_item():
    view = viewed(seats(["k"])[0], {"file": 7})
    assert (view["key"], view["number"], view["uploaded"], view["size"]) == ("k", 1, {"file": 7}, 1)
    with pytest.raises(KeyError):
        view["nothing"]


def test_the_item_as_a_whole_is_its_value():
    view = viewed(seats(["k"])[0])
    assert (dict(view), view.value) == ({"size": 1}, {"size": 1})
