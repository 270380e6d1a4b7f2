"""Places in a trial."""

from pathlib import Path

from runner.model.problem import Mark
from tests.assembly.trial.trials import case

BODY = """\
cases:
  - name: a
    expect:
      rows: 2
"""


def test_a_place_inside_a_case_is_where_it_is_written(tmp_path: Path):
    trial, one = case(tmp_path, BODY)
    assert trial.mark(one, ("expect", "rows")) == Mark(trial.file, 6, 13)


def test_what_is_not_written_is_where_it_would_stand(tmp_path: Path):
    trial, one = case(tmp_path, BODY)
    assert trial.mark(one, ("expect", "held")) == Mark(trial.file, 6, 7)
    assert trial.mark(one, ("promises",)) == Mark(trial.file, 4, 5)


def test_the_folder_is_that_of_the_file(tmp_path: Path):
    trial, _ = case(tmp_path, BODY)
    assert (trial.folder, trial.subject) == (tmp_path, tmp_path / "loud.yaml")
