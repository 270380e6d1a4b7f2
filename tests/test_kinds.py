import jsonschema
import pytest

from runner import checks, filters, sinks, sources, targets
from runner.conformance.place import given_place
from runner.kinds import build, load_kind
from runner.model.errors import ConfigError
from tests.contracts.schema import SCHEMAS, said_twice, schema_of

ROOMS = {"checks": checks, "filters": filters, "sinks": sinks, "sources": sources, "targets": targets}
KINDS = [(room, kind) for room, table in ROOMS.items() for kind in table.KINDS]


@pytest.mark.parametrize(("room", "kind"), KINDS)
def test_config_and_schema_say_the_same(room, kind):
    schema, config = said_twice(room, kind, load_kind(ROOMS[room].KINDS, kind, f"runner.{room}").Config)
    assert schema == config


@pytest.mark.parametrize(("room", "kind"), [*KINDS, ("filters", "skip")])
def test_schema_is_a_schema_and_its_examples_fit(room, kind):
    schema = schema_of(room, kind)
    jsonschema.Draft7Validator.check_schema(schema)
    for example in schema["examples"]:
        jsonschema.Draft7Validator(schema).validate(example)
    assert schema["examples"]


@pytest.mark.parametrize(("room", "kind"), [*KINDS, ("filters", "skip")])
def test_every_field_is_described_with_an_example(room, kind):
    for name, field in schema_of(room, kind)["properties"].items():
        assert field["title"], name
        assert field["description"], name
        jsonschema.Draft7Validator(field).validate(field["examples"][0])


@pytest.mark.parametrize("room", ROOMS)
def test_every_schema_has_its_kind(room):
    assert {path.stem for path in (SCHEMAS / room).glob("*.json")} - {"skip"} == set(ROOMS[room].KINDS)


@pytest.mark.parametrize("kind", ["jsonl", "files"])
def test_a_kind_is_loaded_by_its_word(kind):
    assert load_kind(sources.KINDS, kind, "runner.sources").__module__ == f"runner.sources.{kind}"


def test_an_unknown_kind_is_told_with_the_nearest():
    with pytest.raises(ConfigError, match="no kind 'jsnl'") as told:
        load_kind(sources.KINDS, "jsnl", "runner.sources")
    assert told.value.mend.startswith('did you mean "jsonl"? Kinds: csv')


def test_a_kind_of_another_package_is_found_by_its_entry_point(tmp_path, monkeypatch):
    info = tmp_path / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[runner.sources]\nsevens = other_kinds:Sevens\nlost = other_kinds:Lost\n")
    (tmp_path / "other_kinds.py").write_text("class Sevens: pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert load_kind(sources.KINDS, "sevens", "runner.sources").__name__ == "Sevens"
    with pytest.raises(ConfigError, match="cannot be loaded from other_kinds:Lost"):
        load_kind(sources.KINDS, "lost", "runner.sources")


def test_build_gives_the_connector(tmp_path):
    kind = load_kind(filters.KINDS, "limit", "runner.filters")
    assert build(kind, {"count": 0}, given_place(tmp_path)).is_over


def test_build_names_the_unknown_field(tmp_path):
    kind = load_kind(sources.KINDS, "files", "runner.sources")
    with pytest.raises(ConfigError, match="no field 'globb'") as told:
        build(kind, {"path": "a", "globb": "*"}, given_place(tmp_path))
    assert told.value.mend == 'did you mean "glob"? Fields: path, glob, key, normalize'


def test_build_names_the_missing_field(tmp_path):
    with pytest.raises(ConfigError, match="path"):
        build(load_kind(sinks.KINDS, "jsonl", "runner.sinks"), {}, given_place(tmp_path))
