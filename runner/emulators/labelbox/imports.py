"""Uploads of annotations as NDJSON: predictions and metrics of a model run, drafts and labels of a project.

Each line gets its own outcome in a status file; the errors file holds the failures alone. A line for a uuid that is
there already replaces it, so the same file sent twice under two names leaves one of each.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

from runner.emulators.labelbox import data_rows, models, ontologies, projects
from runner.emulators.labelbox.graphql import CONFLICT, INTERNAL, NOT_FOUND, Arguments, GraphqlError, Root
from runner.emulators.labelbox.records import COMPLETE, Annotations, Import, Label, ModelRun, Project, RunRow, Task
from runner.emulators.labelbox.workspace import Workspace, cuid, drawn, found, uid
from runner.model.item import Json

Line: TypeAlias = Mapping[str, Json]
Take: TypeAlias = Callable[[str, Line], None]

_NDJSON = "application/x-ndjson"
# Limits and reserved names: labelbox 7.17.0, data/annotation_types/metrics, read 2026-11.
_MIN_CONFIDENCES, _MAX_CONFIDENCES = 2, 15
_MOST_SCALAR, _MOST_COUNT = 100_000_000, 10_000_000_000
_RESERVED = frozenset(
    {
        *("true_positive_count", "false_positive_count", "true_negative_count", "false_negative_count"),
        *("precision", "recall", "f1", "iou"),
    }
)
_SHAPES = {
    "bbox": ("ImageBoundingBox", "bounding_box"),
    "polygon": ("ImagePolygon", "polygon"),
    "line": ("ImagePolyline", "line"),
    "point": ("ImagePoint", "point"),
    "mask": ("ImageSegmentationMask", "mask"),
    "location": ("TextEntity", "location"),
}


class _LineError(Exception):
    """Why one line of an upload is refused: a name and a text."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def queries(ws: Workspace) -> Mapping[str, Root]:
    """List the root fields of this room."""
    return {
        "modelErrorAnalysisPredictionImport": partial(_read, ws, "mea"),
        "modelAssistedLabelingPredictionImport": partial(_read, ws, "mal"),
        "meaToMalPredictionImport": partial(_read, ws, "mea-to-mal"),
        "labelImport": partial(_read, ws, "label"),
    }


def mutations(ws: Workspace) -> Mapping[str, Root]:
    """List the root fields of this room."""
    return {
        "createModelErrorAnalysisPredictionImport": partial(_of_run, ws),
        "createModelAssistedLabelingPredictionImport": partial(_of_project, ws, "mal"),
        "createLabelImport": partial(_of_project, ws, "label"),
        "createMalPredictionImportForModelRunDataRows": partial(_from_run, ws),
    }


def _view(ws: Workspace, made: Import) -> dict[str, Json]:
    shown: dict[str, Json] = {
        "id": made.id,
        "name": made.name,
        "state": made.state,
        "progress": "100%" if made.state != "RUNNING" else f"{_progress(ws, made)}%",
        "inputFileUrl": made.input_url,
        "statusFileUrl": made.status_url,
        "errorFileUrl": made.error_url,
    }
    if made.kind == "mea":
        return shown | {"modelRunId": made.parent_id}
    return shown | {"project": projects.view(ws, ws.projects[made.parent_id])}


def _progress(ws: Workspace, made: Import) -> int:
    return min(99, int(100 * (ws.now() - made.created_at) / made.seconds))


def _read(ws: Workspace, kind: str, args: Arguments) -> dict[str, Json]:
    where = args["where"]
    parent_id = where.get("modelRunId") or where.get("projectId")
    if (kind, parent_id, where["name"]) not in ws.imports:
        raise GraphqlError(NOT_FOUND, f"Import {where['name']!r} not found")
    return _view(ws, ws.imports[kind, parent_id, where["name"]])


def _of_run(ws: Workspace, args: Arguments) -> dict[str, Json]:
    run = found(ws.runs, args["data"]["modelRunId"], "Model run")
    model = found(ws.models, run.model_id, "Model")
    return _start(ws, "mea", run.id, args["data"], partial(_into_run, ws, run, _feature_ids(ws, model.ontology_id)))


def _of_project(ws: Workspace, kind: str, args: Arguments) -> dict[str, Json]:
    project = found(ws.projects, args["data"]["projectId"], "Project")
    take = _into_labels if kind == "label" else _into_drafts
    features = _feature_ids(ws, project.ontology_id)
    return _start(ws, kind, project.id, args["data"], partial(take, ws, project, features))


def _feature_ids(ws: Workspace, ontology_id: str | None) -> dict[str, str]:
    normalized = ws.ontologies[ontology_id].normalized if ontology_id else {}
    return {
        feature.get("name") or feature.get("value", ""): feature["featureSchemaId"]
        for feature in ontologies.features(normalized)
    }


def _start(ws: Workspace, kind: str, parent_id: str, data: Mapping[str, Json], take: Take) -> dict[str, Json]:
    if (kind, parent_id, data["name"]) in ws.imports:
        raise GraphqlError(CONFLICT, f"An import named {data['name']!r} exists already")
    content = _content(ws, data)
    made = Import(cuid(), kind, parent_id, data["name"], ws.now(), ws.knobs.task_s)
    made.input_url = ws.keep(content, _NDJSON)
    ws.imports[kind, parent_id, made.name] = made

    def work(_task: Task, _at: float) -> None:
        _take_lines(ws, made, content, take)

    _watched(ws, made, work)
    ws.desk.count(f"imports.{kind}")
    return _view(ws, made)


def _watched(ws: Workspace, made: Import, work: Callable[[Task, float], None]) -> None:
    task = ws.task(made.name, f"{made.kind}-import", made.seconds, work)

    def end(_at: float) -> None:
        made.state = "FINISHED" if task.status == COMPLETE else "FAILED"

    ws.agenda.after(made.seconds, end)


def _content(ws: Workspace, data: Mapping[str, Json]) -> bytes:
    if data.get("filePayload"):
        content: bytes = data["filePayload"]["file"].data
        return content
    fetched = ws.fetch(data.get("fileUrl") or "")
    if fetched is None:
        raise GraphqlError(INTERNAL, "The emulator reads only files of its own URLs", status=400)
    return fetched


def _take_lines(ws: Workspace, made: Import, content: bytes, take: Take) -> None:
    outcomes = [_outcome(ws, line, take) for line in content.decode("utf-8").splitlines() if line.strip()]
    failures = [each for each in outcomes if each["status"] == "FAILURE"]
    ws.desk.count("imported_lines", len(outcomes) - len(failures))
    made.status_url = ws.keep(_ndjson(outcomes), _NDJSON)
    made.error_url = ws.keep(_ndjson(failures), _NDJSON)


def _ndjson(lines: list[dict[str, Json]]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _outcome(ws: Workspace, text: str, take: Take) -> dict[str, Json]:
    told: dict[str, Json] = {"uuid": None, "dataRow": {"id": None}, "status": "SUCCESS", "errors": []}
    try:
        line = json.loads(text)
        told["uuid"] = line.get("uuid") or uid()
        row_id = _row_id(ws, line.get("dataRow") or {})
        told["dataRow"] = {"id": row_id}
        if drawn(told["uuid"], ws.knobs.fail_lines):
            raise _LineError("EmulatedError", "An error made by the emulator")
        take(row_id, {**line, "uuid": told["uuid"]})
    except json.JSONDecodeError as error:
        told |= {"status": "FAILURE", "errors": [{"name": "MalformedLine", "message": str(error)}]}
    except _LineError as error:
        told |= {"status": "FAILURE", "errors": [{"name": error.name, "message": str(error)}]}
    return told


def _row_id(ws: Workspace, named: Mapping[str, Json]) -> str:
    row_id, key = named.get("id"), named.get("globalKey")
    if bool(row_id) == bool(key):
        raise _LineError("InvalidDataRow", "dataRow needs exactly one of id and globalKey")
    known = row_id if row_id in ws.rows else ws.global_keys.get(key or "")
    if known is None:
        raise _LineError("DataRowNotFound", f"Data row {row_id or key} not found")
    return str(known)


def _into_run(ws: Workspace, run: ModelRun, features: Mapping[str, str], row_id: str, line: Line) -> None:
    if row_id not in run.rows:
        raise _LineError("DataRowNotInModelRun", f"Data row {row_id} is not in the model run")
    row: RunRow = run.rows[row_id]
    if "metricValue" in line:
        # The SDK sends metrics without a uuid, so it is their names that say which one is meant.
        names = [str(line.get(name)) for name in ("metricName", "featureName", "subclassName")]
        row.metrics["/".join(names)] = _metric(features, line)
        ws.desk.count("metrics")
    else:
        row.predictions[line["uuid"]] = _answer(features, line)


def _metric(features: Mapping[str, str], line: Line) -> dict[str, Json]:
    value, feature = line["metricValue"], line.get("featureName")
    by_confidence = value if isinstance(value, dict) else None
    if by_confidence is not None and not _MIN_CONFIDENCES <= len(by_confidence) <= _MAX_CONFIDENCES:
        raise _LineError("InvalidMetric", f"Give {_MIN_CONFIDENCES} to {_MAX_CONFIDENCES} confidences")
    values = [value] if by_confidence is None else list(by_confidence.values())
    if not (all(map(_is_scalar, values)) or all(map(_is_matrix, values))):
        raise _LineError("InvalidMetric", "metricValue takes a number, or four counts: TP, FP, TN, FN")
    if str(line.get("metricName")).lower().strip() in _RESERVED and _is_scalar(values[0]):
        raise _LineError("InvalidMetric", f"The name {line['metricName']!r} is reserved")
    if feature and feature not in features:
        raise _LineError("FeatureNotFound", f"The ontology has no feature {feature!r}")
    return {name: each for name, each in line.items() if name != "dataRow"}


def _is_scalar(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MOST_SCALAR


def _is_matrix(value: Json) -> bool:
    counts = value if isinstance(value, list) else []
    return len(counts) == 4 and all(isinstance(n, int) and 0 <= n <= _MOST_COUNT for n in counts)


def _answer(features: Mapping[str, str], line: Line) -> tuple[str, dict[str, Json]]:
    schema_names = {schema_id: name for name, schema_id in features.items()}
    name = line.get("name") or schema_names.get(line.get("schemaId") or "")
    if name is None or name not in features:
        raise _LineError("FeatureNotFound", f"The ontology has no feature {line.get('name') or line.get('schemaId')!r}")
    named = {**_named(features, name), "feature_id": line["uuid"]}
    if "confidence" in line:
        named["confidence"] = line["confidence"]
    for sent, (kind, told) in _SHAPES.items():
        if sent in line:
            return "objects", {**named, "annotation_kind": kind, told: line[sent]}
    return "classifications", {**named, **_choice(features, line.get("answer"))}


def _choice(features: Mapping[str, str], answer: Json) -> dict[str, Json]:
    if isinstance(answer, str):
        return {"text_answer": {"content": answer}}
    chosen = answer if isinstance(answer, list) else [answer]
    if not all(isinstance(each, dict) and (each.get("name") in features) for each in chosen):
        raise _LineError("OptionNotFound", f"The ontology has no such option: {answer!r}")
    options = [_named(features, each["name"]) | _confidence(each) for each in chosen]
    return {"checklist_answers": options} if isinstance(answer, list) else {"radio_answer": options[0]}


def _confidence(answer: Mapping[str, Json]) -> dict[str, Json]:
    return {"confidence": answer["confidence"]} if "confidence" in answer else {}


def _named(features: Mapping[str, str], name: str) -> dict[str, Json]:
    return {"feature_id": uid().replace("-", ""), "feature_schema_id": features[name], "name": name, "value": name}


def _into_drafts(ws: Workspace, project: Project, features: Mapping[str, str], row_id: str, line: Line) -> None:
    if row_id not in project.rows:
        raise _LineError("DataRowNotInProject", f"Data row {row_id} is not in the project")
    kind, answer = _answer(features, line)
    answer.pop("confidence", None)
    _put(project.prelabels.setdefault(row_id, Annotations()), kind, answer)


def _into_labels(ws: Workspace, project: Project, features: Mapping[str, str], row_id: str, line: Line) -> None:
    if row_id not in project.rows:
        raise _LineError("DataRowNotInProject", f"Data row {row_id} is not in the project")
    kind, answer = _answer(features, line)
    labels = [la for la in ws.labels.values() if la.data_row_id == row_id and la.project_id == project.id]
    label = labels[-1] if labels else Label(cuid(), row_id, project.id, ws.now(), Annotations())
    ws.labels[label.id] = label
    _put(label.annotations, kind, answer)


def _put(annotations: Annotations, kind: str, answer: dict[str, Json]) -> None:
    kept = [each for each in getattr(annotations, kind) if each["feature_id"] != answer["feature_id"]]
    setattr(annotations, kind, [*kept, answer])


def _from_run(ws: Workspace, args: Arguments) -> dict[str, Json]:
    data = args["data"]
    run = found(ws.runs, data["modelRunId"], "Model run")
    project = found(ws.projects, data["projectId"], "Project")
    rows = data_rows.resolve(ws, data["dataRowIds"], None)
    made = Import(cuid(), "mea-to-mal", project.id, data["name"], ws.now(), ws.knobs.task_s)
    ws.imports["mea-to-mal", project.id, made.name] = made

    def work(_task: Task, _at: float) -> None:
        for row in rows:
            for kind, answer in models.row_of(run, row.id).predictions.values():
                _put(project.prelabels.setdefault(row.id, Annotations()), kind, answer)

    _watched(ws, made, work)
    return _view(ws, made)
