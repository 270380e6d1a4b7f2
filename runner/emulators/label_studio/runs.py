"""Inference runs without HTTP: which tasks a subset means, the work as time passes, and how a run ends.

Time is only looked at when somebody asks: `advance` brings every run to where it stands now.

Source: label-studio-sdk 2.1.2, Enterprise guide "Prompts", HumanSignal/Adala worker, read 2026-11. What is not
published (overwriting, order of counters, cancel of a finished run) follows a knob or is said beside it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

from runner.emulators.label_studio import filters, labels, model
from runner.emulators.label_studio.replies import Refusal, invalid
from runner.emulators.label_studio.site import Site
from runner.emulators.label_studio.store import Failure, Project, Run, Task, Version
from runner.model.item import Json

SUBSETS = ("All", "HasGT", "Sample", "Custom", "Filtered")


@dataclass(frozen=True, slots=True)
class Choice:
    """Which tasks a run shall cover, as it was asked."""

    subset: str = "HasGT"
    sample_size: int | None = None
    filters: Json = None
    task_ids: Sequence[int] | None = None
    only_missing: bool = False
    source_run: int | None = None


def choose(site: Site, project: Project, choice: Choice, version_id: int | None = None) -> list[Task]:
    """Give the tasks that a choice means now, in order.

    Raises:
        Refusal: 400, an unknown subset, no ground truth where `refuse_empty` is on, or tasks of another project;
            500, filters that cannot be evaluated.
    """
    tasks = _subset(site, project, choice)
    if choice.only_missing:
        tasks = [task for task in tasks if not any(p.version == version_id for p in task.predictions.values())]
    return tasks


def start(site: Site, version: Version, project: Project, choice: Choice) -> Run:
    """Create a run; its tasks are fixed and counted as accepted from here on.

    Raises:
        Refusal: as `choose`.
    """
    tasks = [task.id for task in choose(site, project, choice, version.id)]
    number = site.store.next_id("run")
    run = Run(
        number, version.prompt_id, version.id, project.id, choice.subset, tasks, site.now(),
        ends=site.knobs.run_ends, filters=choice.filters, sample_size=choice.sample_size,
        source_run=choice.source_run, job_id=f"adala-job-{number}",
        asked_tasks=list(choice.task_ids) if choice.task_ids is not None else None,
    )  # fmt: skip
    site.store.runs[number] = run
    site.desk.count("runs")
    for task_id in tasks:
        site.desk.submitted(f"version {version.id} task {task_id}")
    return run


def advance(site: Site) -> None:
    """Bring all runs to where they stand at this moment."""
    for run in site.store.runs.values():
        if not run.is_terminal():
            _advance(site, run)


def cancel(site: Site, run: Run) -> None:
    """Stop a run; what it has predicted stays.

    Raises:
        Refusal: 400, it has ended already. (What Enterprise does then is not described anywhere.)
    """
    if run.is_terminal():
        raise Refusal(400, f"Cannot cancel a run with status {run.status}")
    run.status, run.completed_at = "Canceled", site.now()


def accept(site: Site, run: Run, task: Task, output: dict[str, Json]) -> None:
    """Store a model's output for one task, its score against the ground truth included."""
    project = site.store.projects[run.project]
    version = site.store.versions[run.version_id]
    asked = labels.controls(project.label_config)
    result = labels.regions(asked, output)
    site.store.add_prediction(task, result, score=1.0, model_version=version.title, run=run)
    site.desk.count("predictions")
    run.predicted.add(task.id)
    run.predictions_updated_at = site.now()
    truth = task.truth()
    if truth is not None:
        run.scores[task.id] = labels.agreement(result, truth.result)


def fail(run: Run, failure: Failure) -> None:
    """Store why a task of a run has no answer."""
    run.failures[failure.task] = failure


def settle(site: Site, run: Run, at: float) -> None:
    """End a run whose tasks all have an answer or a failure; a HasGT run gives its version the score."""
    if run.ends != "Completed" or len(run.predicted) + len(run.failures) < len(run.tasks):
        return
    run.status, run.completed_at = "Completed", at
    version = site.store.versions[run.version_id]
    if run.subset == "HasGT" and run.tasks:
        version.score = sum(run.scores.values()) / len(run.tasks)


def _subset(site: Site, project: Project, choice: Choice) -> list[Task]:
    tasks = list(project.tasks.values())
    if choice.subset == "HasGT":
        tasks = [task for task in tasks if task.truth() is not None]
        if not tasks and site.knobs.refuse_empty:
            raise invalid(project_subset="Project has no ground truth annotations.")
    elif choice.subset == "Sample":
        tasks = tasks[: site.knobs.sample_size if choice.sample_size is None else choice.sample_size]
    elif choice.subset == "Custom":
        tasks = _named(project, choice.task_ids)
    elif choice.subset == "Filtered":
        tasks = _filtered(tasks, choice.filters)
    elif choice.subset != "All":
        raise invalid(project_subset=f'"{choice.subset}" is not a valid choice.')
    return tasks


def _named(project: Project, task_ids: Sequence[int] | None) -> list[Task]:
    if not task_ids:
        raise invalid(task_ids="This field is required for the Custom subset.")
    unknown = [number for number in task_ids if number not in project.tasks]
    if unknown:
        raise invalid(task_ids=f"Tasks not found in the project: {unknown[:10]}")
    return [project.tasks[number] for number in dict.fromkeys(task_ids)]


def _filtered(tasks: list[Task], group: Json) -> list[Task]:
    if not isinstance(group, dict):
        raise invalid(filters_json="This field is required for the Filtered subset.")
    inner = group.get("filters")
    try:
        return filters.chosen(tasks, inner if isinstance(inner, dict) else group)
    except filters.BadFilter as error:
        raise Refusal(500, str(error)) from error


def _advance(site: Site, run: Run) -> None:
    now, knobs = site.now(), site.knobs
    if run.status == "Pending":
        if now < run.created_at + knobs.pending_s:
            return
        _trigger(site, run, run.created_at + knobs.pending_s)
    if knobs.worker == "outside":
        return
    begun = run.triggered_at or run.created_at
    due = len(run.tasks) if knobs.task_s <= 0 else math.floor((now - begun) / knobs.task_s)
    # A run that fails or hangs does so half way, like a worker that died.
    due = min(due, len(run.tasks) if run.ends == "Completed" else len(run.tasks) // 2)
    for task_id in run.tasks[run.done : due]:
        _work(site, run, task_id)
    run.done = max(run.done, due)
    ended = begun + knobs.task_s * run.done
    if run.ends == "Failed" and run.done >= len(run.tasks) // 2:
        run.status, run.completed_at = "Failed", ended
    settle(site, run, ended)


def _trigger(site: Site, run: Run, at: float) -> None:
    run.status, run.triggered_at = "InProgress", at
    overwrite = site.knobs.overwrite
    if overwrite == "none":
        return
    for task in (site.store.tasks[number] for number in run.tasks if number in site.store.tasks):
        for old in list(task.predictions.values()):
            same = old.prompt == run.prompt_id if overwrite == "prompt" else old.version == run.version_id
            if same and old.run is not None:
                site.store.drop_prediction(old.id)


def _work(site: Site, run: Run, task_id: int) -> None:
    if task_id in run.predicted or task_id in run.failures:
        return
    task = site.store.tasks.get(task_id)
    if task is None:
        fail(run, Failure(task_id, "Task was deleted", "TaskNotFound"))
    elif _is_doomed(site, run, task_id):
        fail(run, Failure(task_id, "The model timed out on this task", "Timeout"))
    else:
        try:
            asked = labels.controls(site.store.projects[run.project].label_config)
            accept(site, run, task, model.answer(site.store.versions[run.version_id].prompt, asked, task.data))
        except model.NoAnswer as error:
            fail(run, Failure(task_id, str(error), error.error_type))


def _is_doomed(site: Site, run: Run, task_id: int) -> bool:
    share = site.knobs.fail_share
    if not share:
        return False
    if site.knobs.fail_once and any(task_id in old.failures for old in site.store.runs.values() if old is not run):
        return False
    draw = int.from_bytes(hashlib.sha256(f"fail {task_id}".encode()).digest()[:4], "big") / 2**32
    return draw < share
