"""The multipart upload, for files too large for one PUT: open a session, put the parts, commit or abort."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from runner.emulators.aihub import reading
from runner.emulators.aihub.knobs import Knobs
from runner.emulators.aihub.store import File, Store, Upload
from runner.emulators.desk import Desk

PATH = "/v2/batches/multipart-upload"


class Uploads:
    """Answers `/v2/batches/multipart-upload`."""

    def __init__(self, desk: Desk[Knobs], store: Store) -> None:
        self._desk, self._store = desk, store

    def routes(self) -> list[BaseRoute]:
        """List the routes."""
        return [
            Route(PATH, self.open, methods=["POST"]),
            Route(PATH + "/sessions/{session}/parts/{number:int}", self.put_part, methods=["PUT"]),
            Route(PATH + "/sessions/{session}", self.close, methods=["POST"]),
        ]

    async def open(self, request: Request) -> Response:
        """Open a session for one file."""
        body = await reading.json_object(request)
        batch_id, size = reading.whole(body, "batch_id"), reading.whole(body, "file_size")
        name = reading.required_name(body, "filename")
        if batch_id is None or size is None or size < 0:
            raise HTTPException(400, "batch_id and file_size are required integers")
        self._store.batch(batch_id)
        knobs = self._desk.knobs
        if size > knobs.max_file_bytes:
            raise HTTPException(413, f"{name!r} is larger than {knobs.max_file_bytes} bytes")
        session = f"mpu_{self._store.new_id()}.{batch_id}"
        self._store.uploads[session] = Upload(batch_id, name, size, knobs.part_size)
        location = f"{str(request.base_url).rstrip('/')}{PATH}/sessions/{session}"
        reply = {"session_id": session, "part_size": knobs.part_size}
        return JSONResponse(reply, status_code=201, headers={"location": location})

    async def put_part(self, request: Request) -> Response:
        """Take one part; the same number again replaces it."""
        upload, number = self._upload(request), request.path_params["number"]
        content = await request.body()
        if number < 1 or len(content) > upload.part_size:
            raise HTTPException(400, f"part {number}: numbers start at 1, sizes end at {upload.part_size} bytes")
        part_id = self._store.new_id()
        upload.parts[number] = (part_id, content)
        return JSONResponse({"part_id": part_id, "part_num": number}, status_code=201)

    async def close(self, request: Request) -> Response:
        """Commit or abort."""
        upload, body = self._upload(request), await reading.json_object(request)
        if body.get("action") not in ("commit", "abort"):
            raise HTTPException(400, 'action must be "commit" or "abort"')
        if body["action"] == "commit":
            _check(upload, body.get("parts"))
            folder = self._store.folders[self._store.batch(upload.batch_id).folder]
            content = b"".join(content for _, (_, content) in sorted(upload.parts.items()))
            folder[upload.file_name] = File(content, self._store.clock())
            self._desk.count("files_uploaded")
        del self._store.uploads[request.path_params["session"]]
        return Response(status_code=201)

    def _upload(self, request: Request) -> Upload:
        upload = self._store.uploads.get(request.path_params["session"])
        if upload is None:
            raise HTTPException(404, "the upload session does not exist, or was committed or aborted")
        return upload


def _check(upload: Upload, listed: object) -> None:
    """Answer 400 unless the client lists exactly the parts that came, in order, and they make up the file."""
    put = [{"part_num": number, "part_id": part_id} for number, (part_id, _) in sorted(upload.parts.items())]
    if (listed or []) != put:
        raise HTTPException(400, f"parts must list the {len(put)} uploaded parts in order, with number and id")
    sizes = [len(content) for _, (_, content) in sorted(upload.parts.items())]
    if [part["part_num"] for part in put] != list(range(1, len(put) + 1)):
        raise HTTPException(400, "part numbers must be consecutive from 1")
    if any(size != upload.part_size for size in sizes[:-1]):
        raise HTTPException(400, f"every part but the last must have exactly {upload.part_size} bytes")
    if sum(sizes) != upload.size_bytes:
        raise HTTPException(400, f"the parts have {sum(sizes)} bytes, file_size said {upload.size_bytes}")
