from runner.model.suggestion import closest, did_you_mean


def test_names_the_likely_word_and_lists_the_known_ones():
    assert did_you_mean("glb", ["path", "glob"], "Fields") == 'did you mean "glob"? Fields: glob, path'


def test_keeps_the_order_on_request():
    assert did_you_mean("x", ["path", "glob"], "Fields", ordered=True) == "Fields: path, glob"


def test_long_lists_are_cut():
    assert did_you_mean("x", map(str, range(40)), "Names").endswith(", ...")


def test_nothing_is_known():
    assert did_you_mean("x", [], "Names") == "there are no names"
    assert closest("x", []) is None
