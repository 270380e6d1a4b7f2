import json
import re
from pathlib import Path

import jsonschema
import pytest

from runner.assembly.loading import load_files
from runner.cli.main import run
from runner.model.errors import ConfigError
from runner.model.secret import Secret
from runner.web.triggers import KINDS, Triggers, triggers_of
from tests.contracts.schema import said_twice, schema_of
from tests.web.place import ENVIRON, write


def triggers(folder: Path, *texts: str) -> Triggers:
    """Return the triggers of recipes that each have one of these."""
    for number, text in enumerate(texts):
        write(folder, triggers=f"  - {text}", name=f"r{number}")
    loaded = load_files([folder], environ=ENVIRON)
    assert not loaded.errors, loaded.errors
    return triggers_of(loaded.recipes, lambda name: Secret(f"secret {name}"))


def test_all_kinds(tmp_path: Path) -> None:
    found = triggers(
        tmp_path,
        "labelbox.model_run: {model_type: boxes}",
        "webhook: {path: /hooks/go, secret: shop, signature: hmac-sha1, header: X-Sign, delivery: id}",
        'schedule: {cron: "0 3 * * *", timezone: Europe/Berlin}',
    )
    (model,), (hook,), (schedule,) = found.model_types, found.hooks.values(), found.schedules
    assert (model.name, model.recipe, model.signing.scheme) == ("boxes", "r0", "hmac-sha1")
    assert model.signing.secret.reveal() == "secret labelbox"
    assert (hook.path, hook.recipe, hook.delivery, *hook.signing.headers()) == ("/hooks/go", "r1", "id", "X-Sign")
    assert schedule.key == "r2 0 3 * * * Europe/Berlin"


REFUSED = (
    ("texts", "said"),
    [
        (["webhook: {path: /go, secret: shop}"] * 2, "belongs to the recipe 'r0' already"),
        (["labelbox.model_run: {model_type: boxes}"] * 2, "has the model type 'boxes' already"),
        (["webhook: {path: /models, secret: shop}"], "the service's own"),
        (["webhook: {path: /api/runs, secret: shop}"], "the service's own"),
        (["webhook: {path: /a/../models, secret: shop}"], "the service's own"),
        (['schedule: {cron: "61 * * * *"}'], "is no schedule: Bad minute"),
        (['schedule: {cron: "0 3 * * *", timezone: Mars/Olympus}'], "is no schedule: .*Mars/Olympus"),
        (['webhook: {path: "/{{ trigger.x }}", secret: shop}'], "only known when it has come"),
        (["webhook: {path: /go, secret: shop, delivery: id, delivery_header: X-Id}"], "not by both"),
        (["webhook: {path: /go, secret: shop, signature: standard-webhooks, prefix: x}"], "prefix cannot be set"),
    ],
)


@pytest.mark.parametrize(*REFUSED)
def test_what_cannot_be_served_is_told(tmp_path: Path, texts: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        triggers(tmp_path, *texts)


@pytest.mark.parametrize(*REFUSED)
def test_what_cannot_be_served_is_an_error_at_validate(
    tmp_path: Path, texts: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, text in enumerate(texts):
        write(tmp_path, triggers=f"  - {text}", name=f"r{number}")
    code = run(["validate", "-f", str(tmp_path), "-o", "json"])
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert (code, problem["slug"]) == (3, "bad-trigger")
    assert re.search(said, problem["what"])


def test_a_secret_that_the_project_does_not_have_is_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, triggers="  - webhook: {path: /go, secret: nowhere}", name="r")
    run(["validate", "-f", str(tmp_path), "-o", "json"])
    assert [problem["slug"] for problem in json.loads(capsys.readouterr().out)["problems"]] == ["unknown-secret"]


def test_one_model_type_under_two_secrets_is_two(tmp_path: Path) -> None:
    texts = [f"labelbox.model_run: {{model_type: boxes, secret: {name}}}" for name in ("labelbox", "shop")]
    assert [one.recipe for one in triggers(tmp_path, *texts).model_types] == ["r0", "r1"]


@pytest.mark.parametrize("kind", KINDS)
def test_config_and_schema_say_the_same(kind: str) -> None:
    schema, config = said_twice("triggers", kind, KINDS[kind])
    assert schema == config


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_described_with_an_example(kind: str) -> None:
    schema = schema_of("triggers", kind)
    for name, field in schema["properties"].items():
        assert field["title"] and field["description"], name
        jsonschema.Draft7Validator(field).validate(field["examples"][0])
    for example in schema["examples"]:
        jsonschema.Draft7Validator(schema).validate(example)
