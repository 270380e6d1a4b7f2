"""What the stand-in remembers: rows by id, as plain mutable records, and nothing about HTTP.

A *project* owns tasks; a *task* owns annotations and predictions; a *prompt* owns versions; a *run* belongs to a
version and covers tasks. Times are seconds since 1970 on the clock that was handed in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from runner.model.item import Json


@dataclass(slots=True)
class Annotation:
    """A human answer; `ground_truth` makes it the measure of accuracy."""

    id: int
    task: int
    result: list[Json]
    ground_truth: bool
    created_at: float
    was_cancelled: bool = False


@dataclass(slots=True)
class Prediction:
    """A machine answer; `run` and `prompt` are None when somebody uploaded it."""

    id: int
    task: int
    project: int
    result: list[Json]
    score: float | None
    model_version: str
    created_at: float
    run: int | None = None
    prompt: int | None = None
    version: int | None = None


@dataclass(slots=True)
class Failure:
    """Why the model had no answer for one task of a run."""

    task: int
    message: str
    error_type: str


@dataclass(slots=True)
class Task:
    """One unit of a project: its data and what people and models said about it."""

    id: int
    project: int
    inner_id: int
    data: dict[str, Json]
    created_at: float
    meta: Json = None
    annotations: dict[int, Annotation] = field(default_factory=dict)
    predictions: dict[int, Prediction] = field(default_factory=dict)

    def truth(self) -> Annotation | None:
        """Give the first ground truth, None when there is none."""
        return next((a for a in self.annotations.values() if a.ground_truth), None)


@dataclass(slots=True)
class Project:
    """Tasks that share one label config."""

    id: int
    title: str
    label_config: str
    created_at: float
    description: str = ""
    tasks: dict[int, Task] = field(default_factory=dict)


@dataclass(slots=True)
class Prompt:
    """A ModelInterface: what is asked of which projects; its text stands in the versions."""

    id: int
    title: str
    created_at: float
    updated_at: float
    description: str = ""
    skill_name: str = "TextClassification"
    input_fields: list[str] = field(default_factory=list)
    output_classes: list[str] = field(default_factory=list)
    associated_projects: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Version:
    """A ThirdPartyModelVersion: the prompt's text and the model that reads it."""

    id: int
    prompt_id: int
    title: str
    prompt: str
    provider_model_id: str
    created_at: float
    updated_at: float
    provider: str = "OpenAI"
    connection: int | None = None
    max_few_shot_examples: int = 0
    score: float | None = None


@dataclass(slots=True)
class Run:
    """A ModelRun: one version over a choice of tasks.

    Attributes:
        tasks: ids in order of work; fixed when the run is created.
        done: how many of `tasks` the model has looked at, from the first on.
        predicted: tasks with an answer; those without one stand in `failures`.
        ends: the status that it will end with; `InProgress` for one that hangs.
        asked_tasks: what `task_ids` shows, None but for Custom.
        correct: tasks of this run whose answer equals the ground truth.
        scores: score of each answered task that has a ground truth, by task id; outlives the predictions.
    """

    id: int
    prompt_id: int
    version_id: int
    project: int
    subset: str
    tasks: list[int]
    created_at: float
    ends: str = "Completed"
    status: str = "Pending"
    done: int = 0
    correct: int = 0
    asked_tasks: list[int] | None = None
    filters: Json = None
    sample_size: int | None = None
    source_run: int | None = None
    job_id: str | None = None
    triggered_at: float | None = None
    predictions_updated_at: float | None = None
    completed_at: float | None = None
    predicted: set[int] = field(default_factory=set)
    failures: dict[int, Failure] = field(default_factory=dict)
    scores: dict[int, float] = field(default_factory=dict)

    def is_terminal(self) -> bool:
        """Tell whether nothing will change any more."""
        return self.status in {"Completed", "Failed", "Canceled"}


@dataclass(slots=True)
class Import:
    """An import that works in the background."""

    id: int
    project: int
    rows: list[Json]
    created_at: float
    status: str = "created"
    task_ids: list[int] = field(default_factory=list)
    error: str | None = None
    finished_at: float | None = None


@dataclass(slots=True)
class Refinement:
    """A rewriting of a version's prompt that a teacher model works on."""

    id: str
    version: int
    prompt: str
    reasoning: str
    ready_at: float


@dataclass(slots=True)
class Store:
    """All rows, by id, and what was counted on the way."""

    clock: Callable[[], float]
    projects: dict[int, Project] = field(default_factory=dict)
    tasks: dict[int, Task] = field(default_factory=dict)
    annotations: dict[int, Annotation] = field(default_factory=dict)
    predictions: dict[int, Prediction] = field(default_factory=dict)
    prompts: dict[int, Prompt] = field(default_factory=dict)
    versions: dict[int, Version] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)
    connections: dict[int, dict[str, Json]] = field(default_factory=dict)
    views: dict[int, dict[str, Json]] = field(default_factory=dict)
    imports: dict[int, Import] = field(default_factory=dict)
    refinements: dict[str, Refinement] = field(default_factory=dict)
    ids: Counter[str] = field(default_factory=Counter)

    def next_id(self, noun: str) -> int:
        """Give the next free id of a noun; ids ascend and are never used twice."""
        self.ids[noun] += 1
        return self.ids[noun]

    def add_task(self, project: Project, data: dict[str, Json], meta: Json = None) -> Task:
        """Store one task of a project."""
        last = next(reversed(project.tasks.values())).inner_id if project.tasks else 0
        task = Task(self.next_id("task"), project.id, last + 1, data, self.clock(), meta)
        self.tasks[task.id] = project.tasks[task.id] = task
        return task

    def add_annotation(self, task: Task, result: list[Json], *, ground_truth: bool) -> Annotation:
        """Store a human answer to a task."""
        made = Annotation(self.next_id("annotation"), task.id, result, ground_truth, self.clock())
        self.annotations[made.id] = task.annotations[made.id] = made
        return made

    def add_prediction(
        self, task: Task, result: list[Json], *, score: float | None, model_version: str, run: Run | None = None
    ) -> Prediction:
        """Store a machine answer to a task, of a run or uploaded."""
        made = Prediction(self.next_id("prediction"), task.id, task.project, result, score, model_version, self.clock())
        if run is not None:
            made.run, made.prompt, made.version = run.id, run.prompt_id, run.version_id
        self.predictions[made.id] = task.predictions[made.id] = made
        return made

    def drop_prediction(self, prediction_id: int) -> None:
        """Forget a prediction."""
        gone = self.predictions.pop(prediction_id)
        self.tasks[gone.task].predictions.pop(prediction_id)

    def drop_annotation(self, annotation_id: int) -> None:
        """Forget an annotation."""
        gone = self.annotations.pop(annotation_id)
        self.tasks[gone.task].annotations.pop(annotation_id)

    def drop_task(self, task_id: int) -> None:
        """Forget a task with everything that was said about it."""
        gone = self.tasks.pop(task_id)
        for prediction_id in gone.predictions:
            del self.predictions[prediction_id]
        for annotation_id in gone.annotations:
            del self.annotations[annotation_id]
        del self.projects[gone.project].tasks[task_id]

    def versions_of(self, prompt_id: int) -> Iterator[Version]:
        """Give the versions of a prompt, oldest first."""
        return (v for v in self.versions.values() if v.prompt_id == prompt_id)

    def drop_version(self, version_id: int) -> None:
        """Forget a version, its runs and their predictions."""
        del self.versions[version_id]
        for run in [r for r in self.runs.values() if r.version_id == version_id]:
            del self.runs[run.id]
        for gone in [p for p in self.predictions.values() if p.version == version_id]:
            self.drop_prediction(gone.id)
