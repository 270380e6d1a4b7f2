"""Refinement of a prompt (Enterprise): a teacher that reads the project's ground truths and adds what is missing.

It really learns: for each class it takes the words that stand in that class's messages and in no other's.
"""

from __future__ import annotations

import re
import uuid
from collections import Counter

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runner.emulators.label_studio import labels, shapes
from runner.emulators.label_studio.replies import invalid, missing, object_of
from runner.emulators.label_studio.site import Site, route
from runner.emulators.label_studio.store import Project, Refinement
from runner.emulators.label_studio.versions import ONE
from runner.model.item import Json

REQUIRED = ("project_id", "teacher_model_name", "teacher_model_provider_connection_id")
COST_USD = "0.01250000"
MANY_WORDS = 12


def routes(site: Site) -> list[Route]:
    """Make the routes of this room."""
    return [route(site, ONE + "/refine", get=get, post=refine)]


async def refine(site: Site, request: Request) -> Response:
    """Start a refinement; `async=false` answers when it is done."""
    version, body = site.version(request), await object_of(request)
    for name in REQUIRED:
        if body.get(name) is None:
            raise invalid(**{name: "This field is required."})
    project = site.store.projects.get(body["project_id"])
    if project is None:
        raise invalid(project_id=f'Invalid pk "{body["project_id"]}" - object does not exist.')
    waits = request.query_params.get("async", "true").lower() != "false"
    text, why = learned(version.prompt, project)
    made = Refinement(uuid.uuid4().hex, version.id, text, why, site.now() + (site.knobs.refine_s if waits else 0))
    site.store.refinements[made.id] = made
    site.desk.count("refinements")
    return JSONResponse(_shown(site, made), status_code=201)


async def get(site: Site, request: Request) -> Response:
    """Show a refinement; 202 while it runs."""
    version = site.version(request)
    found = site.store.refinements.get(request.query_params.get("refinement_job_id", ""))
    if found is None or found.version != version.id:
        raise missing("refinement job")
    return JSONResponse(_shown(site, found), status_code=200 if site.now() >= found.ready_at else 202)


def learned(prompt: str, project: Project) -> tuple[str, str]:
    """Write a better prompt from a project's ground truths, and say why it is better."""
    control = next(iter(labels.controls(project.label_config)), None)
    if control is None or not control.classes:
        return prompt, "The project has no classes to learn."
    words: dict[str, Counter[str]] = {name: Counter() for name in control.classes}
    for task in project.tasks.values():
        truth = task.truth()
        for name in labels.answers(truth.result).get(control.name, ()) if truth else ():
            text = str(task.data.get(control.field, ""))
            words.setdefault(name, Counter()).update(set(re.findall(r"[a-z]{4,}", text.lower())))
    lines = [f"{name}: {', '.join(own)}" for name in control.classes if (own := _own_words(name, words))]
    return "\n".join(
        [prompt.rstrip(), *lines, ""]
    ), f"Added words of {len(lines)} classes, seen in ground truths only there."


def _own_words(name: str, words: dict[str, Counter[str]]) -> list[str]:
    others = {word for other, seen in words.items() if other != name for word in seen}
    ranked = sorted(words[name].items(), key=lambda pair: (-pair[1], pair[0]))
    return [word for word, _ in ranked if word not in others][:MANY_WORDS]


def _shown(site: Site, made: Refinement) -> dict[str, Json]:
    done, version = site.now() >= made.ready_at, site.store.versions[made.version]
    return {
        "title": f"{version.title} (refined)",
        "prompt": made.prompt if done else "",
        "reasoning": made.reasoning if done else "",
        "refinement_job_id": made.id,
        "refinement_status": "Completed" if done else "InProgress",
        "total_cost": COST_USD if done else None,
        "previous_version": shapes.version(version),
    }
