"""Plans as JSON documents: for people's tools, and for `apply PLAN`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runner.engine.decide import Decision
from runner.engine.plan import SinkPlan, StagePlan
from runner.model.item import Json, Rejected
from runner.model.job import Capabilities, Change, Estimate, Find
from runner.model.ledger import Scope

FORMAT_VERSION: Final = 1


def stage_document(plan: StagePlan) -> dict[str, Json]:
    """Return one stage's plan as JSON; `items` only when the survey listed them."""
    document: dict[str, Json] = {
        "project": plan.scope.project,
        "recipe": plan.scope.recipe,
        "stage": plan.scope.stage,
        "plan": plan.id,
        "work_hash": plan.work,
        "publish_hash": plan.publish,
        "source": {"text": plan.source_text, "items": plan.total, "unchanged": plan.unchanged},
        "target": {
            "text": plan.target_text,
            "jobs": plan.jobs,
            "items_per_job": plan.items_per_job,
            "whole_source": plan.capabilities.whole_source,
        },
        "counts": {str(decision): number for decision, number in plan.counts.items()},
        "reasons": dict(plan.reasons),
        "to_submit": plan.to_submit,
        "has_work": plan.has_work,
        "rejected": {
            "count": plan.rejected,
            "first": [{"place": each.place, "what": each.what} for each in plan.rejections],
        },
        "open_jobs": dict(plan.open_jobs),
        "to_hold": dict(plan.to_hold),
        "cost": {"money": plan.estimate.money, "currency": plan.estimate.currency, "how": plan.estimate.how},
        "rows": {"before": plan.rows_before, "gone": plan.rows_gone, "allow_empty": plan.allow_empty},
        "refusal": plan.refusal,
        "notes": list(plan.notes),
        "changes": [{"what": change.what, "before": change.before, "after": change.after} for change in plan.changes],
        "safety": {
            "find": str(plan.capabilities.find),
            "complete": plan.capabilities.complete,
            "text": plan.promise,
        },
        "checks_change": plan.checks_change,
        "sinks": [{"sink": sink.identity, "action": sink.action, "why": sink.why} for sink in plan.sinks],
        "holder": dict(plan.holder) if plan.holder else None,
        "ledger": {"version": plan.version, "instance": plan.instance, "missing": plan.missing},
    }
    if plan.items is not None:
        document["items"] = [[key, content.hex(), reason] for key, content, reason in plan.items]
    return document


def planned_items(stage: Mapping[str, Json]) -> frozenset[tuple[str, bytes]]:
    """Return what a saved stage plan allows to be submitted."""
    return frozenset((key, bytes.fromhex(content)) for key, content, _ in stage["items"])


def stage_plan(document: Mapping[str, Json], profile: str) -> StagePlan:
    """Return a saved stage plan as the value it was made from, as far as people are shown it."""
    source, target, cost = document["source"], document["target"], document["cost"]
    rows = document.get("rows", {"before": 0, "gone": 0, "allow_empty": False})  # plans of earlier versions have none
    find, complete = Find(document["safety"]["find"]), document["safety"]["complete"]
    return StagePlan(
        scope=Scope("", profile, document["recipe"], document["stage"]),
        work=document["work_hash"],
        publish=document["publish_hash"],
        counts={Decision(name): number for name, number in document["counts"].items()},
        id=document["plan"],
        jobs=target["jobs"],
        items_per_job=target["items_per_job"],
        rejected=document["rejected"]["count"],
        rejections=[Rejected(each["place"], each["what"]) for each in document["rejected"]["first"]],
        reasons=document["reasons"],
        open_jobs=document["open_jobs"],
        to_hold=document.get("to_hold", {}),  # plans of earlier versions have none
        estimate=Estimate(cost["money"], cost["currency"], cost["how"]),
        capabilities=Capabilities(find=find, complete=complete, whole_source=target["whole_source"]),
        changes=[Change(each["what"], each["before"], each["after"]) for each in document["changes"]],
        sinks=[SinkPlan(each["sink"], each["action"], each["why"]) for each in document["sinks"]],
        checks_change=document.get("checks_change", False),
        holder=document["holder"],
        source_text=source["text"],
        target_text=target["text"],
        promise=document["safety"]["text"],
        unchanged=source["unchanged"],
        notes=document.get("notes", ()),
        refusal=document.get("refusal", ""),
        rows_before=rows["before"],
        rows_gone=rows["gone"],
        allow_empty=rows["allow_empty"],
        missing=document["ledger"]["missing"],
        version=document["ledger"]["version"],
        instance=document["ledger"].get("instance", ""),
    )


def moved(document: Mapping[str, Json], plan: StagePlan, *, is_begun: bool) -> str:
    """Say why a saved stage plan no longer fits the world; empty when it does.

    Args:
        document: as saved.
        plan: as it would be made now.
        is_begun: it was begun and cut off, so that the ledger has moved on by its own work.
    """
    if document["work_hash"] != plan.work:
        return "the recipe's target has changed since"
    if document["publish_hash"] != plan.publish:
        return "the recipe's record, checks or sinks have changed since"
    instance = document["ledger"].get("instance", "")  # plans of earlier versions have none
    if instance and instance != plan.instance:
        return "it was made with another ledger"
    if document.get("rows", {}).get("allow_empty", plan.allow_empty) != plan.allow_empty:
        return "the recipe's `allow_empty` has changed since"
    if is_begun:
        return ""
    if document["plan"] != plan.id:
        return f"the items to submit have changed since: {document['to_submit']} then, {plan.to_submit} now"
    if document.get("rows", {}).get("gone", plan.rows_gone) != plan.rows_gone:
        return f"the rows that go have changed since: {document['rows']['gone']} then, {plan.rows_gone} now"
    if document["ledger"]["version"] != plan.version:
        return "the ledger has moved since: another apply or decision came between"
    return ""
