"""What a Labelbox workspace holds: plain records, changed in place by the rooms beside this one.

Ids of data rows, datasets, projects, tasks and users look like cuids, the others are UUIDs. Times are seconds since
1970.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from runner.model.item import Json

Answers = list[dict[str, Json]]

SPLITS = ("TRAINING", "VALIDATION", "TEST", "UNASSIGNED")
RUNNING, COMPLETE, FAILED, CANCELED = "IN_PROGRESS", "COMPLETE", "FAILED", "CANCELED"
DONE = ""


@dataclass(slots=True)
class Dataset:
    """A collection of data rows."""

    id: str
    name: str
    description: str
    created_at: float
    updated_at: float


@dataclass(slots=True)
class DataRow:
    """One asset: a text, or the URL of one. `metadata` is value by name of the field."""

    id: str
    dataset_id: str
    row_data: str
    created_at: float
    updated_at: float
    global_key: str | None = None
    external_id: str | None = None
    media_type: str = "TEXT"
    metadata: dict[str, Json] = field(default_factory=dict)
    attachments: Answers = field(default_factory=list)


@dataclass(slots=True)
class Ontology:
    """Features: `normalized` has `tools` and `classifications`, each with its `featureSchemaId`."""

    id: str
    name: str
    normalized: dict[str, Json]
    media_type: str | None
    created_at: float


@dataclass(slots=True)
class App:
    """A Foundry app: a model with its settings."""

    id: str
    model_id: str
    name: str
    description: str | None
    inference_params: dict[str, Json]
    class_to_schema_id: dict[str, str]
    ontology_id: str


@dataclass(slots=True)
class Annotations:
    """What a label or a prediction says of one data row."""

    objects: Answers = field(default_factory=list)
    classifications: Answers = field(default_factory=list)


@dataclass(slots=True)
class Prediction:
    """One prediction job of a Foundry app, over one data row or one asset that is not kept."""

    id: str
    app_id: str
    created_at: float
    data_row_id: str | None = None
    model_run_id: str | None = None
    status: str = "in_progress"
    annotations: Annotations | None = None
    price: float = 0.0
    error: str = ""
    finished_at: float | None = None


@dataclass(slots=True)
class Task:
    """A server-side process. `stream` is the NDJSON of an export; `landed` and `failed` the rows of an upload."""

    id: str
    name: str
    type: str
    seconds: float
    created_at: float
    updated_at: float
    status: str = RUNNING
    metadata: dict[str, Json] = field(default_factory=dict)
    result: str | None = None
    message: str | None = None
    stream: bytes | None = None
    landed: list[str] = field(default_factory=list)
    failed: Answers = field(default_factory=list)


@dataclass(slots=True)
class Label:
    """Ground truth of one data row, made in a project."""

    id: str
    data_row_id: str
    project_id: str
    created_at: float
    annotations: Annotations


@dataclass(slots=True)
class RunRow:
    """A data row within a model run. `predictions` and `metrics` are by uuid of the uploaded line."""

    id: str
    label_ids: list[str] = field(default_factory=list)
    split: str = "UNASSIGNED"
    predictions: dict[str, tuple[str, dict[str, Json]]] = field(default_factory=dict)
    metrics: dict[str, dict[str, Json]] = field(default_factory=dict)


@dataclass(slots=True)
class Pipeline:
    """The training of a model run, as `update_status` tells it; `told` are all updates in order."""

    status: str | None = None
    error_message: str | None = None
    metadata: dict[str, Json] | None = None
    told: Answers = field(default_factory=list)


@dataclass(slots=True)
class Model:
    """A user's model: runs over one ontology."""

    id: str
    name: str
    ontology_id: str


@dataclass(slots=True)
class ModelRun:
    """One experiment of a model; `rows` is by data row id."""

    id: str
    name: str
    model_id: str
    created_at: float
    updated_at: float
    config: dict[str, Json] | None = None
    app_id: str | None = None
    cost: float | None = None
    rows: dict[str, RunRow] = field(default_factory=dict)
    pipeline: Pipeline = field(default_factory=Pipeline)


@dataclass(slots=True)
class Queue:
    """A step of a project's workflow."""

    id: str
    name: str
    type: str


@dataclass(slots=True)
class Lot:
    """A batch: data rows sent to a project together."""

    id: str
    name: str
    created_at: float
    row_ids: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Project:
    """Where people label. `rows` is the queue of each data row (DONE for the last state), `prelabels` its drafts."""

    id: str
    name: str
    created_at: float
    media_type: str
    description: str = ""
    ontology_id: str | None = None
    queues: list[Queue] = field(default_factory=list)
    rows: dict[str, str] = field(default_factory=dict)
    lots: list[Lot] = field(default_factory=list)
    prelabels: dict[str, Annotations] = field(default_factory=dict)


@dataclass(slots=True)
class Import:
    """An upload of predictions (`mea`), drafts (`mal`) or labels (`label`); names are unique under their parent."""

    id: str
    kind: str
    parent_id: str
    name: str
    created_at: float
    seconds: float
    state: str = "RUNNING"
    input_url: str | None = None
    status_url: str | None = None
    error_url: str | None = None
