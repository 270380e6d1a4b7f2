"""What an apply says about itself when it did not come to its end, and what the platform counted."""

from collections import Counter

from runner.cli.apply_text import _counted, _items
from runner.engine.progress import Progress
from runner.engine.run import StageReport


def test_an_apply_that_did_not_read_its_source_says_what_it_did():
    progress = Progress(items=Counter(succeeded=196, failed=2))
    said = _items(StageReport("interrupted", 1, progress))
    assert said == "196 succeeded   2 failed    in this apply; the source was not read to its end"


def test_counters_are_summed_over_all_jobs():
    progress = Progress()
    for number in range(50):
        progress.count(f"j{number}", {"completed": 2, "usage": {"tokens": 10, "model": "m"}, "late": None, "ok": True})
    assert progress.totals == {"completed": 100, "usage": {"tokens": 500}}
    assert _counted(progress.totals) == "completed 100   tokens 500"
