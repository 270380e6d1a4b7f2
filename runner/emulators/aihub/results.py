"""Results of a run, page by page, with as much detail as the flags ask for."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from runner.emulators.aihub import reading
from runner.emulators.aihub.apps import ERROR, Field
from runner.emulators.aihub.knobs import Knobs
from runner.emulators.aihub.pages import cut_pdf, is_pdf
from runner.emulators.aihub.runs import Runs, message_of
from runner.emulators.aihub.store import WAITING, Run, Store
from runner.emulators.desk import Desk

FLAGS = ("confidence_scores", "source_info", "review_results", "validation_results")
ALL = "*"

Shown = dict[str, object]


class Results:
    """Answers `/v2/apps/runs/{id}/results`."""

    def __init__(self, desk: Desk[Knobs], store: Store, runs: Runs) -> None:
        self._desk, self._store, self._runs = desk, store, runs

    def routes(self) -> list[BaseRoute]:
        """List the routes."""
        return [Route("/v2/apps/runs/{run_id}/results", self.get, methods=["GET"])]

    async def get(self, request: Request) -> Response:
        """Show one page of results; files come by name."""
        knobs, run = self._desk.knobs, self._store.run(request.path_params["run_id"])
        flags = {flag for flag in FLAGS if reading.asked_flag(request, f"include_{flag}", default=False)}
        start = reading.asked_number(request, "file_offset", 0)
        shown = self._runs.shown(run)
        status = str(shown["status"])
        if status == "RUNNING":
            raise HTTPException(knobs.running_results_status, f"run {run.id} is still running")
        names = _names(run, knobs) if status == "COMPLETE" or status in WAITING else []
        page = [] if knobs.stuck_pages and start else names[start : start + knobs.page_size]
        more = start + len(page) < len(names) or (knobs.stuck_pages and bool(start))
        files = [await self._file(run, name, flags) for name in page]
        return JSONResponse(
            {
                "id": run.id,
                "status": status,
                knobs.message_field: message_of(status),
                "start_timestamp": shown["start_timestamp"],
                "finish_timestamp": shown["finish_timestamp"],
                "batch_id": None if run.batch_id is None else str(run.batch_id),
                "files": files,
                "keys": {"custom": run.custom},
                "case_info": {"fields": []},
                "review_completed": run.released is not None,
                "has_more": more,
            }
        )

    async def _file(self, run: Run, name: str, flags: set[str]) -> Shown:
        content, password = run.files[name].content, run.passwords.get(name, "")
        if name not in run.documents:
            # Reading a long PDF takes its time; others are answered meanwhile.
            run.documents[name] = await asyncio.to_thread(run.app.read, run.version, content, password)
        documents = run.documents[name]
        if "source_info" in flags:
            for number, document in enumerate(documents):
                self._store.write(_output(run, name, number, "txt"), "\f".join(document.pages).encode())
                if run.make_pdf and is_pdf(content) and document.page_numbers:
                    pdf = await asyncio.to_thread(cut_pdf, content, document.page_numbers, password)
                    self._store.write(_output(run, name, number, "pdf"), pdf)
        return {
            "original_file_name": name,
            "input_file_path": f"{run.output_dir}/input/{name}",
            "documents": [self._document(run, name, number, flags) for number in range(len(documents))],
        }

    def _document(self, run: Run, name: str, number: int, flags: set[str]) -> Shown:
        document = run.documents[name][number]
        forced = {
            field
            for key, fields in (self._desk.knobs.error_fields or {}).items()
            if key in (ALL, name)
            for field in fields
        }
        fields = [
            Field(field.name, ERROR, "the emulator was told to fail this field") if field.name in forced else field
            for field in document.fields
        ]
        shown: Shown = {
            "class_name": document.class_name,
            "page_numbers": document.page_numbers,
            "fields": [_field(field, flags) for field in fields],
        }
        if "confidence_scores" in flags:
            shown["classification_confidence"] = {"model": 1.0 if document.class_name else None}
        if "source_info" in flags:
            shown["page_layouts"] = [_layout(*page) for page in zip(document.page_numbers, document.pages, strict=True)]
            shown["post_processed_paths"] = [_output(run, name, number, "txt")]
            pdf = _output(run, name, number, "pdf")
            shown["post_processed_pdf_path"] = pdf if self._store.read(pdf) else None
        if "review_results" in flags:
            shown |= {"review_completed": run.released is not None, "class_edit_history": []}
        if "validation_results" in flags:
            shown["validations"] = {"final_result_pass": all(field.value != ERROR for field in fields)}
        return shown


def _names(run: Run, knobs: Knobs) -> list[str]:
    twice = set(knobs.duplicate_files)
    kept = [name for name in sorted(run.files) if name not in knobs.missing_files]
    return [name for name in kept for _ in range(2 if name in twice else 1)]


def _output(run: Run, name: str, number: int, ending: str) -> str:
    return f"{run.output_dir}/output/{name}.{number + 1}.{ending}"


def _field(field: Field, flags: set[str]) -> Shown:
    good = field.value != ERROR
    shown: Shown = {"field_name": field.name, "value": field.value, "type": "TEXT", "error_msg": field.error}
    if "confidence_scores" in flags:
        # Rules find a field or do not; nothing was read by OCR.
        shown["confidence"] = {"model": 1.0 if good else 0.0, "ocr": None}
    if "source_info" in flags:
        shown["source_coordinates"] = _coordinates(field)
    if "review_results" in flags:
        shown["edit_history"] = []
    if "validation_results" in flags:
        alert: Shown = {
            "alert_level": "FAILURE",
            "msg": field.error,
            "blocked": True,
            "type": "extraction",
            "locations": [],
        }
        shown["validations"] = {"valid": good, "alerts": [] if good else [alert]}
    return shown


def _coordinates(field: Field) -> list[Shown]:
    """Show where a value stands, in characters and lines of its page."""
    place = field.place
    if place is None:
        return []
    box = {"top_x": place.start, "top_y": place.line, "bottom_x": place.end, "bottom_y": place.line + 1}
    return [{**box, "page_number": place.page}]


def _layout(number: int, page: str) -> Shown:
    lines = page.split("\n")
    return {"page_number": number - 1, "width": max(map(len, lines)), "height": len(lines)}
