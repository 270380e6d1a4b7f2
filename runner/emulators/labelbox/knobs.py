"""The switches of the Labelbox emulator: times, failures, and the shapes that nothing published settles."""

from dataclasses import dataclass, field

SHAPES = ("predictions", "data", "results", "items", "nodes", "jobs", "list")
CURSORS = ("pagination.cursor", "pagination.nextCursor", "pageInfo.endCursor", "cursor", "nextCursor", "next", "after")
STATUSES = ("", "in_progress", "success", "error", "canceled", "retried")


@dataclass(frozen=True, slots=True)
class Knobs:
    """All switches; what is uncertain about the real service has one.

    Attributes:
        job_s: seconds a Foundry prediction or model job takes.
        task_s: seconds every other task takes: uploads, exports, registrations, imports, send to annotate.
        price: US dollars of one prediction; what failed costs nothing.
        fail_share: share of predictions that end in `error`, 0.0-1.0; which ones depends on the data row only.
        status: forces the end of REST predictions; "in_progress" never ends, "retried" adds a second job, which
            succeeds.
        created_status: HTTP status of a REST submit.
        null_data_row: `createDataRow: false` answers `dataRowId: null`; false leaves the key out.
        find_shape: where the found predictions are; "list" is a bare array, which has no cursor.
        find_cursor: where the cursor of the next page is.
        find_filters: names of filters that are understood; others answer 400.
        find_limit: page size when none is sent, and the most that is given.
        fail_tasks: types of tasks that end FAILED, or "*"; imports have the types `mea-import` and `mal-import`,
            model jobs `foundry-model-job`, registrations `registration`.
        fail_rows: share of data rows that fail inside an upload that is COMPLETE.
        fail_lines: share of uploaded predictions that get FAILURE inside an import that is FINISHED.
        export_chunk_bytes: most bytes of one file of an export, but always whole lines.
        export_split_key: key of the split inside a run of an export.
        streamable: exports asked for without `streamable` say `isStreamable: true`.
        file_s: seconds that URLs of files stay good.
        graphql_faults: faults as in `faults`, whose `route` is the name of a root field (`createModelJobForDataRows`).
        public_url: root of the URLs in answers; empty takes the one that the client used.
    """

    job_s: float = 0.0
    task_s: float = 0.0
    price: float = 0.002
    fail_share: float = 0.0
    status: str = ""
    created_status: int = 201
    null_data_row: bool = True
    find_shape: str = "predictions"
    find_cursor: str = "pagination.cursor"
    find_filters: tuple[str, ...] = ("modelRunId", "status", "createdAt")
    find_limit: int = 50
    fail_tasks: tuple[str, ...] = ()
    fail_rows: float = 0.0
    fail_lines: float = 0.0
    export_chunk_bytes: int = 1_048_576
    export_split_key: str = "data_split"
    streamable: bool = True
    file_s: float = 86_400.0
    graphql_faults: tuple[dict[str, object], ...] = field(default=())
    public_url: str = ""

    def __post_init__(self) -> None:
        for name, value, known in (
            ("status", self.status, STATUSES),
            ("find_shape", self.find_shape, SHAPES),
            ("find_cursor", self.find_cursor, CURSORS),
        ):
            if value not in known:
                raise ValueError(f"knob {name} does not take {value!r}; it takes {', '.join(map(repr, known))}")
