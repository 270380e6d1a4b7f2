"""Batches, the files in them and deletion jobs."""

from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from runner.emulators.aihub import reading
from runner.emulators.aihub.knobs import Knobs
from runner.emulators.aihub.store import DRIVE, USER, WORKSPACE, Batch, File, Store
from runner.emulators.desk import Desk


class Batches:
    """Answers `/v2/batches`, `/v2/batches/{id}/files` and `/v2/jobs`."""

    def __init__(self, desk: Desk[Knobs], store: Store) -> None:
        self._desk, self._store = desk, store

    def routes(self) -> list[BaseRoute]:
        """List the routes."""
        one, files = "/v2/batches/{batch_id:int}", "/v2/batches/{batch_id:int}/files"
        return [
            Route("/v2/batches", self.create, methods=["POST"]),
            Route("/v2/batches", self.list, methods=["GET"]),
            Route("/v2/batches/jobs/{job_id}", self.job, methods=["GET"]),
            Route("/v2/jobs/{job_id}", self.job, methods=["GET"]),
            Route(one, self.get, methods=["GET"]),
            Route(one, self.delete, methods=["DELETE"]),
            Route(files, self.list_files, methods=["GET"]),
            Route(files + "/{name}", self.put_file, methods=["PUT"]),
            Route(files + "/{name}", self.delete_file, methods=["DELETE"]),
        ]

    async def create(self, request: Request) -> Response:
        """Make a batch."""
        body = await reading.json_object(request)
        name, workspace = reading.required_name(body, "name"), reading.text(body, "workspace")
        if self._desk.knobs.service_account and not workspace:
            raise HTTPException(400, "a service account has no personal workspace: name one in workspace")
        return JSONResponse({"id": self._store.add_batch(name, workspace or WORKSPACE).id})

    async def list(self, request: Request) -> Response:
        """List batches, oldest first."""
        workspace, user = request.query_params.get("workspace"), request.query_params.get("username") or USER
        found = [
            _shown(batch)
            for batch in self._store.batches.values()
            if user == USER and workspace in (None, "", batch.workspace)
        ]
        start = reading.asked_number(request, "offset", 0)
        return JSONResponse({"batches": found[start : start + self._limit(request, "limit")]})

    async def get(self, request: Request) -> Response:
        """Show one batch."""
        return JSONResponse(_shown(self._batch(request)))

    async def delete(self, request: Request) -> Response:
        """Delete a batch with its files."""
        self._store.delete_batch(self._batch(request).id)
        return JSONResponse({"job_id": self._store.start_job()}, status_code=202)

    async def job(self, request: Request) -> Response:
        """Tell how a deletion stands."""
        started = self._store.jobs.get(request.path_params["job_id"])
        if started is None:
            raise HTTPException(404, f"job {request.path_params['job_id']} does not exist")
        done = self._store.clock() >= started + self._desk.knobs.job_s
        return JSONResponse({"state": "COMPLETE" if done else "RUNNING", "message": ""})

    async def list_files(self, request: Request) -> Response:
        """List the files of a batch by name, page by page."""
        batch = self._batch(request)
        folder = self._store.folders[batch.folder]
        token, names = request.query_params.get("start_token", ""), sorted(folder)
        if token and not token.isdecimal():
            raise HTTPException(400, f"start_token {token!r} was not given by this list")
        start = int(token or 0)
        end = start + self._limit(request, "page_size")
        more = {"next_page_token": str(end)} if end < len(names) else {}
        nodes = [_node(batch, name, folder[name]) for name in names[start:end]]
        return JSONResponse({"nodes": nodes, **more, "has_more": bool(more)})

    async def put_file(self, request: Request) -> Response:
        """Write or replace a file."""
        batch, name = self._batch(request), reading.file_name(request)
        limit = self._desk.knobs.max_put_bytes
        if int(request.headers.get("content-length", 0)) > limit:
            raise HTTPException(413, f"{name!r} is larger than {limit} bytes: use the multipart upload")
        content = await request.body()
        # The batch may have been deleted while the body came in.
        self._store.folders[self._store.batch(batch.id).folder][name] = File(content, self._store.clock())
        self._desk.count("files_uploaded")
        return Response(status_code=204)

    async def delete_file(self, request: Request) -> Response:
        """Delete a file of a batch."""
        batch, name = self._batch(request), request.path_params["name"]
        if self._store.folders[batch.folder].pop(name, None) is None:
            raise HTTPException(404, f"batch {batch.id} has no file {name!r}")
        return Response(status_code=202, headers={"location": f"/v2/jobs/{quote(self._store.start_job())}"})

    def _batch(self, request: Request) -> Batch:
        return self._store.batch(request.path_params["batch_id"])

    def _limit(self, request: Request, name: str) -> int:
        most = self._desk.knobs.list_size
        return min(reading.asked_number(request, name, most), most)


def _shown(batch: Batch) -> dict[str, object]:
    created_ms = int(batch.created * 1000)
    return {
        "id": batch.id,
        "name": batch.name,
        "workspace": batch.workspace,
        "mount_point": DRIVE,
        "repo_owner": USER,
        "batch_owner": USER,
        "path_suffix": f"batches/{batch.id}",
        "created_at_ms": created_ms,
        "updated_at_ms": created_ms,
    }


def _node(batch: Batch, name: str, file: File) -> dict[str, object]:
    return {
        "name": name,
        "full_path": f"{batch.folder}/{name}",
        "metadata": {"node_type": "file", "size": len(file.content), "modified_timestamp": int(file.written)},
        "perms": {"can_read": True, "can_write": True, "can_delete": True},
    }
