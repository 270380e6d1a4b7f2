"""Datasets and data rows, as GraphQL shows and changes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from runner.emulators.labelbox.graphql import INTERNAL, Arguments, GraphqlError, Root
from runner.emulators.labelbox.pictures import read
from runner.emulators.labelbox.records import DataRow, Dataset
from runner.emulators.labelbox.rules import Subject
from runner.emulators.labelbox.workspace import Workspace, cuid, found, stamp
from runner.model.item import Json

_PAGE = 100
_MIME = {"TEXT": "text/plain", "IMAGE": "image/png"}


def queries(ws: Workspace) -> Mapping[str, Root]:
    """List the root fields of this room."""
    return {
        "dataset": partial(_dataset, ws),
        "datasets": partial(_datasets, ws),
        "datasetDataRows": partial(_listing, ws),
        "dataRow": partial(_row, ws),
        "dataRowsForGlobalKeys": partial(_look_up, ws),
        "dataRowsForGlobalKeysResult": partial(_looked_up, ws),
        "externalIdsToDataRowIds": partial(_by_external_id, ws),
        "customMetadataOntology": lambda _: _metadata_ontology(ws),
        "queryAllDataRowsHaveBeenProcessed": lambda _: {"allDataRowsHaveBeenProcessed": True},
    }


def mutations(ws: Workspace) -> Mapping[str, Root]:
    """List the root fields of this room."""
    return {
        "createDataset": partial(_create_dataset, ws),
        "updateDataset": partial(_update_dataset, ws),
        "updateDataRow": partial(_update_row, ws),
        "deleteDataRows": partial(_delete_rows, ws),
    }


def view(ws: Workspace, row: DataRow) -> dict[str, Json]:
    """Show a data row as GraphQL does."""
    fields = [{**field, "schemaId": field["schema_id"]} for field in metadata(ws, row)]
    return {
        "id": row.id,
        "externalId": row.external_id,
        "globalKey": row.global_key,
        "rowData": ws.subject_url(row),
        "mediaAttributes": media_attributes(ws, row),
        "metadataFields": [
            {"schemaId": f["schemaId"], "name": f["schema_name"], "value": f["value"], "kind": f["schema_kind"]}
            for f in fields
        ],
        "customMetadata": [{"schemaId": f["schemaId"], "value": f["value"]} for f in fields],
        "createdAt": stamp(row.created_at),
        "updatedAt": stamp(row.updated_at),
        "dataset": lambda _: dataset_view(ws, ws.datasets[row.dataset_id]),
        "__typename": "DataRow",
    }


def dataset_view(ws: Workspace, dataset: Dataset) -> dict[str, Json]:
    """Show a dataset."""
    return {
        "id": dataset.id,
        "name": dataset.name,
        "description": dataset.description,
        "createdAt": stamp(dataset.created_at),
        "updatedAt": stamp(dataset.updated_at),
        "rowCount": sum(row.dataset_id == dataset.id for row in ws.rows.values()),
        "__typename": "Dataset",
    }


def metadata(ws: Workspace, row: DataRow) -> list[dict[str, Json]]:
    """Show a data row's metadata as exports do."""
    return [
        {
            "schema_id": ws.metadata_fields[name][0],
            "schema_name": name,
            "schema_kind": ws.metadata_fields[name][1],
            "value": value,
        }
        for name, value in row.metadata.items()
    ]


def media_attributes(ws: Workspace, row: DataRow) -> dict[str, Json]:
    """Tell what processing the asset found out."""
    found_out: dict[str, Json] = {"asset_type": row.media_type.lower(), "mime_type": _MIME.get(row.media_type)}
    picture = subject(ws, row).picture
    if picture is not None:
        found_out |= {"width": picture.width, "height": picture.height}
    return found_out


def subject(ws: Workspace, row: DataRow) -> Subject:
    """Give what a Foundry app looks at. Only this server's own URLs are followed, of others the words are used."""
    hints = " ".join([row.external_id or "", *(str(value) for value in row.metadata.values())])
    data = ws.fetch(row.row_data)
    if row.media_type == "IMAGE":
        return Subject("", f"{row.row_data} {hints}", read(data) if data else None)
    return Subject(data.decode("utf-8", "replace") if data is not None else row.row_data, hints)


def resolve(ws: Workspace, ids: Sequence[str] | None, global_keys: Sequence[str] | None) -> list[DataRow]:
    """Find data rows by id or by global key, in the order asked for.

    Raises:
        GraphqlError: one does not exist; the text names it.
    """
    wanted = ids or [ws.global_keys.get(key, key) for key in global_keys or ()]
    return [found(ws.rows, row_id, "Data row") for row_id in wanted]


def search(ws: Workspace, query: Sequence[Mapping[str, Json]] | None) -> list[DataRow]:
    """Select data rows of the catalog, in the order they were made; all conditions must hold.

    Raises:
        GraphqlError: a condition of an unknown type.
    """
    rows = list(ws.rows.values())
    for sent in query or ():
        condition = {**sent, "ids": frozenset(sent.get("ids") or ())}
        rows = [row for row in rows if _holds(ws, condition, row)]
    return rows


def _holds(ws: Workspace, condition: Mapping[str, Json], row: DataRow) -> bool:
    kind, ids = condition.get("type"), condition["ids"]
    if kind == "data_row_id":
        return row.id in ids
    if kind == "global_key":
        return row.global_key in ids
    if kind == "dataset":
        return row.dataset_id in ids
    if kind == "batch":
        return any(lot.id in ids and row.id in lot.row_ids for p in ws.projects.values() for lot in p.lots)
    if kind == "data_row_last_activity_at":
        return _within(row.updated_at, condition["value"])
    if kind == "labeled_at":
        return any(_within(la.created_at, condition["value"]) for la in ws.labels.values() if la.data_row_id == row.id)
    if kind in ("task_queue_status", "task_queue_not_exist"):
        return True  # the export of a project decides these: they depend on the project
    raise GraphqlError(INTERNAL, f"Unknown search type {kind!r}", status=400)


def _within(at: float, value: Mapping[str, Json]) -> bool:
    limits, told = value["value"], stamp(at)
    low = limits["min"] if value["operator"] == "BETWEEN" else limits
    high = limits["max"] if value["operator"] == "BETWEEN" else limits
    fits_low = value["operator"] == "LESS_THAN_OR_EQUAL" or told >= str(low).replace(" ", "T")
    return fits_low and (value["operator"] == "GREATER_THAN_OR_EQUAL" or told <= str(high).replace(" ", "T"))


def _dataset(ws: Workspace, args: Arguments) -> Json:
    dataset = ws.datasets.get(args["where"]["id"])
    return dataset_view(ws, dataset) if dataset else None


def _datasets(ws: Workspace, args: Arguments) -> list[Json]:
    wanted = _names(args.get("where") or {})
    kept = [d for d in ws.datasets.values() if not wanted or d.name in wanted]
    first = int(args.get("skip") or 0)
    return [dataset_view(ws, d) for d in kept[first : first + int(args.get("first") or _PAGE)]]


def _names(where: Mapping[str, Json]) -> set[str]:
    named = {where["name"]} if "name" in where else set()
    return named.union(*(_names(each) for each in where.get("AND", ())))


def _listing(ws: Workspace, args: Arguments) -> dict[str, Json]:
    where = args.get("where") or {}
    rows = [r for r in reversed(ws.rows.values()) if r.dataset_id == args["id"] and _matches(r, where)]
    ids = [row.id for row in rows]
    start = ids.index(args["from"]) if args.get("from") in ids else 0
    end = start + int(args.get("first") or _PAGE)
    more = end < len(rows)
    return {
        "nodes": [view(ws, row) for row in rows[start:end]],
        "pageInfo": {"hasNextPage": more, "startCursor": ids[end] if more else None},
    }


def _matches(row: DataRow, where: Mapping[str, Json]) -> bool:
    known = {"externalId": row.external_id, "globalKey": row.global_key, "id": row.id, "rowData": row.row_data}
    return all(known.get(name) == value for name, value in where.items())


def _row(ws: Workspace, args: Arguments) -> Json:
    row = ws.rows.get(args["where"]["id"])
    return view(ws, row) if row else None


def _look_up(ws: Workspace, args: Arguments) -> dict[str, str]:
    job = cuid()
    ws.lookups[job] = list(args["where"]["ids"])
    return {"jobId": job}


def _looked_up(ws: Workspace, args: Arguments) -> dict[str, Json]:
    keys = found(ws.lookups, args["jobId"]["id"], "Job")
    return {
        "jobStatus": "COMPLETE",
        "data": {
            "fetchedDataRows": [{"id": ws.global_keys.get(key, "")} for key in keys],
            "notFoundGlobalKeys": [key for key in keys if key not in ws.global_keys],
            "accessDeniedGlobalKeys": [],
        },
    }


def _by_external_id(ws: Workspace, args: Arguments) -> list[dict[str, Json]]:
    wanted = set(args["externalId_in"])
    kept = [row for row in ws.rows.values() if row.external_id in wanted]
    return [{"dataRowId": row.id, "externalId": row.external_id} for row in kept]


def _metadata_ontology(ws: Workspace) -> list[dict[str, Json]]:
    return [
        {"id": schema_id, "name": name, "kind": kind, "reserved": False, "options": None}
        for name, (schema_id, kind) in ws.metadata_fields.items()
    ]


def _create_dataset(ws: Workspace, args: Arguments) -> dict[str, Json]:
    data = args["data"]
    made = Dataset(cuid(), data["name"], data.get("description") or "", ws.now(), ws.now())
    ws.datasets[made.id] = made
    return dataset_view(ws, made)


def _update_dataset(ws: Workspace, args: Arguments) -> dict[str, Json]:
    dataset, data = found(ws.datasets, args["where"]["id"], "Dataset"), args["data"]
    dataset.name = data.get("name") or dataset.name
    dataset.description = data.get("description") or dataset.description
    dataset.updated_at = ws.now()
    shown = dataset_view(ws, dataset)
    if data.get("deleted"):
        _forget(ws, [row.id for row in ws.rows.values() if row.dataset_id == dataset.id])
        del ws.datasets[dataset.id]
    return shown


def _update_row(ws: Workspace, args: Arguments) -> dict[str, Json]:
    row, data = found(ws.rows, args["where"]["id"], "Data row"), args["data"]
    change(ws, row, {"global_key": data.get("globalKey"), "external_id": data.get("externalId")})
    row.row_data = data.get("rowData") or row.row_data
    return view(ws, row)


def change(ws: Workspace, row: DataRow, data: Mapping[str, Json]) -> None:
    """Set what is given of `row_data`, `external_id`, `global_key`, `attachments` and `metadata`."""
    if data.get("global_key"):
        ws.global_keys.pop(row.global_key or "", None)
        ws.global_keys[data["global_key"]] = row.id
        row.global_key = data["global_key"]
    row.row_data = data.get("row_data") or row.row_data
    row.external_id = data.get("external_id") or row.external_id
    row.attachments = data.get("attachments") or row.attachments
    row.metadata |= data.get("metadata") or {}
    row.updated_at = ws.now()


def _delete_rows(ws: Workspace, args: Arguments) -> list[dict[str, str]]:
    ids = args["where"]["dataRowIds"]
    _forget(ws, ids)
    return [{"id": row_id} for row_id in ids]


def _forget(ws: Workspace, ids: Sequence[str]) -> None:
    for row_id in ids:
        row = ws.rows.pop(row_id, None)
        if row is not None and row.global_key:
            ws.global_keys.pop(row.global_key, None)
