"""Runs: start, status, list, delete."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from runner.emulators.aihub import reading
from runner.emulators.aihub.apps import APPS, DEPLOYMENTS, App
from runner.emulators.aihub.knobs import Knobs
from runner.emulators.aihub.store import USER, WAITING, WORKSPACE, Folder, Run, Store, drive_of
from runner.emulators.desk import Desk

DAY_S = 86_400
MAX_TAGS = 500


class Runs:
    """Answers `/v2/apps/runs` and `/v2/apps/deployments/{id}/runs`."""

    def __init__(self, desk: Desk[Knobs], store: Store) -> None:
        self._desk, self._store = desk, store

    def routes(self) -> list[BaseRoute]:
        """List the routes."""
        return [
            Route("/v2/apps/runs", self.create, methods=["POST"]),
            Route("/v2/apps/runs", self.list, methods=["GET"]),
            Route("/v2/apps/runs/{run_id}", self.status, methods=["GET"]),
            Route("/v2/apps/runs/{run_id}", self.delete, methods=["DELETE"]),
            Route("/v2/apps/deployments/{deployment_id}/runs", self.create_deployed, methods=["POST"]),
        ]

    async def create(self, request: Request) -> Response:
        """Run an app, by name or id."""
        body = await reading.json_object(request)
        run = self._start(body, _app(body), None)
        return JSONResponse(self.shown(run))

    async def create_deployed(self, request: Request) -> Response:
        """Run the app of a deployment."""
        body = await reading.json_object(request)
        deployment = request.path_params["deployment_id"]
        if deployment not in DEPLOYMENTS:
            raise HTTPException(404, f"deployment {deployment} does not exist or you have no access to it")
        if body.get("manual_upstream_integration"):
            raise HTTPException(400, f"deployment {deployment} has no upstream integration")
        run = self._start(body, DEPLOYMENTS[deployment], deployment)
        return JSONResponse(self.shown(run), status_code=202)

    async def status(self, request: Request) -> Response:
        """Show one run."""
        return JSONResponse(self.shown(self._store.run(request.path_params["run_id"])))

    async def list(self, request: Request) -> Response:
        """List runs, newest first; without `from_timestamp` those of the last 24 hours."""
        now = self._store.clock()
        since = reading.asked_number(request, "from_timestamp", int(now - DAY_S))
        until = reading.asked_number(request, "to_timestamp", int(now) + 1)
        by = reading.asked_word(request, "sort_by", ("start_timestamp", "status"), "start_timestamp")
        order = reading.asked_word(request, "order", ("ASCENDING", "DESCENDING"), "DESCENDING")
        seen = [
            run
            for run in self._store.runs.values()
            if since <= run.started < until + 1 and run.started <= now - self._desk.knobs.list_lag_s
        ]
        found = [
            shown for shown in map(self.shown, seen) if _wanted(request, shown, self._store.runs[str(shown["id"])])
        ]
        found.sort(key=lambda shown: f"{shown[by]:>25}", reverse=order == "DESCENDING")
        start = reading.asked_number(request, "offset", 0)
        most = self._desk.knobs.list_size
        end = start + min(reading.asked_number(request, "limit", most), most)
        return JSONResponse({"runs": found[start:end]})

    async def delete(self, request: Request) -> Response:
        """Delete a run and what belongs to it; its input includes the batch."""
        run = self._store.run(request.path_params["run_id"])
        flags = {
            name: reading.asked_flag(request, f"delete_{name}", default=True)
            for name in ("db_data", "input", "output", "logs")
        }
        if flags["input"]:
            self._store.delete(f"{run.output_dir}/input")
            if run.batch_id is not None:
                self._store.delete_batch(run.batch_id)
        if flags["output"]:
            self._store.delete(f"{run.output_dir}/output")
        if flags["db_data"]:
            del self._store.runs[run.id]
        jobs = {
            "delete_input_dir_job_id": flags["input"],
            "delete_output_dir_job_id": flags["output"],
            "delete_log_dir_job_id": flags["logs"],
        }
        reply = {name: self._store.start_job() if wanted else None for name, wanted in jobs.items()}
        return JSONResponse(reply, status_code=202)

    def shown(self, run: Run) -> dict[str, object]:
        """Show a run as it stands now, letting it go on first if it was released."""
        knobs, now = self._desk.knobs, self._store.clock()
        _let_go_on(run, knobs, now)
        status, finished = run.stand(now)
        shown: dict[str, object] = {
            "id": run.id,
            "status": status,
            "start_timestamp": _ns(run.started),
            "finish_timestamp": (0 if knobs.running_finish_zero else None) if finished is None else _ns(finished),
            "msg": message_of(status),
            "input_dir": run.input_dir,
            "app_id": run.app.id,
            "deployment_id": run.deployment_id,
            "tags": run.tags,
        }
        return {**shown, "batch_id": run.batch_id} if knobs.show_batch_id else shown

    def _start(self, body: dict[str, object], app: App, deployment: str | None) -> Run:
        version = reading.text(body, "version") or app.versions[-1]
        if version not in app.versions:
            raise HTTPException(404, f"app {app.name!r} has no version {version!r}; it has {', '.join(app.versions)}")
        workspace, output_dir = reading.text(body, "output_workspace"), reading.text(body, "output_dir")
        knobs, run_id = self._desk.knobs, self._store.new_id()
        if knobs.service_account and not (workspace or output_dir):
            raise HTTPException(400, "a service account must name output_workspace or output_dir")
        batch_id, input_dir, files = self._input(body)
        run = Run(
            id=run_id,
            app=app,
            version=version,
            started=self._store.clock(),
            duration_s=knobs.run_s + knobs.file_s * len(files),
            fate=_fate(knobs, app, files),
            files=files,
            output_dir=f"{output_dir or drive_of(workspace or WORKSPACE)}/app-runs/{run_id}",
            workspace=workspace or WORKSPACE,
            batch_id=batch_id,
            input_dir=input_dir,
            deployment_id=deployment,
        )
        _set_up(run, reading.part(body, "settings"))
        self._pay(files)
        self._store.runs[run.id] = run
        self._store.folders[f"{run.output_dir}/input"] = files
        return run

    def _input(self, body: dict[str, object]) -> tuple[int | None, str | None, Folder]:
        """Find the input and freeze it: later changes of the batch do not reach the run."""
        batch_id, input_dir = reading.whole(body, "batch_id"), reading.text(body, "input_dir")
        if batch_id is not None:
            folder = self._store.batch(batch_id).folder
            return batch_id, folder, dict(self._store.folders[folder])
        if not input_dir:
            raise HTTPException(400, "one of batch_id (integer) and input_dir is required")
        if input_dir.strip("/") not in self._store.folders:
            raise HTTPException(404, f"folder {input_dir!r} does not exist or you have no access to it")
        return None, input_dir, dict(self._store.folders[input_dir.strip("/")])

    def _pay(self, files: Folder) -> None:
        knobs = self._desk.knobs
        if len(files) > knobs.max_files_per_run:
            raise HTTPException(400, f"{len(files)} files; a run takes {knobs.max_files_per_run}")
        if knobs.units is not None and self._desk.counts["files_accepted"] + len(files) > knobs.units:
            raise HTTPException(403, "not enough consumption units")
        self._desk.count("files_accepted", len(files))
        self._desk.count("runs_accepted")
        for name in files:
            self._desk.submitted(name)


def message_of(status: str) -> str | None:
    """Tell what a run says about itself."""
    if status in ("RUNNING", "COMPLETE"):
        return None
    return f"the emulator was told to end this run as {status}"


def _app(body: dict[str, object]) -> App:
    name, app_id, owner = reading.text(body, "app_name"), reading.text(body, "app_id"), reading.text(body, "owner")
    if not (name or app_id):
        raise HTTPException(400, "one of app_name and app_id is required")
    for app in APPS:
        if (name and app.name == name and (owner or USER) == (app.owner or USER)) or (not name and app.id == app_id):
            return app
    known = ", ".join(f"{app.name} (owner {app.owner or 'omitted'})" for app in APPS)
    raise HTTPException(404, f"app {name or app_id!r} of owner {owner or USER!r} does not exist; there are: {known}")


def _fate(knobs: Knobs, app: App, files: Folder) -> str:
    force = knobs.force or {}
    return next((force[name] for name in (*sorted(files), app.name, "*") if name in force), "COMPLETE")


def _set_up(run: Run, settings: dict[str, object]) -> None:
    """Read `settings` into the run."""
    config = reading.part(settings, "runtime_config")
    tags = settings.get("tags")
    if tags is not None:
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise HTTPException(400, "settings.tags must be a list of strings")
        if len("".join(tags)) > MAX_TAGS:
            raise HTTPException(400, f"settings.tags have more than {MAX_TAGS} characters together")
        run.tags = tags
    run.custom = reading.part(reading.part(settings, "keys"), "custom")
    run.passwords = reading.texts(reading.part(reading.part(config, "instabase"), "pdf"), "passwords")
    run.make_pdf = config.get("generate_post_process_pdf") is True


def _let_go_on(run: Run, knobs: Knobs, now: float) -> None:
    end = run.started + run.duration_s
    if run.fate not in WAITING or run.released is not None or now < end:
        return
    if "*" in knobs.release or run.id in knobs.release:
        run.released = now
    elif knobs.review_s is not None and now >= end + knobs.review_s:
        run.released = end + knobs.review_s


def _wanted(request: Request, shown: dict[str, object], run: Run) -> bool:
    """Tell whether a run passes the filters of the list; a filter that is not given passes all."""
    asked = request.query_params
    facts: dict[str, object] = {
        "app_id": run.app.id,
        "app_name": run.app.name,
        "deployment_id": run.deployment_id,
        "username": USER,
        "run_id": run.id,
        "status": shown["status"],
        "output_workspaces": run.workspace,
    }
    return all(fact in asked.getlist(name) for name, fact in facts.items() if asked.getlist(name))


def _ns(seconds: float) -> int:
    return int(seconds * 1_000_000_000)
