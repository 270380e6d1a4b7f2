"""Label Studio's manifest over its emulator in the process, on a clock that jumps when it is slept on."""

import asyncio
from random import Random

import httpx

from runner.emulators.label_studio import create
from runner.model.item import Record
from runner.model.secret import Secret
from runner.platforms import Catalog, connect
from tests.platforms.made import PLACE, done, item, job
from tests.transport.doubles import Ticks

PROMPT = {"prompt": 1, "version": 7}
TOKEN = "emulator"
MANIFEST = Catalog().manifest("label_studio")


class Studio:
    """One emulator with its connection."""

    def __init__(self, token=TOKEN, **knobs):
        self.clock = Ticks()
        self.app = create(clock=self.clock.now, token=TOKEN, **{"task_s": 0.0, **knobs})
        self.desk, self.site = self.app.state.desk, self.app.state.site
        fields = {"base_url": "http://studio.test", "token": Secret(token), "allow_hosts": ["studio.test"]}
        transport = httpx.ASGITransport(self.app)
        self.connection = connect(MANIFEST, fields, clock=self.clock, rng=Random(1), transport=transport)

    def source(self, **options):
        return self.connection.source("tasks", {"project": 3, **options}, PLACE)

    def target(self, subset=None, skip="succeeded", **options):
        return self.connection.target("prompt", {**PROMPT, **options}, PLACE, subset=subset, skip=skip)

    def sink(self, kind, folder, **options):
        return self.connection.sink(kind, {"project": 3, **options}, PLACE_IN(folder))

    def items(self, **options):
        """All items of a source."""
        return asyncio.run(self.read(**options))

    async def read(self, **options):
        return [one for batch in [batch async for batch in self.source(**options).read()] for one in batch.items]

    def done(self, items, subset=None, skip="succeeded", **options):
        """A whole job over items; gives the last state and the results by key."""
        return asyncio.run(done(self.target(subset, skip, **options), job(*items)))

    @property
    def runs(self):
        return list(self.site.store.runs.values())

    @property
    def paid(self):
        """How often each task was accepted by a run of version 7."""
        return {int(name.split()[-1]): times for name, times in self.desk.submits.items() if "version 7 " in name}

    def said(self, version):
        """Task to the predictions that stand under a model version."""
        tasks = self.site.store.projects[3].tasks.values()
        return {
            task.id: [p.result for p in task.predictions.values() if p.model_version == version]
            for task in tasks
            if any(p.model_version == version for p in task.predictions.values())
        }


def PLACE_IN(folder):
    return type(PLACE)(folder, folder / ".runner", Ticks())


def with_truth(items):
    return [one for one in items if one.value["ground_truth"] is not None]


def task(number, **value):
    """An item that is a task, as the source makes it."""
    return item(str(number), {"id": number, "project": 3, **value})


def row(number, label="billing", **more):
    """A record of a prediction."""
    region = {"from_name": "intent", "to_name": "text", "type": "choices", "value": {"choices": [label]}}
    return Record(str(number), {"task": number, "result": [region], **more}, item={"id": number})
