"""A manifest that was found right is not judged again, until it or the program changes."""

from pathlib import Path

import pytest

from runner.model.errors import RecipeError
from runner.platforms import Catalog
from runner.platforms.proven import MOST, Proven, cache_folder

TEXT = "apiVersion: runner/v1\nkind: Platform\nname: shop\nconnection: {fields: {base_url: {type: string}}}\n"
WRONG = TEXT.replace("{type: string}", "{type: string}, base_url2: {type: nonsense}")


def catalog(root):
    return Catalog([root], proven=Proven(root / "cache"))


def kept(root):
    return sorted((root / "cache").glob("*"))


def test_a_right_manifest_is_kept_and_says_the_same(tmp_path):
    (tmp_path / "shop.yaml").write_text(TEXT)
    fresh = catalog(tmp_path).connection_schema("shop")
    assert len(kept(tmp_path)) == 1
    again = catalog(tmp_path)
    assert again.connection_schema("shop") == fresh == Catalog([tmp_path]).connection_schema("shop")
    assert again.digest("shop.order") == Catalog([tmp_path]).digest("shop.order")


@pytest.mark.parametrize("platform", ["aihub", "labelbox", "label_studio"])
def test_those_of_the_house_come_back_as_they_are(tmp_path, platform):
    for _ in range(2):
        assert catalog(tmp_path)._value(platform) == Catalog()._value(platform)
    assert len(kept(tmp_path)) == 1


def test_a_wrong_manifest_is_never_kept(tmp_path):
    (tmp_path / "shop.yaml").write_text(TEXT)
    catalog(tmp_path).kinds("targets")
    before = kept(tmp_path)
    (tmp_path / "shop.yaml").write_text(WRONG)
    for _ in range(2):
        one = catalog(tmp_path)
        assert one.connection_schema("shop") is None
        assert one.problems
    assert kept(tmp_path) == before


def test_whoever_uses_a_platform_compiles_its_manifest(tmp_path):
    (tmp_path / "shop.yaml").write_text(TEXT)
    catalog(tmp_path).connection_schema("shop")
    assert catalog(tmp_path).manifest("shop").name == "shop"
    (tmp_path / "shop.yaml").write_text(WRONG)
    with pytest.raises(RecipeError):
        catalog(tmp_path).manifest("shop")


def test_what_was_damaged_or_named_otherwise_is_not_believed(tmp_path):
    path = tmp_path / "shop.yaml"
    path.write_text(TEXT)
    Proven(tmp_path / "cache").keep(path, {"name": "shop"})
    assert Proven(tmp_path / "cache").value(path) == {"name": "shop"}
    path.rename(tmp_path / "other.yaml")
    assert Proven(tmp_path / "cache").value(tmp_path / "other.yaml") is None
    (tmp_path / "other.yaml").rename(path)
    (file,) = kept(tmp_path)
    file.write_bytes(file.read_bytes().replace(b"shop", b"shed"))
    assert Proven(tmp_path / "cache").value(path) is None


def test_a_cache_that_cannot_be_written_is_none(tmp_path):
    (tmp_path / "cache").write_text("a file")
    (tmp_path / "shop.yaml").write_text(TEXT)
    assert catalog(tmp_path).connection_schema("shop") is not None


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"XDG_CACHE_HOME": "/c", "HOME": "/h"}, Path("/c/runner/manifests")),
        ({"XDG_CACHE_HOME": "c", "HOME": "/h"}, Path("/h/.cache/runner/manifests")),
        ({"HOME": "/h"}, Path("/h/.cache/runner/manifests")),
        ({}, None),
    ],
)
def test_the_cache_is_where_users_have_theirs(environ, folder):
    assert cache_folder(environ) == folder


def test_another_program_judges_anew(tmp_path):
    path = tmp_path / "shop.yaml"
    path.write_text(TEXT)
    Proven(tmp_path / "cache").keep(path, {"name": "shop"})
    assert Proven(tmp_path / "cache", b"other").value(path) is None


def test_the_folder_does_not_grow_without_end(tmp_path):
    path = tmp_path / "shop.yaml"
    path.write_text(TEXT)
    proven = Proven(tmp_path / "cache")
    (tmp_path / "cache").mkdir()
    for number in range(MOST):
        (tmp_path / "cache" / str(number)).touch()
    proven.keep(path, {"name": "shop"})
    assert len(kept(tmp_path)) == 1
    assert proven.value(path) == {"name": "shop"}
