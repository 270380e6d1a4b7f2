"""The part of the APIs of two code hosts that the scripts ask, on loopback."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Host:
    """Keeps comments, merged pull requests and artifacts; `theirs` are comments that only others may change."""

    def __init__(self) -> None:
        self.url = ""
        self.token = "t0ken"
        self.comments: list[dict[str, Any]] = []
        self.theirs: set[int] = set()
        self.pulls: list[dict[str, Any]] = []
        self.artifacts: list[dict[str, Any]] = []
        self.asked: list[str] = []

    def answer(self, method: str, path: str, headers: Any, body: Any) -> tuple[int, Any]:
        self.asked.append(f"{method} {path}")
        if self.token not in (headers.get("Authorization", "").removeprefix("Bearer "), headers.get("PRIVATE-TOKEN")):
            return 401, {"message": "Bad credentials"}
        url = urlsplit(path)
        if re.search(r"/commits/\w+/pulls$", url.path):
            return 200, self.pulls
        if url.path.endswith("/actions/artifacts"):
            name = parse_qs(url.query)["name"][0]
            return 200, {"artifacts": [each for each in self.artifacts if each["name"] == name]}
        if found := re.search(r"/(?:comments|notes)/(\d+)$", url.path):
            return self._change(int(found[1]), body)
        assert re.search(r"/(issues|merge_requests)/7/(comments|notes)$", url.path), url.path
        return self._add(body) if method == "POST" else (200, self._page(parse_qs(url.query)))

    def _page(self, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        first = (int(query["page"][0]) - 1) * int(query["per_page"][0])
        return self.comments[first : first + int(query["per_page"][0])]

    def _add(self, body: Any) -> tuple[int, Any]:
        self.comments.append({"id": len(self.comments) + 1, "body": body["body"]})
        return 201, self.comments[-1]

    def _change(self, number: int, body: Any) -> tuple[int, Any]:
        if number in self.theirs:
            return 403, {"message": "Forbidden"}
        self.comments[number - 1]["body"] = body["body"]
        return 200, self.comments[number - 1]


@contextmanager
def serving() -> Iterator[Host]:
    host = Host()

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            status, reply = host.answer(self.command, self.path, self.headers, body)
            data = json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = _do

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
