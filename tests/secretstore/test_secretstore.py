"""References become secrets, and errors tell where but never what."""

import sys
import traceback
from pathlib import Path

import pytest

from runner.model.errors import ConfigError
from runner.model.problem import Mark
from runner.model.project import SecretRef
from runner.secretstore import command, resolve

MARK = Mark("runner.yaml", 4, 12)


def python(code: str) -> SecretRef:
    return SecretRef("command", sys.executable, (sys.executable, "-c", code), MARK)


def test_env(tmp_path: Path) -> None:
    secret = resolve(SecretRef("env", "TOKEN"), {"TOKEN": "s3cret"}, tmp_path)
    assert (str(secret), secret.reveal()) == ("***", "s3cret")


def test_file_is_relative_to_the_project(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"s3cret\r\n")
    assert resolve(SecretRef("file", "token"), {}, tmp_path).reveal() == "s3cret"


def test_command_sees_the_given_environment(tmp_path: Path) -> None:
    ref = python("import os; print(os.environ['KEY'] + os.path.basename(os.getcwd()))")
    assert resolve(ref, {"KEY": "s3cret"}, tmp_path).reveal() == f"s3cret{tmp_path.name}"


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        (SecretRef("env", "NONE", (), MARK), "variable NONE is not set (asked for at runner.yaml:4:12)"),
        (SecretRef("env", "EMPTY", (), MARK), "variable EMPTY is empty"),
        (SecretRef("file", "none", (), MARK), "'none' cannot be read: No such file"),
        (SecretRef("file", "a\0b", (), MARK), "cannot be read"),
        (SecretRef("file", ".", (), MARK), "cannot be read: Is a directory"),
        (SecretRef("command", "no-such-program", ("no-such-program",), MARK), "cannot be run: No such file"),
        (python("print('s3cret'); raise SystemExit(3)"), "ended with exit code 3"),
        (python("pass"), "printed nothing"),
        (python("import sys; sys.stdout.buffer.write(b's3cret\\xff')"), "printed no UTF-8"),
    ],
)
def test_error(ref: SecretRef, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(ref, {"EMPTY": ""}, tmp_path)
    assert said in str(caught.value)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value)).replace("print('s3cret')", "")


@pytest.mark.parametrize(("data", "said"), [(b"", "is empty"), (b"s3cret\xff", "no UTF-8"), (b"x" * 70_000, "larger")])
def test_bad_file(data: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(data)
    with pytest.raises(ConfigError, match=said) as caught:
        resolve(SecretRef("file", "token"), {}, tmp_path)
    assert caught.value.__cause__ is None


def test_a_command_that_hangs_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="took longer than"):
        command.resolve(python("import time; time.sleep(60)"), {}, tmp_path, timeout_s=0.05)
