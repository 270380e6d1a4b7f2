"""Plans in files: made for review, applied exactly once, shown for ever.

A plan lists every item that may be submitted. It is refused when anything it rests on has moved, when it has expired,
and when it was used. One whose apply was cut off is not used up: applying it again goes on.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from runner import __version__
from runner.engine.plan import StagePlan
from runner.engine.saved import FORMAT_VERSION, moved, planned_items, stage_document, stage_plan
from runner.jsontext import hex_digest
from runner.model.errors import ConfigError, PlanRefused, UsageError
from runner.model.item import Json
from runner.model.ledger import Ledger, PlanUse, Scope
from runner.model.redact import REDACTOR

AGAIN: Final = "make a new plan: runner plan --out FILE"


@dataclass(frozen=True, slots=True)
class Meant:
    """Which recipes a plan is about, as the user said it, so that the same ones are loaded again.

    Attributes:
        paths: files and folders, as given.
        variables: name to text.
    """

    project: str
    profile: str = ""
    paths: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    select: Sequence[str] = ()
    emulate: bool = False


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan as it stands in a file.

    Attributes:
        id: 32 hex letters, of this very plan.
        created_at, expires_at: epoch seconds.
        stages: (recipe, stage) to the document of the stage.
    """

    id: str
    created_at: float
    expires_at: float
    meant: Meant
    stages: Mapping[tuple[str, str], Mapping[str, Json]]

    def plans(self) -> Sequence[StagePlan]:
        """Return the plans of the stages, for showing."""
        return [stage_plan(document, self.meant.profile) for document in self.stages.values()]

    def items(self, scope: Scope) -> frozenset[tuple[str, bytes]]:
        """Return what may be submitted of a stage."""
        return planned_items(self.stages[scope.recipe, scope.stage])

    def recipes(self) -> Sequence[str]:
        """Return the names of the recipes it is about."""
        return list(dict.fromkeys(recipe for recipe, _ in self.stages))


def plan_document(
    plans: Sequence[StagePlan], meant: Meant, now: float, valid_s: float, notes: Mapping[str, Json] | None = None
) -> dict[str, Json]:
    """Return plans as one document; they must list their items.

    Args:
        plans: of all stages.
        meant: which recipes they are about.
        now: epoch seconds.
        valid_s: how long they may be applied.
        notes: what is told beside the stages: `orphaned`, `frozen`.
    """
    document: dict[str, Json] = {
        "format_version": FORMAT_VERSION,
        "kind": "Plan",
        "runner": __version__,
        "id": secrets.token_hex(16),
        "created_at": _text(now),
        "expires_at": _text(now + valid_s),
        "project": meant.project,
        "profile": meant.profile,
        "paths": list(meant.paths),
        "variables": dict(meant.variables),
        "select": list(meant.select),
        "emulate": meant.emulate,
        "stages": [stage_document(plan) for plan in plans],
        **(notes or {}),
    }
    document = REDACTOR.value(document)
    return {**document, "digest": hex_digest(document)}


def write_plan(path: Path, document: Mapping[str, Json]) -> None:
    """Write a plan; its items are named in it, so only its owner may read it.

    Raises:
        ConfigError: the file cannot be written.
    """
    try:
        path.touch(mode=0o600)
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", errors=_LONE)
    except OSError as error:
        raise ConfigError(f"plan {path} cannot be written: {error.strerror}", mend="name another file") from error


def is_plan(path: Path) -> bool:
    """Whether a file is a saved plan by its content, whole or torn; false when it cannot be read."""
    try:
        with path.open("rb") as file:
            if not file.read(_HEAD).lstrip().startswith(b"{"):
                return False
            file.seek(0)
            return _KIND.search(file.read()) is not None
    except OSError:
        return False


def read_plan(path: Path) -> SavedPlan:
    """Read a plan from its file.

    Raises:
        UsageError: there is no such file.
        PlanRefused: it is not a plan, of a newer runner, or was changed after it was made.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8", errors=_LONE))
    except FileNotFoundError as error:
        raise UsageError(f"there is no plan {str(path)!r}", mend="runner plan --out FILE makes one") from error
    except OSError as error:
        raise PlanRefused(f"plan {path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise PlanRefused(f"{path} is not a plan: it is not JSON", mend=AGAIN) from error
    if not isinstance(document, dict) or document.get("kind") != "Plan" or "digest" not in document:
        raise PlanRefused(f"{path} is not a plan", mend=AGAIN)
    if document.get("format_version") != FORMAT_VERSION:
        raise PlanRefused(
            f"plan {path} has format {document.get('format_version')!r}, not {FORMAT_VERSION}", mend=AGAIN
        )
    if document.pop("digest") != hex_digest(document):
        raise PlanRefused(f"plan {path} was changed after it was made", mend=AGAIN)
    return _saved(document)


def _saved(document: Mapping[str, Any]) -> SavedPlan:
    names = ("project", "profile", "paths", "variables", "select", "emulate")
    return SavedPlan(
        document["id"],
        _seconds(document["created_at"]),
        _seconds(document["expires_at"]),
        Meant(**{name: document[name] for name in names}),
        {(stage["recipe"], stage["stage"]): stage for stage in document["stages"]},
    )


async def refuse_plan(saved: SavedPlan, ledger: Ledger, plans: Sequence[StagePlan], now: float) -> None:
    """Refuse a plan that may not be applied to the stages of one recipe.

    Args:
        saved: the plan.
        ledger: knows whether it was used.
        plans: of the recipe's stages, as they would be made now, under the lease.
        now: epoch seconds.

    Raises:
        PlanRefused: it is stale, was used, or has expired.
    """
    uses: list[PlanUse | None] = []
    for plan in plans:
        if plan.scope.project != saved.meant.project:
            what = f"the plan is for the project {saved.meant.project}, not {plan.scope.project}"
            raise PlanRefused(what, mend=AGAIN)
        name = f"{plan.scope.recipe}/{plan.scope.stage}".rstrip("/")
        document = saved.stages.get((plan.scope.recipe, plan.scope.stage))
        if document is None:
            raise PlanRefused(f"the plan is stale: it knows no {name}", mend=AGAIN)
        use = await ledger.plan_use(plan.scope, saved.id)
        uses.append(use)
        why = "" if use is not None and use.ended_at is not None else moved(document, plan, is_begun=use is not None)
        if why:
            raise PlanRefused(f"the plan is stale for {name}: {why}", mend=AGAIN)
    if all(use is not None and use.ended_at is not None for use in uses):
        at = max(use.ended_at or 0.0 for use in uses if use is not None)
        raise PlanRefused(f"the plan was used up at {_text(at)}", mend=AGAIN)
    if now > saved.expires_at and not any(uses):
        raise PlanRefused(f"the plan has expired at {_text(saved.expires_at)}", mend=AGAIN)


_HEAD: Final = 64
_KIND: Final = re.compile(rb'"kind"\s*:\s*"Plan"')
_LONE: Final = "surrogatepass"
"""Names of files that are not UTF-8 survive in a plan."""


def _text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _seconds(text: str) -> float:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
