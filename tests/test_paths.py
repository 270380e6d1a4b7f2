import os
import socket

import pytest

from runner.conformance.place import given_place
from runner.model.errors import ConfigError
from runner.paths import Glob, below, files_of, inside, shown


@pytest.mark.parametrize("path", ["a.txt", "./b/../a.txt", "sub/x", "name with space", "größe", "-rf"])
def test_inside_gives_what_lies_in_the_project(tmp_path, path):
    assert inside(given_place(tmp_path), path, write=True) == (tmp_path / path).resolve()


@pytest.mark.parametrize("path", ["../a", "/etc/passwd", "a/../../b", "link/a"])
def test_inside_refuses_what_lies_outside(tmp_path, path):
    (tmp_path / "link").symlink_to("/usr")
    with pytest.raises(ConfigError, match="leads outside the project") as told:
        inside(given_place(tmp_path), path, write=False)
    assert "allow_paths" in told.value.mend


@pytest.mark.parametrize("path", ["", "a\0b"])
def test_inside_refuses_what_is_no_path(tmp_path, path):
    with pytest.raises(ConfigError, match="no path"):
        inside(given_place(tmp_path), path, write=False)


def test_inside_gives_what_is_allowed(tmp_path):
    other = tmp_path / "other"
    place = given_place(tmp_path / "project", allowed=(other,))
    assert inside(place, "../other/a", write=True) == other / "a"
    with pytest.raises(ConfigError):
        inside(place, "../otherwise/a", write=True)


def test_the_state_folder_is_read_but_not_written(tmp_path):
    place = given_place(tmp_path)
    assert inside(place, ".runner/a", write=False)
    with pytest.raises(ConfigError, match="state folder"):
        inside(place, ".runner/ledger.db", write=True)


def test_shown_is_relative_and_escaped(tmp_path):
    assert shown(given_place(tmp_path), tmp_path / "a" / os.fsdecode(b"\xff")) == "a/\\udcff"


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("**/*", "a", True),
        ("**/*", "a/b/c.txt", True),
        ("**/*", ".hidden", False),
        ("**/*", ".git/config", False),
        ("**/.*", "a/.hidden", True),
        (".git/**", ".git/a/b", True),
        ("*.pdf", "a.pdf", True),
        ("*.pdf", "A.PDF", False),
        ("*.pdf", "b/a.pdf", False),
        ("b/**/*.pdf", "b/a.pdf", True),
        ("b/**/*.pdf", "b/c/d/a.pdf", True),
        ("[!a]?.txt", "bc.txt", True),
        ("[!a]?.txt", "a/.txt", False),
        ("**", "a/b", True),
        ("a.b", "aXb", False),
        ("*", "new\nline", True),
    ],
)
def test_glob(glob, path, matches):
    assert Glob.of(glob).matches(path) is matches


@pytest.mark.parametrize("glob", ["", "/", "../*", "a/../b"])
def test_a_glob_does_not_climb(glob):
    with pytest.raises(ConfigError):
        Glob.of(glob)


def faults(root):
    return {one.name: one.fault for one in below(root, Glob.of("**/*"), given_place(root))}


def test_below_is_sorted_by_name(tmp_path):
    for name in ("b", "B", "a b", "ä"):
        (tmp_path / name).touch()
    assert list(faults(tmp_path)) == ["B", "a b", "b", "ä"]


def test_below_names_what_cannot_be_read(tmp_path, monkeypatch):
    (tmp_path / "broken").symlink_to("nowhere")
    (tmp_path / "outside").symlink_to("/etc/hostname")
    (tmp_path / "circle").symlink_to(".")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / os.fsdecode(b"\xff")).touch()
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as end:
        end.bind("end")
        found = faults(tmp_path)
    assert all(found.values())
    assert len(found) == 6


def test_below_follows_links_that_stay_inside(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real/a").touch()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "b").symlink_to("real/a")
    assert faults(tmp_path) == {"b": "", "link/a": "", "real/a": ""}


def test_below_ends_when_links_lead_to_each_other(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a/to_b").symlink_to("../b")
    (tmp_path / "b/to_a").symlink_to("../a")
    assert all("back to a folder" in fault for fault in faults(tmp_path).values())


def test_files_of_a_path_or_a_glob(tmp_path):
    for name in ("a 1.jsonl", "a 2.jsonl", "[x].jsonl"):
        (tmp_path / name).touch()
    place = given_place(tmp_path)
    assert [label for _, label in files_of(place, "a*.jsonl")] == ["a 1.jsonl", "a 2.jsonl"]
    assert [label for _, label in files_of(place, "[x].jsonl")] == ["[x].jsonl"]


@pytest.mark.parametrize("path", ["none.jsonl", "none*.jsonl", "none/*.jsonl", ".", "../*.jsonl"])
def test_files_of_nothing_is_told(tmp_path, path):
    with pytest.raises(ConfigError) as told:
        files_of(given_place(tmp_path), path)
    assert told.value.mend
