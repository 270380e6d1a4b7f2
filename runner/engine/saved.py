"""Plans as JSON documents: for people's tools, and for `apply PLAN`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runner.engine.plan import StagePlan, safety
from runner.model.item import Json

FORMAT_VERSION: Final = 1


def stage_document(plan: StagePlan) -> dict[str, Json]:
    """Return one stage's plan as JSON; `items` only when the survey listed them."""
    document: dict[str, Json] = {
        "recipe": plan.scope.recipe,
        "stage": plan.scope.stage,
        "plan": plan.id,
        "work_hash": plan.work,
        "publish_hash": plan.publish,
        "source": {"text": plan.source_text, "items": plan.total, "unchanged": plan.unchanged},
        "target": {"text": plan.target_text, "jobs": plan.jobs, "items_per_job": plan.items_per_job},
        "counts": {str(decision): number for decision, number in plan.counts.items()},
        "reasons": dict(plan.reasons),
        "to_submit": plan.to_submit,
        "has_work": plan.has_work,
        "rejected": {
            "count": plan.rejected,
            "first": [{"place": each.place, "what": each.what} for each in plan.rejections],
        },
        "open_jobs": dict(plan.open_jobs),
        "cost": {"money": plan.estimate.money, "currency": plan.estimate.currency, "how": plan.estimate.how},
        "changes": [{"what": change.what, "before": change.before, "after": change.after} for change in plan.changes],
        "safety": {
            "find": str(plan.capabilities.find),
            "complete": plan.capabilities.complete,
            "text": safety(plan.capabilities),
        },
        "sinks": [{"sink": sink.identity, "action": sink.action, "why": sink.why} for sink in plan.sinks],
        "holder": dict(plan.holder) if plan.holder else None,
    }
    if plan.items is not None:
        document["items"] = [[key, content.hex(), reason] for key, content, reason in plan.items]
    return document


def planned_items(stage: Mapping[str, Json]) -> frozenset[tuple[str, bytes]]:
    """Return what a saved stage plan allows to be submitted."""
    return frozenset((key, bytes.fromhex(content)) for key, content, _ in stage["items"])
