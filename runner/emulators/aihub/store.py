"""What the emulated AI Hub holds in memory: a drive of folders, batches, runs, uploads and deletion jobs."""

import itertools
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException

from runner.emulators.aihub.apps import App, Document

USER = "emulator"
WORKSPACE = "my-workspace"
DRIVE = "Instabase Drive"
WAITING = ("STOPPED_AT_CHECKPOINT", "PAUSED")

Folder = dict[str, "File"]


@dataclass(frozen=True, slots=True)
class File:
    """A file's content and when it was written, in seconds since 1970."""

    content: bytes
    written: float


@dataclass(frozen=True, slots=True)
class Batch:
    """A named folder of input files; `created` in seconds since 1970."""

    id: int
    name: str
    workspace: str
    created: float

    @property
    def folder(self) -> str:
        """Where its files lie on the drive."""
        return f"{drive_of(self.workspace)}/batches/{self.id}"


@dataclass(slots=True)
class Run:
    """One execution of an app over files that were frozen when it started; times in seconds since 1970."""

    id: str
    app: App
    version: str
    started: float
    duration_s: float
    fate: str
    files: Folder
    output_dir: str
    workspace: str
    batch_id: int | None = None
    input_dir: str | None = None
    deployment_id: str | None = None
    tags: list[str] | None = None
    custom: dict[str, object] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    make_pdf: bool = False
    released: float | None = None
    documents: dict[str, list[Document]] = field(default_factory=dict)

    def stand(self, now: float) -> tuple[str, float | None]:
        """Tell the status, and when the run finished if it has."""
        end = self.started + self.duration_s
        if now < end:
            return "RUNNING", None
        if self.fate not in WAITING:
            return self.fate, end
        if self.released is None:
            return self.fate, None
        end = self.released + self.duration_s
        return ("RUNNING", None) if now < end else ("COMPLETE", end)


@dataclass(slots=True)
class Upload:
    """A multipart upload under way: the parts by number, each with its id."""

    batch_id: int
    file_name: str
    size_bytes: int
    part_size: int
    parts: dict[int, tuple[str, bytes]] = field(default_factory=dict)


class Store:
    """All of it, and the makers of ids.

    Ids start from the clock, so that a job remembered from an emulator that is gone is unknown to the next one.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.folders: dict[str, Folder] = {}
        self.batches: dict[int, Batch] = {}
        self.runs: dict[str, Run] = {}
        self.uploads: dict[str, Upload] = {}
        self.jobs: dict[str, float] = {}
        self._start = int(clock() * 1000)
        self._batch_ids: Iterator[int] = itertools.count(max(self._start, 1))
        self._numbers: Iterator[int] = itertools.count(1)

    def new_id(self) -> str:
        """Make an id, the same in every process with the same clock."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self._start} {next(self._numbers)}"))

    def add_batch(self, name: str, workspace: str) -> Batch:
        """Make an empty batch."""
        batch = Batch(next(self._batch_ids), name, workspace, self.clock())
        self.batches[batch.id] = batch
        self.folders[batch.folder] = {}
        return batch

    def batch(self, batch_id: int) -> Batch:
        """Find a batch or answer 404."""
        if batch_id not in self.batches:
            raise HTTPException(404, f"batch {batch_id} does not exist or you have no access to it")
        return self.batches[batch_id]

    def run(self, run_id: str) -> Run:
        """Find a run or answer 404."""
        if run_id not in self.runs:
            raise HTTPException(404, f"run {run_id} does not exist or you have no access to it")
        return self.runs[run_id]

    def delete_batch(self, batch_id: int) -> None:
        """Drop a batch with its files; runs keep theirs."""
        batch = self.batches.pop(batch_id, None)
        if batch is not None:
            self.folders.pop(batch.folder, None)

    def start_job(self) -> str:
        """Note a deletion; its work is done at once, only the job takes its time."""
        job_id = self.new_id()
        self.jobs[job_id] = self.clock()
        return job_id

    def write(self, path: str, content: bytes) -> None:
        """Put a file on the drive; folders come into being by it."""
        folder, name = self._split(path)
        self.folders.setdefault(folder, {})[name] = File(content, self.clock())

    def read(self, path: str) -> File | None:
        """Find a file by its whole path; names may hold slashes."""
        folder, name = self._split(path)
        return self.folders.get(folder, {}).get(name)

    def delete(self, path: str) -> bool:
        """Drop a file, or a folder with all below it; tell whether there was one."""
        folder, name = self._split(path)
        if self.folders.get(folder, {}).pop(name, None) is not None:
            return True
        below = [each for each in self.folders if each == path or each.startswith(path + "/")]
        for each in below:
            del self.folders[each]
        return bool(below)

    def _split(self, path: str) -> tuple[str, str]:
        # The deepest folder that exists decides, as the name of a batch's file may itself hold slashes.
        parts = path.strip("/").split("/")
        for cut in range(len(parts) - 1, 0, -1):
            folder = "/".join(parts[:cut])
            if folder in self.folders:
                return folder, "/".join(parts[cut:])
        return "/".join(parts[:-1]), parts[-1]


def drive_of(workspace: str) -> str:
    """Tell the root of a workspace's drive: `ORG/WORKSPACE/fs/DRIVE`."""
    return f"{USER}/{workspace}/fs/{DRIVE}"
