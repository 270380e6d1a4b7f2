from runner.seen import Seen


def test_tells_the_first_number():
    seen = Seen()
    assert seen.add(["a", "b", "a"], [1, 2, 3]) == {2: 1}
    assert seen.add(["b", "c"], [4, 5]) == {0: 2}
    assert len(seen) == 3


def test_grows():
    seen = Seen(8)
    keys = [f"key {number}" for number in range(50_000)]
    for at in range(0, 50_000, 1000):
        assert seen.add(keys[at : at + 1000], range(at + 1, at + 1001)) == {}
    assert seen.add([keys[0], keys[-1]], [50_001, 50_002]) == {0: 1, 1: 50_000}


def test_odd_keys_are_keys():
    assert Seen().add(["", "\0", "\ud800", "😀", "\ud800"], [1, 2, 3, 4, 5]) == {4: 3}
