"""A job API as many are: light enough for a million jobs, and the audit of who was paid twice.

It belongs to no vendor. An item is a JSON object; the work on it is real and depends on nothing else: `text` of the
item (or the item as JSON) in upper case, its words and characters, and the SHA-256 of the item's JSON with sorted keys.

- `POST /jobs` `{"key"?: str, "item": {...}}`: 201 with the job
- `POST /jobs/batch` `{"items": [{"key"?, "item"}, ...]}`: 201 with one job for all of them
- `GET /jobs/{id}`: 200 `{"id", "key", "status", "count", "created_at", "result", "error"}`; `Retry-After` while it runs
- `GET /jobs/{id}/results?cursor=&limit=`: 200 `{"results": [{"key", "status", "result", "error"}], "next_cursor"}`, in
  the order sent; 409 while it runs
- `GET /jobs?since=&key=&cursor=&limit=`: 200 `{"jobs": [...], "next_cursor"}`, oldest first, without results
- `POST /jobs/{id}/cancel`: 200; 409 when it has ended

`status` is `running`, `succeeded`, `failed` or `cancelled`. A job of several items succeeds, and its results tell which
of them failed. `created_at` and `since` are seconds since 1970; `next_cursor` is null on the last page. With
`Idempotency-Key` a POST gives the first job back with 200, or 409 when the body differs. Auth is `Authorization: Bearer
TOKEN`; errors are `{"error": text}`.
"""

import hashlib
import itertools
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runner.emulators.desk import Desk

Value = dict[str, object]


@dataclass(frozen=True, slots=True)
class Knobs:
    """Switches; everyone's (`latency_s`, `faults`) come from the desk.

    Attributes:
        duration_s: how long a job runs; 0 means it is done at once.
        inline: the reply to a POST holds the result when the job is done at once.
        retry_after_s: sent with the status of a running job; null for no header.
        fail_percent: share of items that fail, chosen by their digest, so always the same ones.
        fail_keys: keys of items that fail.
        list_lag_s: a new job stays out of the list for so long.
        list_size: jobs or results on a page when the client names no limit; also the most it may name.
        max_items: of one batch; more are 413.
        honour_keys: `Idempotency-Key` is honoured.
    """

    duration_s: float = 0.0
    inline: bool = False
    retry_after_s: int | None = 1
    fail_percent: float = 0.0
    fail_keys: tuple[str, ...] = ()
    list_lag_s: float = 0.0
    list_size: int = 1000
    max_items: int = 10_000
    honour_keys: bool = True


@dataclass(slots=True)
class Job:
    """One accepted job: its items as JSON, and when things happened, in seconds since 1970."""

    keys: tuple[str | None, ...]
    items: tuple[bytes, ...]
    created: float
    ends: float
    cancelled: bool = False


@dataclass(slots=True)
class Book:
    """All jobs in the order they came; the number in an id is the place in the list."""

    prefix: str
    jobs: list[Job] = field(default_factory=list)
    by_idempotency_key: dict[str, tuple[bytes, int]] = field(default_factory=dict)


def create(*, token: str = "emulator", clock: Callable[[], float] = time.time, **knobs: object) -> Starlette:
    """Make the app.

    Args:
        token: the one key that is accepted.
        clock: seconds since 1970.
        knobs: of `Knobs`, and everyone's.

    Raises:
        ValueError: an unknown knob or a value that does not fit.
    """
    desk = Desk("jobs", Knobs(), token=token, clock=clock)
    desk.turn(knobs)
    # Ids of another process are unknown to this one.
    service = Service(desk, Book(f"job-{int(clock() * 1000):x}-"))
    bearer = f"Bearer {token}"

    def allow(request: Request) -> Response | None:
        return None if request.headers.get("authorization") == bearer else _failure(401, "bad or missing token")

    routes = [
        Route("/jobs", service.submit, methods=["POST"]),
        Route("/jobs/{id}", service.show, methods=["GET"]),
        Route("/jobs", service.index, methods=["GET"]),
        Route("/jobs/batch", service.submit_many, methods=["POST"]),
        Route("/jobs/{id}/results", service.results, methods=["GET"]),
        Route("/jobs/{id}/cancel", service.cancel, methods=["POST"]),
    ]
    return desk.app(routes, allow=allow, failure=_failure, figures=service.figures)


class Service:
    """The handlers."""

    def __init__(self, desk: Desk[Knobs], book: Book) -> None:
        self._desk, self._book = desk, book

    def figures(self) -> Mapping[str, object]:
        """Add the number of jobs to the stats."""
        return {"jobs": len(self._book.jobs)}

    async def submit(self, request: Request) -> Response:
        """Accept a job of one item."""
        body = await request.body()
        return self._once(request, body, [_object(body)])

    async def submit_many(self, request: Request) -> Response:
        """Accept a job of several items."""
        body = await request.body()
        items = _object(body).get("items")
        if not isinstance(items, list) or not items:
            raise HTTPException(400, "items must be a list of one or more")
        if len(items) > self._desk.knobs.max_items:
            raise HTTPException(413, f"{len(items)} items; a batch takes {self._desk.knobs.max_items}")
        return self._once(request, body, items)

    async def show(self, request: Request) -> Response:
        """Tell how a job stands, with its result when it has ended."""
        at = self._at(request)
        status = self._status(self._book.jobs[at])
        wait = self._desk.knobs.retry_after_s
        headers = {"retry-after": str(wait)} if status == "running" and wait is not None else None
        return _json(self._shown(at, result=True), headers=headers)

    async def index(self, request: Request) -> Response:
        """List jobs, oldest first."""
        asked, jobs = request.query_params, self._book.jobs
        start, limit = self._page(request)
        try:
            since = float(asked.get("since") or 0)
        except ValueError as error:
            raise HTTPException(400, "since must be seconds since 1970") from error
        start = max(start, bisect_left(jobs, since, key=_created))
        visible = self._desk.clock() - self._desk.knobs.list_lag_s
        end = bisect_right(jobs, visible, key=_created)
        wanted = asked.get("key")
        found = (at for at in range(start, end) if wanted is None or wanted in jobs[at].keys)
        page = list(itertools.islice(found, limit + 1))
        cursor = str(page[limit]) if len(page) > limit else None
        return _json({"jobs": [self._shown(at, result=False) for at in page[:limit]], "next_cursor": cursor})

    async def results(self, request: Request) -> Response:
        """Give the results of a job that has ended, item by item in the order sent."""
        job = self._book.jobs[self._at(request)]
        status = self._status(job)
        if status == "running":
            raise HTTPException(409, "the job is still running")
        start, limit = self._page(request)
        end = min(start + limit, len(job.items)) if status != "cancelled" else 0
        found = [self._result(job, at) for at in range(start, end)]
        return _json({"results": found, "next_cursor": str(end) if 0 < end < len(job.items) else None})

    async def cancel(self, request: Request) -> Response:
        """Cancel a job that is running."""
        at = self._at(request)
        status = self._status(self._book.jobs[at])
        if status != "running":
            raise HTTPException(409, f"the job has {status}")
        self._book.jobs[at].cancelled = True
        self._desk.count("cancelled")
        return _json(self._shown(at, result=False))

    def _once(self, request: Request, body: bytes, entries: list[object]) -> Response:
        given = request.headers.get("idempotency-key") if self._desk.knobs.honour_keys else None
        digest = hashlib.sha256(body).digest() if given else b""
        known = self._book.by_idempotency_key.get(given) if given else None
        if known is not None:
            if known[0] != digest:
                raise HTTPException(409, "this Idempotency-Key came before with another body")
            self._desk.count("replayed")
            return _json(self._shown(known[1], result=self._desk.knobs.inline), headers={"idempotent-replayed": "true"})
        at = self._accept(entries)
        if given:
            self._book.by_idempotency_key[given] = digest, at
        return _json(self._shown(at, result=self._desk.knobs.inline), 201)

    def _accept(self, entries: list[object]) -> int:
        pairs = [_entry(entry) for entry in entries]
        now = self._desk.clock()
        keys = tuple(key for key, _ in pairs)
        self._book.jobs.append(Job(keys, tuple(item for _, item in pairs), now, now + self._desk.knobs.duration_s))
        for key, item in pairs:
            self._desk.submitted(_digest(item) if key is None else key)
        return len(self._book.jobs) - 1

    def _status(self, job: Job) -> str:
        if job.cancelled:
            return "cancelled"
        if self._desk.clock() < job.ends:
            return "running"
        return str(self._result(job, 0)["status"]) if len(job.items) == 1 else "succeeded"

    def _shown(self, at: int, *, result: bool) -> Value:
        job = self._book.jobs[at]
        single = len(job.items) == 1
        shown: Value = {
            "id": f"{self._book.prefix}{at}",
            "key": job.keys[0] if single else None,
            "status": self._status(job),
            "count": len(job.items),
            "created_at": job.created,
        }
        if result:
            done = self._result(job, 0) if single and shown["status"] in ("succeeded", "failed") else {}
            shown |= {"result": done.get("result"), "error": done.get("error")}
        return shown

    def _result(self, job: Job, at: int) -> Value:
        knobs, key, item = self._desk.knobs, job.keys[at], job.items[at]
        digest = _digest(item)
        result = _work(orjson.loads(item), item, digest)
        error = None
        if key in knobs.fail_keys or int(digest[:8], 16) % 10_000 < knobs.fail_percent * 100:
            error = "the emulator was told to fail this item"
        elif result is None:
            error = "text of the item is not a string"
        if error:
            return {"key": key, "status": "failed", "result": None, "error": error}
        return {"key": key, "status": "succeeded", "result": result, "error": None}

    def _at(self, request: Request) -> int:
        prefix, asked = self._book.prefix, str(request.path_params["id"])
        number = asked.removeprefix(prefix)
        if asked == number or not number.isdecimal() or int(number) >= len(self._book.jobs):
            raise HTTPException(404, f"job {asked!r} does not exist")
        return int(number)

    def _page(self, request: Request) -> tuple[int, int]:
        most = self._desk.knobs.list_size
        cursor, limit = (request.query_params.get(name) or "" for name in ("cursor", "limit"))
        if not (cursor or "0").isdecimal() or not (limit or "1").isdecimal() or limit == "0":
            raise HTTPException(400, "limit must be 1 or more, cursor as given by the page before")
        return int(cursor or 0), min(int(limit or most), most)


def _work(item: Value, content: bytes, digest: str) -> Value | None:
    """Do the work on an item; None when its text is no text."""
    text = item.get("text", content.decode())
    if not isinstance(text, str):
        return None
    return {"text": text.upper(), "words": len(text.split()), "characters": len(text), "sha256": digest}


def _object(body: bytes) -> Value:
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise HTTPException(400, f"the body is not JSON: {error}") from error
    if not isinstance(read, dict):
        raise HTTPException(400, "the body must be a JSON object")
    return read


def _entry(entry: object) -> tuple[str | None, bytes]:
    if not isinstance(entry, dict) or not isinstance(entry.get("item"), dict):
        raise HTTPException(400, "item must be a JSON object")
    key = entry.get("key")
    if key is not None and not isinstance(key, str):
        raise HTTPException(400, "key must be a string")
    # A copy: what orjson gives keeps the 4 KiB of its buffer for as long as it lives.
    return key, bytes(memoryview(orjson.dumps(entry["item"], option=orjson.OPT_SORT_KEYS)))


def _digest(item: bytes) -> str:
    return hashlib.sha256(item).hexdigest()


def _created(job: Job) -> float:
    return job.created


def _json(value: Value, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(value), status, headers, "application/json")


def _failure(status: int, message: str) -> Response:
    return _json({"error": message}, status)
