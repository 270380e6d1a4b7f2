"""A connection to the Labelbox emulator over a real socket, and the records and rows that its tests need."""

import asyncio
from contextlib import asynccontextmanager
from random import Random

from runner.emulators import create
from runner.emulators.labelbox import seed
from runner.emulators.serve import serving
from runner.model.contracts import Place
from runner.platforms import Catalog, connect
from runner.transport.clock import SystemClock
from tests.platforms.made import PLACE

APP, RUN = seed.STREET_APP, seed.TICKET_RUN
STREETS, PROJECT, QUEUE = seed.STREET_DATASET, seed.STREET_PROJECT, seed.STREET_QUEUE


class Hurried(SystemClock):
    """The true time, but who waits is woken soon."""

    async def sleep(self, delay_s):
        await asyncio.sleep(min(delay_s, 0.02))


class Desk:
    """One connection and the workspace behind it."""

    def __init__(self, connection, workspace):
        self.connection, self.workspace = connection, workspace

    @property
    def counts(self):
        return self.workspace.desk.counts

    @property
    def told(self):
        """Statuses of the seeded run's training, in order."""
        return [each["status"] for each in self.workspace.runs[RUN].pipeline.told]

    def turn(self, **knobs):
        self.workspace.desk.turn(knobs)

    def app(self, **options):
        return self.connection.target("labelbox.foundry_app", {"app": APP, **options}, PLACE)

    async def rows(self, kind="data_rows", **options):
        source = self.connection.source(kind, options or {"dataset": STREETS}, PLACE)
        return [item async for batch in source.read() for item in batch.items]

    async def publish(self, kind, records, folder, **options):
        """Check a sink, write records and commit; the receipt's kept values."""
        sink = self.connection.sink(kind, options, Place(folder, folder, Hurried()))
        await sink.check()
        await sink.open()
        try:
            await sink.write(records)
            return (await sink.commit())["kept"]
        finally:
            await sink.abort()


@asynccontextmanager
async def labelbox(token="emulator", fields=None, **knobs):
    app = create("labelbox", **knobs)
    async with serving(app) as url:
        platform = Catalog().manifest("labelbox")
        connection = connect(
            platform, {**platform.emulated(url, token), **(fields or {})}, clock=Hurried(), rng=Random(1)
        )
        try:
            yield Desk(connection, app.state.workspace)
        finally:
            await connection.close()
