"""The switches of the stand-in, one for every fact about Label Studio that is uncertain, and for what may go wrong."""

from __future__ import annotations

from dataclasses import dataclass

CHOICES: dict[str, tuple[str, ...]] = {
    "edition": ("Enterprise", "Community"),
    "run_ends": ("Completed", "Failed", "InProgress"),
    "worker": ("inside", "outside"),
    "counters": ("live", "end"),
    "overwrite": ("prompt", "version", "none"),
    "envelope": ("both", "nested", "flat", "page", "array"),
    "subset_scope": ("run", "subset"),
    "created_by": ("user", "id"),
    "prompts_list": ("page", "array"),
    "re_evaluate_answer": ("run", "echo"),
    "import_mode": ("sync", "background"),
}


@dataclass(frozen=True, slots=True)
class Knobs:
    """All switches; 429, 5xx after the work, malformed JSON and lost replies are the shared knob `faults`.

    Attributes:
        seed: messages in the demo project, 0 for an empty server; read once, at the start.
        edition: `Community` has no prompts: their paths answer 404 with a page of HTML.
        legacy_tokens: whether `Authorization: Token` is accepted.
        token_life_s: how long an access token lives.
        rate_limits: hold to the documented limits (import 1/s, annotations 5/s, the rest 15/s) with 429.
        rate_limit_header: whether that 429 carries Retry-After.
        pending_s, task_s: time from creation to InProgress, and per task after that.
        run_ends: how a run created from now on ends; Failed and InProgress stop half way.
        worker: `outside` leaves the work to whoever posts batch-predictions.
        counters: whether a run's totals move while it works or only at its end.
        fail_share: share of tasks the model fails on, chosen by task id, 0.0-1.0.
        fail_once: a task that failed so is answered in later runs.
        overwrite: whose earlier predictions a new run removes from its tasks.
        sample_size: tasks of a Sample run that names no size.
        refuse_empty: a HasGT run without any ground truth is 400 instead of empty.
        envelope: shape of subset-tasks; `page` and `array` are the two plain ones.
        subset_scope: with `model_run`, list only the run's tasks, or all of the subset.
        created_by: users as objects or as bare ids, in runs.
        run_shows_version: whether a run says its `model_version`.
        prompts_list: prompts as a page or as a bare array.
        re_evaluate_answer: the new run, or the request again.
        estimate_fails: the cost estimate is `is_error: true`.
        refine_s: time that a refinement takes.
        import_mode, import_s: answer to an import, and how long the background one takes.
        import_fails: background imports end as failed.
        strict_predictions: invalid predictions are 400 instead of silently dropped.
    """

    seed: int = 60
    edition: str = "Enterprise"
    legacy_tokens: bool = True
    token_life_s: float = 300.0
    rate_limits: bool = False
    rate_limit_header: bool = False
    pending_s: float = 0.0
    task_s: float = 0.002
    run_ends: str = "Completed"
    worker: str = "inside"
    counters: str = "live"
    fail_share: float = 0.0
    fail_once: bool = False
    overwrite: str = "prompt"
    sample_size: int = 20
    refuse_empty: bool = False
    envelope: str = "both"
    subset_scope: str = "run"
    created_by: str = "user"
    run_shows_version: bool = True
    prompts_list: str = "page"
    re_evaluate_answer: str = "run"
    estimate_fails: bool = False
    refine_s: float = 0.2
    import_mode: str = "sync"
    import_s: float = 0.2
    import_fails: bool = False
    strict_predictions: bool = False

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise ValueError(f"knob {name} takes one of {', '.join(known)}, not {getattr(self, name)!r}")
