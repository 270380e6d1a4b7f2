"""A job API of nobody, with one fault at a time, and its manifest."""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

POLLS = 3
"""A job is done when it was asked for so often."""

MANIFEST = """\
apiVersion: runner/v1
kind: Platform
name: acme
connection:
  fields: {base_url: {type: string, required: true}}
targets:
  keyed:
    capabilities: {find: key, cancel: true}
    submit: &submit
      call: {post: /jobs, json: {key: "{{ job.key }}", item: "{{ item.id }}"}}
      id: "{{ response.id }}"
    poll: &poll
      call: {get: "/jobs/{{ job.id }}"}
      status: "{{ response.status }}"
      states: {running: [running], succeeded: [done], cancelled: [cancelled]}
    results: &results
      call: {get: "/jobs/{{ job.id }}/results"}
      each: "{{ response.results }}"
      item: "{{ found.item }}"
      result: "{{ found }}"
    cancel: &cancel
      call: {post: "/jobs/{{ job.id }}/cancel"}
  listed:
    capabilities: {find: exact, cancel: true}
    submit: *submit
    find:
      call: {get: /jobs}
      each: "{{ response.jobs }}"
      match: "{{ found.key == job.key }}"
      id: "{{ found.id }}"
      visible_within: 3s
      complete: true
    poll: *poll
    results: *results
    cancel: *cancel
"""


@dataclass
class Job:
    id: str
    key: str
    item: str
    polls: int = 0
    is_cancelled: bool = False


@dataclass
class Acme:
    """The platform; `fault` names the promise that it breaks."""

    fault: str = ""
    jobs: dict[str, Job] = field(default_factory=dict)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/jobs", self.submit, methods=["POST"]),
                Route("/jobs", self.index),
                Route("/jobs/{id}", self.show),
                Route("/jobs/{id}/results", self.results),
                Route("/jobs/{id}/cancel", self.cancel, methods=["POST"]),
            ]
        )

    async def submit(self, request: Request) -> JSONResponse:
        sent = await request.json()
        known = next((job for job in self.jobs.values() if job.key == sent["key"]), None)
        if known is None or self.fault == "forgets keys":
            known = Job(f"job-{len(self.jobs)}", sent["key"], sent["item"])
            self.jobs[known.id] = known
        return JSONResponse({"id": known.id})

    async def index(self, request: Request) -> JSONResponse:
        shown = [] if self.fault == "hides jobs" else self.jobs.values()
        return JSONResponse({"jobs": [{"id": job.id, "key": job.key} for job in shown]})

    async def show(self, request: Request) -> JSONResponse:
        job = self.jobs.get(request.path_params["id"])
        if job is None:
            return JSONResponse({"status": "running"}, 200 if self.fault == "knows strangers" else 404)
        job.polls += 1
        done = "done" if job.polls >= POLLS else "running"
        return JSONResponse({"status": "cancelled" if job.is_cancelled else done})

    async def results(self, request: Request) -> JSONResponse:
        items = [self.jobs[request.path_params["id"]].item]
        if self.fault == "brings strangers":
            items.append("stranger")
        return JSONResponse({"results": [{"item": item} for item in items]})

    async def cancel(self, request: Request) -> JSONResponse:
        self.jobs[request.path_params["id"]].is_cancelled = self.fault != "cancels in vain"
        return JSONResponse({})
