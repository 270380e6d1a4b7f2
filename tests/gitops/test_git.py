"""Files of a commit, brought out of Git."""

from pathlib import Path

import pytest

from runner.gitops.git import Git
from runner.model.errors import ConfigError
from tests.gitops.work_tree import add_recipe, git


def test_files_of_a_commit_are_exported_and_links_left_out(tmp_path: Path):
    (tmp_path / "shop").mkdir()
    git(tmp_path / "shop", "init")
    add_recipe(tmp_path / "shop", "a", text="as committed")
    (tmp_path / "shop/out.jsonl").symlink_to("/etc/passwd")
    git(tmp_path / "shop", "add", ".")
    git(tmp_path / "shop", "commit", "-m", "one")
    add_recipe(tmp_path / "shop", "a", text="changed since")
    Git(tmp_path / "shop").export("HEAD", ["data/a.jsonl", "out.jsonl", "gone"], tmp_path / "into")
    assert "as committed" in (tmp_path / "into/data/a.jsonl").read_text()
    assert [path.name for path in (tmp_path / "into").iterdir()] == ["data"]


def test_a_folder_outside_git_is_named_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(ConfigError, match=f"{tmp_path}: .*not a git repository") as caught:
        Git(tmp_path).top()
    assert caught.value.mend == "run it in a checkout: git clone, or git init"
