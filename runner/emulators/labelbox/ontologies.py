"""Ontologies: the features that labels and predictions may have, each with the ids the server gives it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from functools import partial

from runner.emulators.labelbox.graphql import Arguments, Root
from runner.emulators.labelbox.records import Ontology
from runner.emulators.labelbox.workspace import Workspace, cuid, stamp
from runner.model.item import Json


def queries(ws: Workspace) -> Mapping[str, Root]:
    """List the root fields of this room."""
    return {"ontology": partial(_ontology, ws)}


def mutations(ws: Workspace) -> Mapping[str, Root]:
    """List the root fields of this room."""
    return {"upsertOntology": partial(_create, ws)}


def view(ontology: Ontology) -> dict[str, Json]:
    """Show an ontology."""
    return {
        "id": ontology.id,
        "name": ontology.name,
        "description": None,
        "normalized": ontology.normalized,
        "mediaType": ontology.media_type,
        "objectSchemaCount": len(ontology.normalized["tools"]),
        "classificationSchemaCount": len(ontology.normalized["classifications"]),
        "createdAt": stamp(ontology.created_at),
        "updatedAt": stamp(ontology.created_at),
        "__typename": "Ontology",
    }


def with_ids(normalized: Mapping[str, Json]) -> dict[str, Json]:
    """Copy an ontology and give every feature and option that has none its ids."""
    sent = copy.deepcopy(dict(normalized))
    whole = {
        "tools": [{"classifications": [], "color": "#0d9488", **tool} for tool in sent.get("tools") or ()],
        "classifications": [
            {"instructions": each["name"], "options": [], **each} for each in sent.get("classifications") or ()
        ],
    }
    for feature in features(whole):
        feature["schemaNodeId"] = feature.get("schemaNodeId") or cuid()
        feature["featureSchemaId"] = feature.get("featureSchemaId") or cuid()
    return whole


def features(normalized: Mapping[str, Json]) -> Iterator[dict[str, Json]]:
    """Walk over tools, classifications and options, nested ones too."""
    for key in ("tools", "classifications", "options"):
        for feature in normalized.get(key) or ():
            yield feature
            yield from features(feature)


def _ontology(ws: Workspace, args: Arguments) -> Json:
    ontology = ws.ontologies.get(args["where"]["id"])
    return view(ontology) if ontology else None


def _create(ws: Workspace, args: Arguments) -> dict[str, Json]:
    data = args["data"]
    normalized = data["normalized"]
    sent = json.loads(normalized) if isinstance(normalized, str) else normalized
    made = Ontology(cuid(), data["name"], with_ids(sent), data.get("mediaType"), ws.now())
    ws.ontologies[made.id] = made
    return view(made)
