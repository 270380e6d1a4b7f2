"""Three vendors in miniature: they keep what they are sent and answer in their documented shapes."""

import email
import json
from typing import Any

import httpx


def reply(status, value=None, **headers):
    """A reply with a JSON body; header names are written with underscores."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return (
        httpx.Response(status, json=value, headers=named)
        if value is not None
        else httpx.Response(status, headers=named)
    )


def form(request):
    """Parts of a multipart body by name: (filename, content)."""
    head = b"Content-Type: " + request.headers["content-type"].encode() + b"\r\n\r\n"
    parts: Any = email.message_from_bytes(head + request.content).get_payload()
    named = {part.get_param("name", header="content-disposition"): part for part in parts}
    return {name: (part.get_filename(), part.get_payload(decode=True)) for name, part in named.items()}


class OpenAI:
    """Files and batches; a request whose text holds `bad` fails, `lost` is left out, `err` lands in the error file."""

    def __init__(self, polls=2):
        self.files, self.batches, self.seen, self.polls = {}, {}, [], polls

    def __call__(self, request):
        self.seen.append(request)
        if request.headers.get("authorization") != "Bearer sk-very-secret-0123456789":
            return reply(401, {"error": {"message": "Incorrect API key provided"}})
        method, parts = request.method, request.url.path.removeprefix("/v1").strip("/").split("/")
        return getattr(self, f"{method}_{parts[0]}".lower())(request, *parts[1:])

    def post_files(self, request):
        parts = form(request)
        assert parts["purpose"] == (None, b"batch")
        name = f"file-{len(self.files)}"
        self.files[name] = parts["file"][1]
        return reply(200, {"id": name, "filename": parts["file"][0]})

    def get_files(self, request, name, content):
        return httpx.Response(200, content=self.files[name]) if name in self.files else reply(404, {})

    def delete_files(self, request, name):
        return reply(200 if self.files.pop(name, None) else 404, {})

    def post_batches(self, request, name=None, action=None):
        body = json.loads(request.content or b"{}")
        name = f"batch_{len(self.batches)}"
        self.batches[name] = {"polls": self.polls, "input": body["input_file_id"], "metadata": body["metadata"]}
        return reply(200, self.shown(name, "validating"))

    def get_batches(self, request, name=None):
        if name is None:
            found = [self.shown(each, "in_progress") for each in reversed(self.batches)]
            return reply(200, {"data": found, "has_more": False, "last_id": None})
        batch = self.batches[name]
        batch["polls"] -= 1
        return reply(200, self.ended(name) if batch["polls"] <= 0 else self.shown(name, "in_progress"))

    def shown(self, name, status, **more):
        counts = {"total": 0, "completed": 0, "failed": 0}
        metadata = self.batches[name]["metadata"]
        return {"id": name, "status": status, "metadata": metadata, "request_counts": counts, "errors": None, **more}

    def ended(self, name):
        good, bad = [], []
        lines = [json.loads(line) for line in self.files[self.batches[name]["input"]].splitlines()]
        for line in reversed(lines):  # the order is not kept
            text = line["body"]["messages"][0]["content"]
            message = {"status_code": 200, "body": {"choices": [{"message": {"content": text.upper()}}]}}
            if "bad" in text:
                message = {"status_code": 400, "body": {"error": {"message": f"refused {text}"}}}
            if "err" in text:
                bad.append({"custom_id": line["custom_id"], "response": None, "error": {"message": "expired"}})
            elif "lost" not in text:
                good.append({"custom_id": line["custom_id"], "response": message, "error": None})
        files = {}
        for role, found in (("output_file_id", good), ("error_file_id", bad)):
            files[role] = f"file-{name}-{role}" if found else ""
            self.files[files[role]] = b"".join(json.dumps(each).encode() + b"\n" for each in found)
        return self.shown(name, "completed", **files)


class Anthropic:
    """Message batches; a request whose text holds `bad` is errored."""

    def __init__(self, clock):
        self.batches, self.seen, self.clock = [], [], clock

    def __call__(self, request):
        self.seen.append(request)
        assert request.headers["anthropic-version"] == "2023-06-01"
        parts = request.url.path.removeprefix("/v1/messages/batches").strip("/").split("/")
        if request.method == "POST":
            self.batches.append(json.loads(request.content)["requests"])
            return reply(200, self.shown(len(self.batches) - 1, "in_progress"))
        if not parts[0]:
            found = [self.shown(at, "in_progress") for at in range(len(self.batches))]
            return reply(200, {"data": found, "has_more": False, "last_id": None})
        at = int(parts[0].removeprefix("msgbatch_"))
        if parts[-1] == "results":
            return httpx.Response(200, content="\n".join(map(json.dumps, map(self.result, self.batches[at]))))
        return reply(200, self.shown(at, "ended"))

    def shown(self, at, status):
        counts = dict.fromkeys(("succeeded", "errored", "canceled", "expired"), 0)
        url = f"https://api.example.com/v1/messages/batches/msgbatch_{at}/results"
        return {
            "id": f"msgbatch_{at}",
            "processing_status": status,
            "created_at": "1970-01-12T13:46:40Z",
            "request_counts": {"processing": len(self.batches[at]), **counts},
            "results_url": url if status == "ended" else None,
        }

    def result(self, request):
        text = request["params"]["messages"][0]["content"]
        error = {"type": "errored", "error": {"type": "error", "error": {"message": f"refused {text}"}}}
        message = {"type": "succeeded", "message": {"content": [{"text": text.upper()}]}}
        return {"custom_id": request["custom_id"], "result": error if "bad" in text else message}


class Azure:
    """One document a job; a document that holds `bad` fails, an empty one is refused."""

    def __init__(self):
        self.documents, self.seen = [], []

    def __call__(self, request):
        self.seen.append(request)
        assert request.headers["ocp-apim-subscription-key"] == "sk-very-secret-0123456789"
        assert request.url.params.get_list("api-version") == ["2024-11-30"]
        if request.method == "POST":
            if not request.content:
                return reply(
                    400, {"error": {"message": "Invalid request.", "innererror": {"message": "the file is empty"}}}
                )
            self.documents.append([request.content, 2])
            at = f"{request.url.path.removesuffix(':analyze')}/analyzeResults/{len(self.documents) - 1}"
            where = f"https://name.cognitiveservices.azure.com{at}?api-version=2024-11-30"
            return reply(202, operation_location=where, retry_after="7", apim_request_id=f"r{len(self.documents)}")
        document = self.documents[int(request.url.path.rpartition("/")[2])]
        document[1] -= 1
        if document[1] > 0:
            return reply(200, {"status": "running"}, retry_after="3")
        if b"bad" in document[0]:
            return reply(200, {"status": "failed", "error": {"message": "the file is corrupted"}})
        return reply(200, {"status": "succeeded", "analyzeResult": {"content": document[0].decode()}})
