"""Rows of the store as the JSON that the server shows.

Source: label-studio 1.23.2 over HTTP; label-studio-sdk 2.1.2, its types; API reference, "Get inference run info";
read 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterable

from runner.emulators.label_studio.filters import stamp
from runner.emulators.label_studio.knobs import Knobs
from runner.emulators.label_studio.store import (
    Annotation,
    Import,
    Prediction,
    Project,
    Prompt,
    Run,
    Store,
    Task,
    Version,
)
from runner.model.item import Json

ORGANIZATION = 1
USER: dict[str, Json] = {
    "id": 1,
    "username": "emulator",
    "email": "emulator@example.com",
    "first_name": "Em",
    "last_name": "Ulator",
    "avatar": None,
}


def project(row: Project) -> dict[str, Json]:
    """Show a project with its counts."""
    tasks = row.tasks.values()
    return {
        "id": row.id,
        "title": row.title,
        "description": row.description,
        "label_config": row.label_config,
        "created_at": stamp(row.created_at),
        "created_by": USER,
        "organization": ORGANIZATION,
        "is_published": True,
        "task_number": len(row.tasks),
        "total_annotations_number": sum(len(task.annotations) for task in tasks),
        "total_predictions_number": sum(len(task.predictions) for task in tasks),
        "num_tasks_with_annotations": sum(bool(task.annotations) for task in tasks),
        "finished_task_number": sum(bool(task.annotations) for task in tasks),
        "ground_truth_number": sum(task.truth() is not None for task in tasks),
    }


def task(row: Task, *, full: bool = True) -> dict[str, Json]:
    """Show a task; without `full` its predictions and annotations are empty lists."""
    scores = [p.score for p in row.predictions.values() if p.score is not None]
    return {
        "id": row.id,
        "data": row.data,
        "meta": row.meta or {},
        "project": row.project,
        "inner_id": row.inner_id,
        "created_at": stamp(row.created_at),
        "updated_at": stamp(row.created_at),
        "is_labeled": bool(row.annotations),
        "ground_truth": row.truth() is not None,
        "overlap": 1,
        "total_annotations": len(row.annotations),
        "cancelled_annotations": sum(a.was_cancelled for a in row.annotations.values()),
        "total_predictions": len(row.predictions),
        "predictions_score": sum(scores) / len(scores) if scores else None,
        "predictions_model_versions": ",".join(p.model_version for p in row.predictions.values()),
        "completed_at": stamp(max((a.created_at for a in row.annotations.values()), default=None)),
        "annotations": [annotation(each) for each in row.annotations.values()] if full else [],
        "predictions": [prediction(each) for each in row.predictions.values()] if full else [],
    }


def annotation(row: Annotation) -> dict[str, Json]:
    """Show an annotation."""
    return {
        "id": row.id,
        "task": row.task,
        "result": row.result,
        "ground_truth": row.ground_truth,
        "was_cancelled": row.was_cancelled,
        "completed_by": USER["id"],
        "created_at": stamp(row.created_at),
        "updated_at": stamp(row.created_at),
    }


def prediction(row: Prediction) -> dict[str, Json]:
    """Show a prediction."""
    return {
        "id": row.id,
        "task": row.task,
        "project": row.project,
        "result": row.result,
        "score": row.score,
        "model_version": row.model_version,
        "model": None,
        "model_run": row.run,
        "cluster": None,
        "neighbors": None,
        "mislabeling": 0.0,
        "created_ago": "0 minutes",
        "created_at": stamp(row.created_at),
        "updated_at": stamp(row.created_at),
    }


def prompt(row: Prompt, store: Store | None = None) -> dict[str, Json]:
    """Show a prompt; with the store in the longer form of get and list."""
    shown: dict[str, Json] = {
        "id": row.id,
        "title": row.title,
        "description": row.description,
        "skill_name": row.skill_name,
        "input_fields": row.input_fields,
        "output_classes": row.output_classes,
        "associated_projects": row.associated_projects,
        "organization": ORGANIZATION,
        "created_by": USER,
        "created_at": stamp(row.created_at),
        "updated_at": stamp(row.updated_at),
    }
    if store is None:
        return shown
    known = [store.projects[number] for number in row.associated_projects if number in store.projects]
    scores = [v.score for v in store.versions_of(row.id) if v.score is not None]
    return shown | {
        "associated_projects": [{"id": each.id, "title": each.title} for each in known],
        "runs_count": sum(run.prompt_id == row.id for run in store.runs.values()),
        "versions_count": sum(1 for _ in store.versions_of(row.id)),
        "best_score": max(scores, default=None),
    }


def version(row: Version) -> dict[str, Json]:
    """Show a version."""
    return {
        "id": row.id,
        "title": row.title,
        "parent_model": row.prompt_id,
        "prompt": row.prompt,
        "provider": row.provider,
        "provider_model_id": row.provider_model_id,
        "model_display_name": row.provider_model_id,
        "model_provider_connection": row.connection,
        "max_few_shot_examples": row.max_few_shot_examples,
        "organization": ORGANIZATION,
        "created_by": USER,
        "created_at": stamp(row.created_at),
        "updated_at": stamp(row.updated_at),
        "score": row.score,
    }


def run(row: Run, knobs: Knobs) -> dict[str, Json]:
    """Show a run, in the shape that the knobs ask for."""
    told = row.is_terminal() or knobs.counters == "live"
    shown: dict[str, Json] = {
        "id": row.id,
        "parent_model": row.prompt_id,
        "model_version": row.version_id,
        "project": row.project,
        "organization": ORGANIZATION,
        "created_by": USER["id"] if knobs.created_by == "id" else USER,
        "project_subset": row.subset,
        "status": row.status,
        "task_ids": row.asked_tasks,
        "filters_json": row.filters,
        "sample_subset_size": row.sample_size,
        "source_model_run": row.source_run,
        "job_id": row.job_id,
        "total_tasks": len(row.tasks) if told else 0,
        "total_predictions": len(row.predicted) if told else 0,
        "total_correct_predictions": sum(score >= 1.0 for score in row.scores.values()) if told else 0,
        "created_at": stamp(row.created_at),
        "triggered_at": stamp(row.triggered_at),
        "predictions_updated_at": stamp(row.predictions_updated_at),
        "completed_at": stamp(row.completed_at),
    }
    if not knobs.run_shows_version:
        del shown["model_version"]
    return shown


def importing(row: Import) -> dict[str, Json]:
    """Show a background import."""
    return {
        "id": row.id,
        "project": row.project,
        "status": row.status,
        "error": row.error,
        "task_count": len(row.task_ids),
        "annotation_count": 0,
        "prediction_count": 0,
        "task_ids": row.task_ids,
        "file_upload_ids": [],
        "found_formats": {},
        "data_columns": [],
        "could_be_tasks_list": False,
        "created_at": stamp(row.created_at),
        "finished_at": stamp(row.finished_at),
    }


def newest(predictions: Iterable[Prediction]) -> Prediction | None:
    """Give the prediction that was stored last."""
    return max(predictions, key=lambda each: each.id, default=None)
