"""An apply as JUnit XML: one suite per stage, one case for the apply, each check and each failed item (capped).

Items that failed in an earlier apply are one case: a report is not green while the exit code is not.
Cases keep their names from run to run, so that hosts can show their history: a check is named by its kind.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree

from runner.assembly.run import Applied
from runner.engine.run import StageReport
from runner.model.ledger import ItemStatus

FAILED_SHOWN: Final = 100
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BAD: Final = frozenset({"stopped", "interrupted"})


def junit(applied: Sequence[Applied]) -> str:
    """Return the report of one command."""
    root = ElementTree.Element("testsuites", name="runner apply")
    for one in applied:
        _suite(root, one)
    sum_up(root, list(root))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False)


def _suite(root: ElementTree.Element, applied: Applied) -> None:
    scope, report = applied.planned.work.scope, applied.report
    name = scope.recipe + (f"/{scope.stage}" if scope.stage else "")
    suite = ElementTree.SubElement(root, "testsuite", name=clean(name), time=f"{applied.seconds:.3f}")
    case = _case(suite, name, "apply")
    if report is None:
        ElementTree.SubElement(case, "skipped", message=clean(applied.why))
    else:
        _outcome(case, report)
        _checks(suite, name, [check.kind for check in applied.planned.stage.checks], report)
        _failures(suite, name, report)
    sum_up(suite, [suite])


def _case(suite: ElementTree.Element, name: str, what: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname=clean(name), name=clean(what))


def _outcome(case: ElementTree.Element, report: StageReport) -> None:
    if report.outcome in _BAD:
        message = str(report.error) if report.error is not None else report.outcome
        ElementTree.SubElement(case, "error", type=report.outcome, message=clean(message))
    elif report.outcome == "held":
        held = f"{report.counts.get(ItemStatus.HELD, 0):,} held: a person must decide (runner state list)"
        ElementTree.SubElement(case, "failure", type="held", message=held)
    elif report.outcome in ("pending", "budget"):
        ElementTree.SubElement(case, "skipped", message=report.outcome)


def _checks(suite: ElementTree.Element, name: str, kinds: Sequence[str], report: StageReport) -> None:
    verdicts = report.published.verdicts if report.published is not None else ()
    for number, verdict in enumerate(verdicts):
        kind = kinds[number] if number < len(kinds) else "record"
        before = kinds[:number].count(kind)
        case = _case(suite, name, f"check {kind}" + (f" {before + 1}" if before else ""))
        if not verdict.passed:
            kind = "failure" if verdict.severity == "error" else "skipped"
            ElementTree.SubElement(case, kind, message=clean(verdict.what))
        ElementTree.SubElement(case, "system-out").text = clean(verdict.what)


def _failures(suite: ElementTree.Element, name: str, report: StageReport) -> None:
    progress = report.progress
    failed = [(f"item {key}", error) for key, error in progress.failures]
    failed += [(f"rejected {each.place}", each.what) for each in progress.rejections]
    for what, error in failed[:FAILED_SHOWN]:
        ElementTree.SubElement(_case(suite, name, what), "failure", message=clean(error))
    further = progress.items["failed"] + progress.rejected - min(len(failed), FAILED_SHOWN)
    if further > 0:
        ElementTree.SubElement(_case(suite, name, "further items"), "failure", message=f"{further:,} more have failed")
    earlier = report.counts.get(ItemStatus.FAILED, 0) - progress.items["failed"]
    if earlier > 0 and report.outcome == "failed_items":
        message = f"{earlier:,} failed in an earlier apply (runner status --failed, runner retry)"
        ElementTree.SubElement(_case(suite, name, "items failed earlier"), "failure", message=message)


def sum_up(element: ElementTree.Element, suites: Sequence[ElementTree.Element]) -> None:
    """Write the numbers of cases, failures, errors and skipped ones on an element."""
    cases = [case for suite in suites for case in suite.iter("testcase")]
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    element.set("tests", str(len(cases)))


def clean(text: str) -> str:
    """Return text that XML can hold: control characters and lone surrogates become a replacement character."""
    return _NOT_XML.sub("\ufffd", text)
