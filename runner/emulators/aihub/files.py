"""Files on the drive by their path: inputs, outputs of runs, and folders made by writing into them."""

import re
from email.utils import formatdate
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from runner.emulators.aihub.store import File, Store


class Files:
    """Answers `/v2/files/{path}`; the path may come with its slashes encoded."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[BaseRoute]:
        """List the routes."""
        path = "/v2/files/{path:path}"
        return [
            Route(path, self.head, methods=["HEAD"]),
            Route(path, self.read, methods=["GET"]),
            Route(path, self.write, methods=["PUT"]),
            Route(path, self.delete, methods=["DELETE"]),
        ]

    async def read(self, request: Request) -> Response:
        """Read a file, or a range of it."""
        file = self._file(request)
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if not asked:
            return Response(file.content, media_type="application/octet-stream")
        start, size = int(asked[1]), len(file.content)
        end = min(int(asked[2] or size - 1), size - 1)
        if start > end:
            raise HTTPException(416, f"the file has {size} bytes")
        headers = {"content-range": f"bytes {start}-{end}/{size}"}
        return Response(file.content[start : end + 1], 206, headers, "application/octet-stream")

    async def head(self, request: Request) -> Response:
        """Tell kind, size and date of a file or folder."""
        if _path(request) in self._store.folders:
            return Response(media_type="application/json")
        file = self._file(request)
        headers = {"content-length": str(len(file.content)), "last-modified": formatdate(file.written, usegmt=True)}
        return Response(headers=headers, media_type="application/octet-stream")

    async def write(self, request: Request) -> Response:
        """Write a file; with `If-None-Match: *` only where there is none."""
        path, content = _path(request), await request.body()
        if request.headers.get("if-none-match") != "*":
            self._store.write(path, content)
            return Response(status_code=204)
        if self._store.read(path):
            raise HTTPException(412, f"{path!r} exists")
        self._store.write(path, content)
        return Response(status_code=201, headers={"location": f"/v2/files/{quote(path)}"})

    async def delete(self, request: Request) -> Response:
        """Delete a file or folder; that there is none shows in nothing."""
        self._store.delete(_path(request))
        return Response(status_code=202, headers={"location": f"/v2/jobs/{self._store.start_job()}"})

    def _file(self, request: Request) -> File:
        path = _path(request)
        file = self._store.read(path)
        if file is None:
            raise HTTPException(404, f"file {path!r} does not exist or you have no access to it")
        return file


def _path(request: Request) -> str:
    return str(request.path_params["path"]).strip("/")
