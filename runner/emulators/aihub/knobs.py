"""The switches of the AI Hub emulator. Where the vendor's documents are silent, the default is a choice."""

from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True, slots=True)
class Knobs:
    """Switches; everyone's (`latency_s`, `faults`) come from the desk.

    Attributes:
        run_s: how long a run takes, in seconds, before its files are counted.
        file_s: how much longer for each file.
        job_s: how long deletion jobs stay RUNNING.
        page_size: files on one page of results.
        list_size: runs, batches and files on one page of a list when the client names no limit; also the most it
            may name.
        list_lag_s: a new run stays out of the list of runs for so long.
        force: app name, file name or `*` -> the status runs end with, also a word the platform does not have.
            STOPPED_AT_CHECKPOINT and PAUSED go on after `release` or `review_s`. A file's entry wins over the app's.
        release: ids of waiting runs that may go on; `*` for all.
        review_s: waiting runs go on by themselves after so many seconds.
        error_fields: file name or `*` -> fields whose value is `ERROR`.
        missing_files: files left out of the results.
        duplicate_files: files that come twice in the results.
        stuck_pages: after the first page, results answer `has_more` and no files, for ever.
        running_results_status: what results of a run that is still RUNNING answer.
        running_finish_zero: `finish_timestamp` of a run under way is 0, not null.
        message_field: name of the text in results; `msg` until 2026-01.
        show_batch_id: runs tell their batch.
        max_put_bytes: larger PUTs are 413; multipart takes over.
        max_file_bytes: larger files are 413.
        max_files_per_run: more are 400.
        part_size: of multipart uploads, in bytes.
        units: files that may still be processed, then 403; null for no limit.
        contexts: accepted values of the IB-Context header; empty for any, or none.
        service_account: without personal workspace: batches and runs must name one.
    """

    run_s: float = 0.2
    file_s: float = 0.0
    job_s: float = 0.0
    page_size: int = 100
    list_size: int = 100
    list_lag_s: float = 0.0
    force: dict[str, str] | None = None
    release: tuple[str, ...] = ()
    review_s: float | None = None
    error_fields: dict[str, tuple[str, ...]] | None = None
    missing_files: tuple[str, ...] = ()
    duplicate_files: tuple[str, ...] = ()
    stuck_pages: bool = False
    running_results_status: int = 400
    running_finish_zero: bool = False
    message_field: str = "message"
    show_batch_id: bool = True
    max_put_bytes: int = 10 * MIB
    max_file_bytes: int = 50 * MIB
    max_files_per_run: int = 1000
    part_size: int = 10 * MIB
    units: int | None = None
    contexts: tuple[str, ...] = ()
    service_account: bool = False

    def __post_init__(self) -> None:
        for name in ("page_size", "list_size", "part_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"knob {name} takes 1 or more, not {getattr(self, name)}")
