"""A project whose items have all been done, made without a platform: `python -m tests.benchmarks.done FOLDER ITEMS`.

The lines stand in `data.jsonl`, 300 bytes each; the ledger is written through the engine's own selection and the
ledger's own events, a thousand items a job, so it is what an apply leaves behind.
"""

from __future__ import annotations

import asyncio
import os
import sys
from itertools import batched
from pathlib import Path

from runner.assembly.loading import load_files
from runner.assembly.session import open_session
from runner.engine.publish import publish
from runner.engine.select import select_all
from runner.engine.work import Work
from runner.model.event import ItemsDone, JobAccepted, JobIntended, JobPolled, JobSettled
from runner.model.item import Item, Result
from runner.model.job import JobStatus
from runner.model.ledger import ItemStatus, Lease

LINE_BYTES = 300
RECIPE = """\
apiVersion: runner/v1
kind: Recipe
name: tickets
source:
  jsonl: {path: data.jsonl, key: id}
target:
  command: {argv: [cat], items_per_job: 1000}
sinks:
  - jsonl: {path: out/tickets.jsonl}
"""
