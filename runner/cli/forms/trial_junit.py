"""Cases of `runner test` as JUnit XML: one suite per file, one case per case."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from xml.etree import ElementTree

from runner.assembly.trial.running import Tried
from runner.cli.forms.junit import clean, sum_up


def trial_junit(tried: Sequence[Tried]) -> str:
    """Return the report of one command."""
    root = ElementTree.Element("testsuites", name="runner test", time=_seconds(tried))
    for file, group in groupby(tried, key=lambda each: each.trial.file):
        cases = list(group)
        suite = ElementTree.SubElement(root, "testsuite", name=clean(file), time=_seconds(cases))
        for each in cases:
            _case(suite, each)
        sum_up(suite, [suite])
    sum_up(root, list(root))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False)


def _case(suite: ElementTree.Element, tried: Tried) -> None:
    file = tried.trial.file
    place = {"classname": clean(file), "name": clean(tried.case.name), "file": clean(file), "time": _seconds([tried])}
    line = str(tried.trial.mark(tried.case).line)
    case = ElementTree.SubElement(suite, "testcase", {**place, "line": line})
    if tried.skipped:
        ElementTree.SubElement(case, "skipped", message=clean(tried.skipped))
    if tried.findings:
        first = tried.findings[0]
        failure = ElementTree.SubElement(case, "failure", type=first.slug, message=clean(first.what))
        failure.text = clean("\n".join(str(finding) for finding in tried.findings))


def _seconds(tried: Sequence[Tried]) -> str:
    return f"{sum(each.seconds for each in tried):.3f}"
