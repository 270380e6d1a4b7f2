"""`--emulate` reaches nothing real, and leaves alone what real runs have published."""

import json
import socket
from collections.abc import Iterator

import pytest

from tests.cli.shell import Shell

PROJECT = """\
apiVersion: runner/v1
kind: Project
name: t
secrets: {hook: {env: HOOK}}
LEDGER
connections:
  paid: {platform: mine, base_url: BASE, token: {env: PAID_TOKEN}, EMULATE}
"""
RECIPE = """\
apiVersion: runner/v1
kind: Recipe
name: r
run: {poll: {first: 20ms}}
source: {jsonl: {path: in.jsonl, key: id}}
target: {mine.keyed: {connection: paid}}
sinks: [{jsonl: {path: out/r.jsonl}}]
"""
LOCAL = RECIPE.replace("mine.keyed: {connection: paid}", "command: {argv: [cat]}")


@pytest.fixture
def real() -> Iterator[socket.socket]:
    """A real platform, as the test sees it: a port that must never be connected to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server
        with pytest.raises(BlockingIOError):
            server.accept()


def write(examples: Shell, base: str, emulate: str = "", recipe: str = RECIPE, ledger: str = "") -> None:
    """Write a project with a platform of the user's own: the shipped manifest of jobs under another name."""
    manifest = examples.read("platforms/jobs.yaml").replace("name: jobs", "name: mine")
    examples.write("own/platforms/mine.yaml", manifest)
    project = PROJECT.replace("BASE", base).replace(", EMULATE", emulate and f", emulate: {emulate}")
    examples.write("own/runner.yaml", project.replace("LEDGER\n", ledger))
    examples.write("own/in.jsonl", '{"id": "a"}\n{"id": "b"}\n')
    examples.write("own/r.yaml", recipe)


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_platform_without_emulator_is_refused(examples: Shell, real: socket.socket, command: str, monkeypatch):
    monkeypatch.setenv("PAID_TOKEN", "s3same-s3same")
    write(examples, f"http://127.0.0.1:{real.getsockname()[1]}")
    said = examples(command, "-f", "own/r.yaml", "--emulate")
    assert (said.code, "connection 'paid'" in said.err, "emulate: {url:" in said.err) == (3, True, True)


def test_the_connection_says_which_emulator_takes_its_place(examples: Shell, real: socket.socket):
    write(examples, f"http://127.0.0.1:{real.getsockname()[1]}", "{emulator: jobs}")
    assert examples("apply", "-f", "own/r.yaml", "--emulate").code == 0
    assert len(examples.lines("own/out/r.jsonl")) == 2


def test_the_connection_says_at_which_address(examples: Shell, real: socket.socket):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    write(examples, f"http://127.0.0.1:{real.getsockname()[1]}", f"{{url: 'http://127.0.0.1:{port}'}}")
    assert examples("apply", "-f", "own/r.yaml", "--emulate").code == 4


@pytest.mark.parametrize("how", ["{url: https://api.example.com}", "{emulator: aws}", "{}", "{url: 'http://10.0.0.1'}"])
def test_a_stand_in_elsewhere_is_an_error(examples: Shell, how: str):
    write(examples, "http://127.0.0.1:1", how)
    said = examples("validate", "-f", "own/r.yaml")
    assert (said.code, "emulate" in said.err) == (3, True)


@pytest.mark.parametrize("name", ["jobs", "mine"])
def test_a_manifest_whose_address_is_its_own_is_refused(examples: Shell, name: str):
    """Neither a manifest that goes by the name of a shipped platform, nor an `emulate` of its own, leads out."""
    write(examples, "http://127.0.0.1:1", "{emulator: jobs}", RECIPE.replace("mine.", f"{name}."))
    text = examples.read("own/platforms/mine.yaml").replace("name: mine", f"name: {name}")
    examples.write(
        f"own/platforms/{name}.yaml",
        text.replace("  headers: {Auth", "  base_url: https://192.0.2.7\n  headers: {Auth"),
    )
    examples.write("own/runner.yaml", examples.read("own/runner.yaml").replace("platform: mine", f"platform: {name}"))
    said = examples("apply", "-f", "own/r.yaml", "--emulate")
    assert (said.code, "real host" in said.err) == (3, True), said


def test_rows_of_a_real_run_stay(examples: Shell):
    write(examples, "http://127.0.0.1:1", recipe=LOCAL)
    assert examples("apply", "-f", "own/r.yaml").code == 0
    before = examples.read("own/out/r.jsonl")
    examples.write("own/in.jsonl", '{"id": "a"}\n')
    planned = json.loads(examples("plan", "-f", "own/r.yaml", "--emulate", "-o", "json").out)
    assert planned["stages"][0]["sinks"][0]["sink"] == "jsonl .runner/emulated/out/r.jsonl"
    assert examples("apply", "-f", "own/r.yaml", "--emulate").code == 0
    assert examples.read("own/out/r.jsonl") == before
    assert len(examples.lines("own/.runner/emulated/out/r.jsonl")) == 1
    assert examples("plan", "-f", "own/r.yaml", "--emulate", "--exit-code").code == 0


def test_rows_of_a_real_run_of_another_recipe_and_spelling_stay(examples: Shell):
    write(examples, "http://127.0.0.1:1", recipe=LOCAL)
    assert examples("apply", "-f", "own/r.yaml").code == 0
    before = examples.read("own/out/r.jsonl")
    (examples.folder / "own/link").symlink_to("out")
    examples.write("own/r.yaml", LOCAL.replace("name: r", "name: renamed").replace("out/r", "./link/../link/r"))
    examples.write("own/in.jsonl", '{"id": "z"}\n')
    assert examples("apply", "-f", "own/r.yaml", "--emulate").code == 0
    assert examples.read("own/out/r.jsonl") == before


@pytest.mark.parametrize("ledger", ["ledger: {env: NOT_SET}\n", "ledger: postgresql://192.0.2.7/books\n"])
def test_a_database_is_not_reached(examples: Shell, ledger: str):
    """Its publications cannot be asked, so that emulated rows go to a place of their own at once."""
    write(examples, "http://127.0.0.1:1", recipe=LOCAL, ledger=ledger)
    said = examples("apply", "-f", "own/r.yaml", "--emulate")
    assert said.code == 0, said
    assert len(examples.lines("own/.runner/emulated/out/r.jsonl")) == 2
    assert (examples.folder / "own/.runner/emulated/ledger.db").is_file()
    assert not (examples.folder / "own/out").exists()


def test_emulated_and_real_runs_share_no_budget(examples: Shell):
    recipe = LOCAL.replace("run: {", "run: {budget: {items: 2}, ")
    write(examples, "http://127.0.0.1:1", recipe=recipe)
    for flag in (["--emulate"], []):
        assert examples("apply", "-f", "own/r.yaml", *flag).code == 0


def test_no_profile_goes_by_the_name_of_emulated_work(examples: Shell):
    write(examples, "http://127.0.0.1:1", recipe=LOCAL, ledger="profiles: {emulate: {}}\n")
    said = examples("validate", "-f", "own/r.yaml")
    assert (said.code, "--emulate" in said.err) == (3, True)
