"""The same jobs as a declarative source of the Airbyte CDK: a manifest with an AsyncRetriever.

Runs in a virtual environment of its own: `python -m tests.benchmarks.peers.airbyte URL ITEMS OUT IN_FLIGHT`. Every
item is a partition, so many jobs may run at one time, ten threads download.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from airbyte_cdk.entrypoint import launch
from airbyte_cdk.models import ConfiguredAirbyteCatalogSerializer
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource

THREADS = 10


def requester(url: str, path: str, method: str, **more: Any) -> dict[str, Any]:
    return {"type": "HttpRequester", "url_base": url, "path": path, "http_method": method, **more}


def retriever(url: str, keys: list[str], text: str) -> dict[str, Any]:
    whole = {"type": "DpathExtractor", "field_path": []}
    job = "/jobs/{{ creation_response['id'] }}"
    return {
        "type": "AsyncRetriever",
        "partition_router": {"type": "ListPartitionRouter", "values": keys, "cursor_field": "item"},
        "creation_requester": requester(
            url, "/jobs", "POST", request_body_json={"id": "{{ stream_partition['item'] }}", "text": text}
        ),
        "polling_requester": requester(url, job, "GET"),
        "download_requester": requester(url, f"{job}/result", "GET"),
        "status_extractor": {"type": "DpathExtractor", "field_path": ["status"]},
        "status_mapping": {
            "type": "AsyncJobStatusMap",
            "running": ["queued", "running"],
            "completed": ["succeeded"],
            "failed": ["failed"],
            "timeout": ["timeout"],
        },
        "record_selector": {"type": "RecordSelector", "extractor": whole},
        "download_extractor": whole,
    }


def manifest(url: str, keys: list[str], text: str, in_flight: int) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"of": {"type": "string"}, "length": {"type": "integer"}}}
    return {
        "version": "6.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["items"]},
        "max_concurrent_async_job_count": in_flight,
        "concurrency_level": {"type": "ConcurrencyLevel", "default_concurrency": THREADS, "max_concurrency": THREADS},
        "streams": [
            {
                "type": "DeclarativeStream",
                "name": "items",
                "retriever": retriever(url, keys, text),
                "schema_loader": {"type": "InlineSchemaLoader", "schema": schema},
            }
        ],
        "spec": {"type": "Spec", "connection_specification": {"type": "object", "properties": {}}},
    }


def catalog() -> dict[str, Any]:
    stream = {"name": "items", "json_schema": {"type": "object"}, "supported_sync_modes": ["full_refresh"]}
    return {"streams": [{"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "append"}]}


def main(url: str, items: Path, out: Path, in_flight: int) -> None:
    values = [json.loads(line) for line in items.read_text().splitlines()]
    for name, value in {"config": {}, "catalog": catalog()}.items():
        Path(f"{name}.json").write_text(json.dumps(value))
    source = ConcurrentDeclarativeSource(
        source_config=manifest(url, [value["id"] for value in values], values[0]["text"], in_flight),
        config={},
        catalog=ConfiguredAirbyteCatalogSerializer.load(catalog()),
        state=None,
    )
    said = Path("said.jsonl")
    with said.open("w") as messages:
        os.dup2(messages.fileno(), sys.stdout.fileno())
        launch(source, ["read", "--config", "config.json", "--catalog", "catalog.json"])
    sys.stdout.flush()
    records = [message for line in said.read_text().splitlines() if (message := json.loads(line))["type"] == "RECORD"]
    out.write_text("".join(json.dumps(message["record"]["data"]) + "\n" for message in records))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
