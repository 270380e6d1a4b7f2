from pathlib import Path

import pytest

from tests.cli.shell import Shell, copy_examples


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path, capsys)


@pytest.fixture
def examples(shell: Shell) -> Shell:
    """A shell in a copy of the repository's recipes."""
    copy_examples(shell.folder)
    return shell
