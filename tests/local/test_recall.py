"""Stretches of old lines among new ones."""

import random

import pytest

from runner.local.recall import AHEAD, SIZE, Aligner, digests_of, keep, kept

OLD = digests_of([f"line {number}".encode() for number in range(9000)])


def aligned(new, block=700):
    """Return (number of the old line, or -1) for each new one."""
    aligner, found = Aligner(b"".join(OLD)), []
    for start in range(0, len(new), block):
        stretches = aligner.cut(new[start : start + block])
        assert [stretch.start for stretch in stretches] == [0, *(stretch.end for stretch in stretches)][:-1]
        for begin, end, first in stretches:
            found += [-1 if first < 0 else first + at for at in range(end - begin)]
    return found


def test_the_same_lines_are_one_stretch_a_block():
    aligner = Aligner(b"".join(OLD))
    assert aligner.cut(OLD[:4000]) == [(0, 4000, 0)]
    assert aligner.cut(OLD[4000:]) == [(0, 5000, 4000)]


def test_lines_that_are_inserted_changed_and_deleted_are_the_only_new_ones():
    new = [*OLD[:10], b"a" * SIZE, *OLD[10:500], b"b" * SIZE, *OLD[501:3000], *OLD[6000:]]
    assert aligned(new) == [*range(10), -1, *range(10, 500), -1, *range(501, 3000), *range(6000, 9000)]


def test_a_line_that_was_moved_up_carries_nothing_along():
    new = [*OLD[:5], OLD[2000], *OLD[5:2000], *OLD[2001:]]
    assert aligned(new) == [*range(5), -1, *range(5, 2000), *range(2001, 9000)]


def test_what_is_far_ahead_counts_as_new():
    assert aligned(OLD[AHEAD + 5 : AHEAD + 10]) == [-1] * 5


@pytest.mark.parametrize("seed", range(20))
def test_what_is_called_old_is_old_and_comes_once_in_order(seed):
    rng, new = random.Random(seed), list(OLD)
    for _ in range(rng.randrange(200)):
        at, to, size = rng.randrange(len(new)), rng.randrange(len(new)), rng.choice([1, 1, 3, 500])
        moved = new[at : at + size]
        new[at : at + size] = rng.choice([[], [rng.randbytes(SIZE)], moved + moved])
        new[to:to] = rng.choice([[], moved])
    found = aligned(new, rng.choice([1, 100, 2000]))
    known = [number for number in found if number >= 0]
    assert len(found) == len(new)
    assert known == sorted(set(known))
    assert [OLD[number] for number in known] == [new[place] for place, number in enumerate(found) if number >= 0]


def test_what_is_kept_is_found_by_its_name_alone(tmp_path):
    path = tmp_path / "lines" / "a"
    name = keep(path, "rule", b"x" * SIZE)
    assert kept(path, "rule", name) == b"x" * SIZE
    assert kept(path, "other rule", name) is kept(path, "rule", "other") is kept(tmp_path / "b", "rule", name) is None
    path.write_bytes(path.read_bytes()[:-1])
    assert kept(path, "rule", name) is None


def test_what_cannot_be_kept_has_no_name(tmp_path):
    (tmp_path / "lines").write_text("a file")
    assert keep(tmp_path / "lines" / "a", "rule", b"") == ""
