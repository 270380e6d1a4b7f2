import pytest

from runner.model.errors import ConfigError, RecipeError
from runner.platforms import Catalog
from tests.platforms.made import EXAMPLES, OWN

OTHER = "apiVersion: runner/v1\nkind: Platform\nname: NAME\nconnection: {fields: {base_url: {type: string}}}\n"


def write(folder, name, text=OTHER):
    (folder / f"{name}.yaml").write_text(text.replace("NAME", name))


def test_names_and_kinds():
    catalog = Catalog([OWN, EXAMPLES])
    assert {"aihub", "jobs", "openai"} <= set(catalog.names())
    assert {"aihub.app", "jobs.batch"} <= set(catalog.kinds("targets"))
    assert catalog.kinds("triggers") == []


def test_a_test_beside_a_manifest_is_no_platform(tmp_path):
    (tmp_path / "acme.test.yaml").write_text("kind: Test\n")
    assert not [name for name in Catalog([tmp_path]).names() if "test" in name]


def test_the_options_of_a_kind_are_a_closed_schema():
    schema = Catalog().options_schema("targets", "aihub.app")
    assert schema["required"] == ["app", "version"]
    assert schema["additionalProperties"] is False
    assert "connection" not in schema["properties"]


@pytest.mark.parametrize(
    ("room", "kind"), [("targets", "aihub.none"), ("sources", "aihub.app"), ("targets", "none.x"), ("x", "aihub.app")]
)
def test_an_unknown_kind_has_no_schema(room, kind):
    assert Catalog().options_schema(room, kind) is None


def test_the_fields_of_a_connection_are_a_schema():
    schema = Catalog().connection_schema("aihub")
    assert schema["required"] == ["token"]
    assert schema["properties"]["token"]["x-secret"] is True
    assert {"limits", "allow_hosts"} <= set(schema["properties"])
    assert Catalog().connection_schema("none") is None


def test_only_what_is_named_is_read(tmp_path):
    write(tmp_path, "good")
    write(tmp_path, "bad", "kind: [")
    catalog = Catalog([tmp_path])
    assert catalog.manifest("good").name == "good"
    assert catalog.problems == []
    with pytest.raises(RecipeError):
        catalog.manifest("bad")
    assert catalog.problems


def test_a_users_manifest_goes_before_one_of_the_house(tmp_path):
    write(tmp_path, "aihub")
    assert Catalog([tmp_path]).manifest("aihub").targets == {}


def test_the_name_of_the_file_is_that_of_the_platform(tmp_path):
    (tmp_path / "one.yaml").write_text(OTHER.replace("NAME", "two"))
    with pytest.raises(RecipeError, match="wrong-name"):
        Catalog([tmp_path]).manifest("one")


@pytest.mark.parametrize("name", ["aihb", "../aihub", "", "x/y"])
def test_an_unknown_platform_is_told_with_the_known_ones(name):
    with pytest.raises(ConfigError) as caught:
        Catalog([OWN]).manifest(name)
    assert "aihub" in caught.value.mend


def test_the_digest_names_the_kind():
    catalog = Catalog([OWN, EXAMPLES])
    assert len({catalog.digest(kind) for kind in ("aihub.app", "aihub.deployment", "jobs.job", "none.x")}) == 4
