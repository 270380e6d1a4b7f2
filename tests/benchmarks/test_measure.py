"""The frame of the benchmarks: turns, figures, ratios."""

from functools import partial

import pytest

from tests.benchmarks.measure import AtLeast, AtMost, Figure, Row, Sample, Variant, in_turns, once, per_second, python


def row(wanted, ours=(300.0, 100.0, 200.0), theirs=(50.0,)):
    return Row("a", "items", "a script", "items/s", Figure(ours), Figure(theirs) if theirs else None, wanted)


def test_the_ratio_is_of_the_medians():
    assert row(AtLeast(4)).ratio == 4


@pytest.mark.parametrize(("wanted", "reached"), [(AtLeast(4), True), (AtLeast(5), False), (AtMost(3), False)])
def test_what_is_wanted_is_compared_with_the_ratio(wanted, reached):
    assert row(wanted).reached is reached


def test_a_figure_alone_is_compared_itself():
    assert row(AtMost(200), theirs=()).reached


def test_a_row_that_only_informs_is_neither_reached_nor_missed():
    assert row(None).reached is None


def test_items_per_second_are_those_of_the_whole_process():
    assert per_second([Sample(2.0, 1.0, 10.0)], 100).values == [50.0]


def test_variants_take_turns_and_the_warm_up_does_not_count(tmp_path):
    order = []
    both = [Variant(name, python("-c", "pass"), tmp_path, before=partial(order.append, name)) for name in "ab"]
    samples = in_turns(both, 2)
    assert "".join(order) == "ababab"
    assert [len(taken) for taken in samples.values()] == [2, 2]


def test_time_cpu_and_memory_are_those_of_the_child(tmp_path):
    work = "import time; block = bytearray(50 << 20); began = time.process_time()\nwhile time.process_time() < .2: pass"
    sample = once(Variant("work", python("-c", work), tmp_path))
    assert sample.wall_s >= sample.cpu_s * 0.9
    assert sample.cpu_s >= 0.2
    assert sample.peak_mib >= 50


def test_who_fails_is_not_measured(tmp_path):
    with pytest.raises(RuntimeError, match="lazy ended with 3"):
        once(Variant("lazy", python("-c", "raise SystemExit(3)"), tmp_path))


def test_a_running_variant_can_be_watched(tmp_path):
    seen = []
    once(Variant("watched", python("-c", "pass"), tmp_path), watch=seen.append)
    assert seen[0] > 0
