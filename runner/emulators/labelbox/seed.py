"""The demo workspace: street scenes to predict and annotate, and support tickets with labels to train on.

Everything in it is fixed: ids, times, texts and pixels, so a recipe finds the same rows at every start.
"""

from __future__ import annotations

import random
import string
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256

from runner.emulators.labelbox import ontologies
from runner.emulators.labelbox.pictures import paint
from runner.emulators.labelbox.projects import new_queues
from runner.emulators.labelbox.records import (
    DONE,
    Annotations,
    App,
    DataRow,
    Dataset,
    Label,
    Model,
    ModelRun,
    Ontology,
    Project,
    Queue,
    RunRow,
)
from runner.emulators.labelbox.rules import PALETTE
from runner.emulators.labelbox.workspace import ASSETS, Workspace
from runner.model.item import Json

STREET_DATASET = "clx0street0scenes"
STREET_PROJECT = "clq0annotate"
STREET_QUEUE = "initial-review"
STREET_APP = "bfe3927c-1f60-44ec-9114-c6a5f6ff0de2"
TICKET_DATASET = "clx0support0tickets"
TICKET_PROJECT = "clq0support0labels"
TICKET_MODEL = "9e3f51f8-5e62-0cab-360e-c0443dcc3008"
TICKET_RUN = "9e3f331a-551b-0e24-6ab5-f69855df64ea"

_PICTURES, _TEXTS = 30, 10
_FIRST_SHOT = datetime(2026, 7, 20, 8, tzinfo=UTC).timestamp()
_BETWEEN_SHOTS_S = 15 * 3600
_LOADED = datetime(2026, 8, 20, tzinfo=UTC).timestamp()
_LETTERS = string.digits + string.ascii_lowercase
_WIDTH, _HEIGHT = 96, 64

_STREET: dict[str, Json] = {
    "tools": [{"tool": "rectangle", "name": "car"}],
    "classifications": [
        {"type": "radio", "name": "has_people", "options": [{"value": "yes"}, {"value": "no"}]},
        {"type": "radio", "name": "lighting", "options": [{"value": v} for v in ("day", "night", "unknown")]},
        {"type": "checklist", "name": "vehicles", "options": [{"value": v} for v in ("car", "bus", "bicycle")]},
        {"type": "text", "name": "describe_photo"},
    ],
}
_STREET_KEYWORDS: dict[str, Json] = {
    "has_people": {"yes": ["colour:pink", "people", "person", "pedestrian", "pedestrians", "woman", "man", "children"]},
    "lighting": {"day": ["bright", "sun", "sunny", "noon", "morning"], "night": ["dark", "night", "lamps"]},
    "vehicles": {
        "car": ["colour:red", "car", "cars", "taxi"],
        "bus": ["colour:yellow", "bus", "buses"],
        "bicycle": ["bicycle", "bicycles", "cyclist"],
    },
    "car": {"car": ["colour:red", "car", "taxi"]},
}
_CAPTIONS = (
    "Two pedestrians wait at the crossing while a bus turns left at noon.",
    "An empty street at night, wet asphalt under the lamps.",
    "A cyclist passes a parked taxi in the morning sun.",
    "Road works, one lane closed, no traffic.",
    "Children walk to school past a line of cars on a sunny morning.",
)
_TOPICS = {
    "billing": (
        "I was charged twice",
        "the invoice shows a wrong amount",
        "please refund my payment",
        "my card was declined",
    ),
    "shipping": (
        "my parcel has not arrived",
        "the courier left it elsewhere",
        "tracking has not moved",
        "wrong delivery address",
    ),
    "technical": (
        "the app crashes at start",
        "I get an error message",
        "the page stays blank",
        "the update broke the sync",
    ),
    "account": ("I cannot log in", "please reset my password", "close my profile", "change the email of my account"),
}
_FILLERS = (
    "since Monday",
    "again",
    "and nobody answers",
    "please help",
    "this is urgent",
    "for the third time",
    "thanks",
)
_TICKETS = 120
_SPLITS = ("TRAINING", "TRAINING", "TRAINING", "TRAINING", "VALIDATION", "TEST")


def plant(ws: Workspace) -> None:
    """Fill an empty workspace."""
    ws.metadata_fields["captured_at"] = (_fixed("captured_at"), "CustomMetadataDateTime")
    ws.metadata_fields["camera"] = (_fixed("camera"), "CustomMetadataString")
    ws.metadata_fields["channel"] = (_fixed("channel"), "CustomMetadataString")
    _streets(ws)
    _tickets(ws)


def _fixed(name: str) -> str:
    digest = sha256(name.encode()).digest()
    return "c" + "".join(_LETTERS[byte % 36] for byte in digest[:24])


def _ontology(ws: Workspace, name: str, normalized: dict[str, Json], media_type: str) -> Ontology:
    whole = ontologies.with_ids(normalized)
    for number, feature in enumerate(ontologies.features(whole)):
        feature["featureSchemaId"] = _fixed(f"{name}.feature.{number}")
        feature["schemaNodeId"] = _fixed(f"{name}.node.{number}")
        if "name" not in feature:
            feature.setdefault("label", feature["value"])
    made = Ontology(_fixed(name), name, whole, media_type, _LOADED)
    ws.ontologies[made.id] = made
    return made


def _streets(ws: Workspace) -> None:
    ontology = _ontology(ws, "Street scenes", _STREET, "IMAGE")
    ws.apps[STREET_APP] = App(
        STREET_APP,
        "2c903542-d1da-48fa-9db1-8c62571bd3d2",
        "Street scenes",
        "Says who and what is on a street.",
        {"keywords": _STREET_KEYWORDS},
        {},
        ontology.id,
    )
    ws.datasets[STREET_DATASET] = Dataset(STREET_DATASET, "Street scenes", "", _LOADED, _LOADED)
    for number in range(_PICTURES + _TEXTS):
        is_picture = number < _PICTURES
        row_data = _picture(ws, number) if is_picture else _caption(ws, number)
        shot = datetime.fromtimestamp(_FIRST_SHOT + (number * 7 % 40) * _BETWEEN_SHOTS_S, UTC)
        metadata = {"captured_at": shot.strftime("%Y-%m-%dT%H:%M:%S.000Z"), "camera": f"kerb {number % 3}"}
        row = _row(ws, STREET_DATASET, f"street-{number + 1:03}", row_data, metadata)
        row.media_type = "IMAGE" if is_picture else "TEXT"
    queue = Queue(STREET_QUEUE, STREET_QUEUE, "MANUAL_REVIEW_QUEUE")
    first, _, rework = new_queues()
    ws.projects[STREET_PROJECT] = Project(
        STREET_PROJECT, "Annotate streets", _LOADED, "IMAGE", "", ontology.id, [first, queue, rework]
    )


def _row(ws: Workspace, dataset_id: str, key: str, row_data: str, metadata: dict[str, Json]) -> DataRow:
    row = DataRow(_fixed(key), dataset_id, row_data, _LOADED, _LOADED, key, key, metadata=metadata)
    ws.rows[row.id] = row
    ws.global_keys[key] = row.id
    return row


def _picture(ws: Workspace, number: int) -> str:
    sky, road = ("black", "black") if number % 4 == 3 else ("blue", "grey")
    boxes = [
        (0, 0, _WIDTH, 40, PALETTE[sky]),
        (0, 40, _WIDTH, 24, PALETTE[road]),
        (2 + number % 5, 20, 10, 20, PALETTE["green"]),
    ]
    if number % 2 == 0:
        boxes.append((20 + number, 44, 18, 9, PALETTE["red"]))
    if number % 3 == 0:
        boxes.append((60, 38, 26, 14, PALETTE["yellow"]))
    if number % 5 in (1, 2):
        boxes.append((48, 36, 4, 14, PALETTE["pink"]))
    name = f"street-{number + 1:03}.png"
    ws.assets[name] = (paint(_WIDTH, _HEIGHT, boxes), "image/png")
    return ASSETS + name


def _caption(ws: Workspace, number: int) -> str:
    text = _CAPTIONS[number % len(_CAPTIONS)]
    if number % 2:
        return text
    name = f"street-{number + 1:03}.txt"
    ws.assets[name] = (text.encode(), "text/plain; charset=utf-8")
    return ASSETS + name


def _tickets(ws: Workspace) -> None:
    options = [{"value": topic} for topic in _TOPICS]
    normalized = {"classifications": [{"type": "radio", "name": "topic", "options": options}]}
    ontology = _ontology(ws, "Ticket topics", normalized, "TEXT")
    topic = ontology.normalized["classifications"][0]
    ws.datasets[TICKET_DATASET] = Dataset(TICKET_DATASET, "Support tickets", "", _LOADED, _LOADED)
    project = Project(TICKET_PROJECT, "Label tickets", _LOADED, "TEXT", "", ontology.id, new_queues())
    run = ModelRun(TICKET_RUN, "Baseline", TICKET_MODEL, _LOADED, _LOADED)
    run.config = {"maxFeatures": 2000, "regularization": 1.0}
    ws.models[TICKET_MODEL] = Model(TICKET_MODEL, "Ticket topic", ontology.id)
    ws.projects[project.id], ws.runs[run.id] = project, run
    for number, (name, text) in enumerate(_written()):
        row = _row(ws, TICKET_DATASET, f"ticket-{number + 1:03}", text, {"channel": ("mail", "chat")[number % 2]})
        option = next(each for each in topic["options"] if each["value"] == name)
        answer = {**_feature(topic, row.id), "radio_answer": _feature(option, row.id)}
        label = Label(_fixed(f"label {row.id}"), row.id, project.id, _LOADED, Annotations([], [answer]))
        ws.labels[label.id] = label
        project.rows[row.id] = DONE
        run.rows[row.id] = RunRow(_fixed(f"run {row.id}"), [label.id], _SPLITS[number % len(_SPLITS)])


def _written() -> Iterator[tuple[str, str]]:
    dice = random.Random(20260801)
    names = list(_TOPICS)
    for number in range(_TICKETS):
        name = names[number % len(names)]
        phrases = [dice.choice(_TOPICS[name])]
        if dice.random() < 0.25:
            phrases.append(dice.choice(_TOPICS[dice.choice(names)]))
        phrases += dice.sample(_FILLERS, 2)
        yield name, " ".join(phrases).capitalize() + f". Ticket {dice.randrange(1000, 9999)}."


def _feature(feature: dict[str, Json], row_id: str) -> dict[str, Json]:
    name = feature.get("name") or feature["value"]
    return {
        "feature_id": _fixed(f"{row_id} {name}"),
        "feature_schema_id": feature["featureSchemaId"],
        "name": name,
        "value": name,
    }
