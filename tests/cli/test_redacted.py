"""The value of a secret is in no text that leaves the process, whatever a platform or a command does with it."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from runner.ledger.codec import pack, unpack
from runner.model.redact import REDACTOR, SHORTEST, Redactor, redact
from runner.model.secret import HIDDEN
from runner.model.secret_forms import forms_of
from tests.cli.shell import Shell

CANARY = 'c4n4ry/+"<&>~? k3y9\\z'
FORMS = [
    "plain",
    "base64 behind 0 bytes",
    "base64 behind 1 bytes",
    "base64 behind 2 bytes",
    "base64url behind 1 bytes",
    "percent-encoded",
    "percent-encoded, small letters",
    "form-encoded",
    "hexadecimal",
    "hexadecimal, capitals",
    "JSON",
    "JSON in JSON",
    "HTML",
]
PROJECT = """\
apiVersion: runner/v1
kind: Project
name: t
connections: {c: {platform: leaky, base_url: URL, token: {env: CANARY}}}
"""
PLATFORM = """\
apiVersion: runner/v1
kind: Platform
name: leaky
connection:
  fields: {base_url: {type: string}, token: {type: secret}}
  headers: {X-Key: "{{ connection.token }}"}
message: "{{ response.error }}"
targets:
  run:
    submit:
      call: {post: /jobs, json: {item: "{{ item.id }}"}}
      id: "{{ response.id }}"
      keep: {left: "{{ response.said }}"}
      outcome: {not_created: [400]}
    poll:
      call: {get: "/jobs/{{ job.id }}"}
      status: "{{ response.status }}"
      states: {running: [running], succeeded: [succeeded], failed: [failed]}
      error: "{{ response.error }}"
      counters: {said: "{{ response.said }}"}
    results: {result: "{{ response.result }}"}
"""
RECIPE = """\
apiVersion: runner/v1
kind: Recipe
name: r
run: {poll: {first: 10ms}}
source: {jsonl: {path: in.jsonl, key: id}}
target: {leaky.run: {connection: c}}
sinks: [{jsonl: {path: out.jsonl}}, {csv: {path: out.csv}}]
"""


class Leaky(BaseHTTPRequestHandler):
    """A platform that says the key of its caller in every place of a reply, in one form."""

    form = ""

    def do_POST(self) -> None:
        item = json.loads(self.rfile.read(int(self.headers["content-length"])))["item"]
        if item == "text":
            self._answer(200, f"{self._leak()} is not JSON")
        elif item == "refused":
            self._answer(400, {"error": f"bad key: {self._leak()}."})
        else:
            self._answer(200, {"id": item, "said": self._leak()})

    def do_GET(self) -> None:
        item, leak = self.path.rpartition("/")[2], self._leak()
        status = {"odd": f"S{leak}", "failed": "failed"}.get(item, "succeeded")
        error = f"because of {leak}" if item == "failed" else None
        self._answer(200, {"status": status, "error": error, "said": leak, "result": {"echo": {f"k {leak}": leak}}})

    def log_message(self, *_: Any) -> None:
        pass

    def _leak(self) -> str:
        return forms_of(self.headers["x-key"])[self.form]

    def _answer(self, status: int, body: Any) -> None:
        text = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture
def leaky(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Leaky) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        shell.write("runner.yaml", PROJECT.replace("URL", f"http://127.0.0.1:{server.server_port}"))
        shell.write("platforms/leaky.yaml", PLATFORM)
        shell.write("r.yaml", RECIPE)
        keys = ["text", "refused", "odd", "failed", "good"]
        shell.write("in.jsonl", "".join(f'{{"id": "{key}"}}\n' for key in keys))
        monkeypatch.setenv("CANARY", CANARY)
        yield shell
        server.shutdown()


COMMANDS = [
    ("plan", "-o", "markdown"),
    ("apply", "-o", "jsonl"),
    ("apply", "-o", "junit"),
    ("retry", "-o", "json"),
    ("plan", "--out", "p.plan"),
    ("status",),
    ("status", "-o", "json"),
    ("state", "list", "--all"),
    ("state", "export"),
]


@pytest.mark.parametrize("form", FORMS)
def test_no_text_that_leaves_the_process_holds_a_secret(leaky: Shell, form: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Leaky, "form", form)
    monkeypatch.setenv("RUNNER_DEBUG", "1")
    texts = []
    for command in COMMANDS:
        said = leaky(*command)
        assert said.code != 1, said
        texts += [said.out, said.err]
    with closing(sqlite3.connect(leaky.folder / ".runner/ledger.db")) as ledger:
        texts += list(ledger.iterdump())
    written = [path for path in leaky.folder.rglob("*") if path.is_file() and ".runner" not in path.parts]
    texts += [path.read_text() for path in written]
    leaked = forms_of(CANARY)[form]
    assert [text for text in texts if leaked in text] == []
    assert any("***" in text for text in texts)
    assert "***" in leaky.read("out.jsonl")


@pytest.mark.parametrize("secret", [CANARY, "größe-s3kr3t'\"\\", "--BEGIN KEY--\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n"])
def test_every_form_is_redacted_whatever_stands_around(secret: str):
    REDACTOR.add(secret)
    for name, form in forms_of(secret).items():
        for text in (form, f"x{form}y", f'{{"a": "{form}"}}', f"{form}{form}"):
            assert form not in redact(text), name
            assert form.encode() not in REDACTOR.data(text.encode()), name


@pytest.mark.parametrize("before", ["", "u", "us", "use", "user:", "someone@example.com:"])
def test_basic_credentials_are_redacted(before: str):
    import base64

    REDACTOR.add("s3same-0pen-d00r")
    said = redact(f"Basic {base64.b64encode(f'{before}s3same-0pen-d00r'.encode()).decode()} was refused")
    assert "***" in said
    assert len(said) < len("Basic *** was refused") + len(before) * 2 + 8


def test_what_was_cut_inside_a_secret_is_redacted():
    REDACTOR.add("sk-live-0123456789abcdefghij")
    assert redact("the key sk-live-0123456789ab…") == "the key ***…"
    assert redact("the key sk-l") == "the key sk-l"


def test_a_line_of_a_key_is_a_secret():
    REDACTOR.add("-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n")
    assert redact("near hkiG9w0BAQEFAASC.") == "near ***."


def test_what_is_too_short_for_a_secret_stays():
    REDACTOR.add("x" * (SHORTEST - 1))
    assert redact("xxxxxxxxx") == "xxxxxxxxx"


def test_a_value_is_redacted_whole_and_the_rest_stays():
    REDACTOR.add(CANARY)
    value = {"a": [1, None, 2.5, CANARY], CANARY: {"b": f"<{CANARY}>"}, "c": True}
    assert REDACTOR.value(value) == {"a": [1, None, 2.5, "***"], "***": {"b": "<***>"}, "c": True}


def test_a_value_may_be_nested_as_deeply_as_json_is():
    redactor = Redactor()
    redactor.add("canary-of-a-secret")
    deep: Any = "a canary-of-a-secret"
    for _ in range(5_000):
        deep = [{"canary-of-a-secret": deep}]
    found = redactor.value(deep)
    for _ in range(5_000):
        found = found[0][HIDDEN]
    assert found == f"a {HIDDEN}"


@pytest.mark.parametrize("secret", [CANARY, "größe-s3kr3t'\"\\", "////++++", 'a"b"c"d"e"f"g'])
def test_what_is_packed_holds_no_secret_however_often_it_was_escaped(secret: str):
    REDACTOR.add(secret)
    for name, form in forms_of(secret).items():
        once = json.dumps({"said": form})
        assert form not in str(unpack(pack({"a": [form, json.dumps({form: once})]}, "x"))), name
