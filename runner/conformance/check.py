"""Conformance suite of checks: a test class inherits `CheckContract`, makes a check and lists what passes."""

from __future__ import annotations

import json

from runner.model.item import Record


class CheckContract:
    """Inherit, and define `make`, `good` and `bad` records."""

    good: tuple[Record, ...]
    bad: tuple[Record, ...]
    passes_empty = True

    def make(self, root):
        """Return a check of this kind."""
        raise NotImplementedError

    def verdict(self, root, records, size=1000):
        check = self.make(root)
        for at in range(0, len(records), size):
            check.add(records[at : at + size])
        return check.verdict()

    def test_good_records_pass(self, tmp_path):
        assert self.verdict(tmp_path, self.good).passed

    def test_bad_records_do_not(self, tmp_path):
        assert not self.verdict(tmp_path, self.bad).passed

    def test_no_records_at_all(self, tmp_path):
        assert self.verdict(tmp_path, ()).passed is self.passes_empty

    def test_batches_do_not_matter(self, tmp_path):
        assert self.verdict(tmp_path, self.bad, 1) == self.verdict(tmp_path, self.bad)

    def test_says_it_in_one_line_and_in_json(self, tmp_path):
        verdict = self.verdict(tmp_path, self.bad)
        assert verdict.what
        assert "\n" not in verdict.what
        assert json.dumps(verdict.details)

    def test_severity_is_error_or_warning(self, tmp_path):
        assert self.verdict(tmp_path, self.good).severity in ("error", "warning")
