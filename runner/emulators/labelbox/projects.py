"""Projects: task queues, batches, and sending data rows to annotate from a model run or the catalog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from runner.emulators.labelbox import data_rows, ontologies
from runner.emulators.labelbox.graphql import CONFLICT, INTERNAL, Arguments, GraphqlError, Root
from runner.emulators.labelbox.records import DONE, Annotations, DataRow, Label, Lot, ModelRun, Project, Queue, Task
from runner.emulators.labelbox.workspace import Workspace, cuid, found, stamp, uid
from runner.model.item import Json

ANNOTATE = "send-to-annotate"
_PAGE = 100


def queries(ws: Workspace) -> Mapping[str, Root]:
    """List the root fields of this room."""
    return {"project": partial(_project, ws), "projects": partial(_projects, ws)}


def mutations(ws: Workspace) -> Mapping[str, Root]:
    """List the root fields of this room."""
    return {
        "createProject": partial(_create, ws),
        "updateProject": partial(_update, ws),
        "project": partial(_changes, ws),
        "sendToAnnotateFromMea": partial(_from_run, ws),
        "sendToAnnotateFromCatalog": partial(_from_catalog, ws),
    }


def view(ws: Workspace, project: Project) -> dict[str, Json]:
    """Show a project."""
    ontology = ws.ontologies.get(project.ontology_id or "")
    at = stamp(project.created_at)
    return {
        "id": project.id,
        "name": project.name,
        "description": project.description,
        "allowedMediaType": project.media_type,
        "dataRowCount": len(project.rows),
        "autoAuditNumberOfLabels": 1,
        "autoAuditPercentage": 1.0,
        "editorTaskType": None,
        "isBenchmarkEnabled": True,
        "isConsensusEnabled": False,
        "modelSetupComplete": None,
        "uploadType": None,
        "createdAt": at,
        "updatedAt": at,
        "setupComplete": at if ontology else None,
        "lastActivityTime": at,
        "ontology": ontologies.view(ontology) if ontology else None,
        "labelingFrontend": {"id": cuid(), "name": "Editor", "description": "", "iframeUrlPath": ""},
        "labelCount": sum(label.project_id == project.id for label in ws.labels.values()),
        "taskQueues": lambda _: [_queue_view(project, queue) for queue in project.queues],
        "batches": partial(_batches, project),
        "__typename": "Project",
    }


def new_queues() -> list[Queue]:
    """Make the workflow of a new project; the state Done is no queue of its own."""
    return [
        Queue(uid(), "Initial labeling task", "INITIAL_LABELING_QUEUE"),
        Queue(uid(), "Initial review task", "MANUAL_REVIEW_QUEUE"),
        Queue(uid(), "Rework (all rejected)", "MANUAL_REWORK_QUEUE"),
    ]


def _queue_view(project: Project, queue: Queue) -> dict[str, Json]:
    return {
        "id": queue.id,
        "name": queue.name,
        "description": "",
        "queueType": queue.type,
        "dataRowCount": sum(queue_id == queue.id for queue_id in project.rows.values()),
    }


def _batches(project: Project, args: Arguments) -> dict[str, Json]:
    wanted = (args.get("where") or {}).get("id")
    lots = [lot for lot in project.lots if wanted in (None, lot.id)]
    return {"nodes": [_lot_view(lot) for lot in lots], "pageInfo": {"endCursor": None}}


def _lot_view(lot: Lot) -> dict[str, Json]:
    at = stamp(lot.created_at)
    return {
        "id": lot.id,
        "name": lot.name,
        "size": len(lot.row_ids),
        "consensusSettingsJson": None,
        "createdAt": at,
        "updatedAt": at,
    }


def _project(ws: Workspace, args: Arguments) -> Json:
    project = ws.projects.get(args["where"]["id"])
    return view(ws, project) if project else None


def _projects(ws: Workspace, args: Arguments) -> list[Json]:
    first = int(args.get("skip") or 0)
    shown = list(ws.projects.values())[first : first + int(args.get("first") or _PAGE)]
    return [view(ws, project) for project in shown]


def _create(ws: Workspace, args: Arguments) -> dict[str, Json]:
    data = args["data"]
    media = data.get("allowedMediaType") or data.get("mediaType") or "TEXT"
    project = Project(cuid(), data["name"], ws.now(), media, data.get("description") or "", queues=new_queues())
    ws.projects[project.id] = project
    return view(ws, project)


def _update(ws: Workspace, args: Arguments) -> dict[str, Json]:
    project, data = found(ws.projects, args["where"]["id"], "Project"), args["data"]
    project.name = data.get("name") or project.name
    project.description = data.get("description") or project.description
    if data.get("deleted"):
        del ws.projects[project.id]
    return view(ws, project)


def _changes(ws: Workspace, args: Arguments) -> dict[str, Json]:
    project = found(ws.projects, args["where"]["id"], "Project")
    return {
        "connectOntology": partial(_connect, ws, project),
        "createBatchV2": partial(_create_batch, ws, project),
        "createEmptyBatch": lambda of: _lot_view(_new_lot(ws, project, of["input"]["name"], [])),
        "addDataRowsToBatchAsync": partial(_fill_batch, ws, project),
        "createBulkAddRowsToQueueTask": partial(_move, ws, project),
    }


def _connect(ws: Workspace, project: Project, args: Arguments) -> dict[str, Json]:
    project.ontology_id = found(ws.ontologies, args["ontologyId"], "Ontology").id
    return {"id": project.id}


def _create_batch(ws: Workspace, project: Project, args: Arguments) -> dict[str, Json]:
    asked = args["input"]
    rows = data_rows.resolve(ws, asked.get("dataRowIds"), asked.get("globalKeys"))
    lot = _new_lot(ws, project, asked["name"], rows)
    return {"batch": _lot_view(lot), "failedDataRowIds": []}


def _new_lot(ws: Workspace, project: Project, name: str, rows: Sequence[DataRow]) -> Lot:
    if any(lot.name == name for lot in project.lots):
        raise GraphqlError(CONFLICT, f"The project has a batch named {name!r} already")
    lot = Lot(uid(), name, ws.now(), [row.id for row in rows])
    project.lots.append(lot)
    for row in rows:
        project.rows.setdefault(row.id, project.queues[0].id)
    return lot


def _fill_batch(ws: Workspace, project: Project, args: Arguments) -> dict[str, str]:
    asked = args["input"]
    rows = data_rows.resolve(ws, asked.get("dataRowIds"), asked.get("globalKeys"))
    lot = found({lot.id: lot for lot in project.lots}, asked["batchId"], "Batch")

    def fill(_task: Task, _at: float) -> None:
        lot.row_ids += [row.id for row in rows]
        for row in rows:
            project.rows.setdefault(row.id, project.queues[0].id)

    return {"taskId": ws.task(lot.name, "add-data-rows-to-batch", ws.knobs.task_s, fill).id}


def _move(ws: Workspace, project: Project, args: Arguments) -> dict[str, str]:
    asked = args["data"]["dataRowIdentifiers"]
    keys = asked["ids"] if asked["idType"] == "GKEY" else None
    rows = data_rows.resolve(ws, None if keys else asked["ids"], keys)
    queue_id = args["data"].get("queueId") or DONE

    def move(_task: Task, _at: float) -> None:
        for row in rows:
            project.rows[row.id] = queue_id

    return {"taskId": ws.task(project.name, "send-to-task-queue", ws.knobs.task_s, move).id}


def _from_run(ws: Workspace, args: Arguments) -> dict[str, str]:
    asked = args["input"]
    run = found(ws.runs, asked["sourceModelRunId"], "Model run")
    rows = [row for row in data_rows.search(ws, asked["searchQuery"]) if row.id in run.rows]
    return _send(ws, asked, rows)


def _from_catalog(ws: Workspace, args: Arguments) -> dict[str, str]:
    asked = args["input"]
    return _send(ws, asked, data_rows.search(ws, asked["searchQuery"]["query"])[: asked.get("limit")])


def _send(ws: Workspace, asked: Mapping[str, Json], rows: Sequence[DataRow]) -> dict[str, str]:
    project = found(ws.projects, asked["destinationProjectId"], "Project")
    queue_id = _queue_id(project, asked["destinationTaskQueue"])
    wanted = asked.get("predictionsInput") or {}
    run = found(ws.runs, wanted["modelRunId"], "Model run") if wanted else None

    def send(_task: Task, _at: float) -> None:
        sent = [row for row in rows if not (asked.get("excludeDataRowsInProject") and row.id in project.rows)]
        if not sent:
            raise GraphqlError(INTERNAL, "No data rows to send")
        _new_lot(ws, project, asked["batchInput"]["batchName"], sent)
        for row in sent:
            project.rows[row.id] = queue_id
            drafts = _drafts(run, row.id, wanted.get("featureSchemaIdsMapping") or {}) if run else Annotations()
            _draft(ws, project, row.id, drafts, str(asked.get("conflictLabelsResolutionStrategy")))
        ws.desk.count("annotate_sent", len(sent))

    return {"taskId": ws.task(asked["batchInput"]["batchName"], ANNOTATE, ws.knobs.task_s, send).id}


def _queue_id(project: Project, queue: Mapping[str, Json]) -> str:
    if queue["type"] == "done":
        return DONE
    return found({each.id: each for each in project.queues}, queue.get("value"), "Task queue").id


def _drafts(run: ModelRun, row_id: str, mapping: Mapping[str, str]) -> Annotations:
    """Copy a run's predictions; features that the mapping does not name are left behind."""
    kinds: dict[str, list[dict[str, Json]]] = {"objects": [], "classifications": []}
    for kind, answer in run.rows[row_id].predictions.values() if row_id in run.rows else ():
        kinds[kind] += _mapped(answer, mapping)
    return Annotations(kinds["objects"], kinds["classifications"])


def _mapped(answer: Mapping[str, Json], mapping: Mapping[str, str]) -> Iterator[dict[str, Json]]:
    if answer["feature_schema_id"] in mapping:
        yield {**answer, "feature_schema_id": mapping[answer["feature_schema_id"]]}


def _draft(ws: Workspace, project: Project, row_id: str, drafts: Annotations, strategy: str) -> None:
    if row_id in project.prelabels and strategy == "KEEP_EXISTING":
        return
    project.prelabels[row_id] = drafts
    if project.rows[row_id] == DONE and (drafts.objects or drafts.classifications):
        # Nobody looks at them any more: they are ground truth now.
        label = Label(cuid(), row_id, project.id, ws.now(), drafts)
        ws.labels[label.id] = label
