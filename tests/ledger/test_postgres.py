import asyncio
from functools import partial
from itertools import count

import pytest

from runner.ledger import open_ledger
from runner.ledger.database import transaction
from runner.ledger.store import SqlLedger
from runner.model.errors import ConfigError, LeaseHeld, LedgerError
from tests.contracts.ledger import HOLDER, SCOPE, Desk, DurableContract, LedgerContract, StillClock, item
from tests.ledger.server import postgres
from tests.ledger.test_copying import round_trip

psycopg = pytest.importorskip("psycopg", reason="the Postgres driver is not installed (pip install -e '.[postgres]')")
PostgresDatabase = pytest.importorskip("runner.ledger.postgres").PostgresDatabase
NUMBERS = count()


@pytest.fixture(scope="module")
def server():
    with postgres() as url:
        yield url


@pytest.fixture
def url(server):
    """A database of its own for each test."""
    name = f"test{next(NUMBERS)}"
    with psycopg.connect(server.format("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.format(name)


class TestContract(LedgerContract, DurableContract):
    @pytest.fixture(autouse=True)
    def database(self, url):
        self.url = url

    def opener(self, tmp_path):
        self.folder = tmp_path
        return lambda: SqlLedger(PostgresDatabase(self.url, clock=StillClock(), judges_leases=False))


def use(url, work):
    async def whole():
        ledger = open_ledger(url, clock=StillClock())
        try:
            return await work(Desk(ledger, await ledger.acquire("recipe", HOLDER, 1.0, 60.0)))
        finally:
            await ledger.close()

    return asyncio.run(whole())


def test_reading_makes_no_tables(url):
    async def read():
        ledger = open_ledger(url, clock=StillClock())
        assert await ledger.counts(SCOPE) == {}
        assert (await ledger.standings(SCOPE, "w", [item("a")]))[0].seen == "never"
        await ledger.close()

    asyncio.run(read())
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT to_regclass('runner.ledger')").fetchone() == (None,)


def test_a_newer_ledger_is_refused(url):
    use(url, Desk.select)
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE runner.ledger SET schema_version = 99")
    with pytest.raises(LedgerError, match=r"newer runner \(schema 99, this one knows [0-9]+\)"):
        open_ledger(url, clock=StillClock())


def test_no_server_is_told_without_the_password():
    with pytest.raises(LedgerError, match=r"ledger postgresql://me@127.0.0.1/x cannot be reached") as error:
        open_ledger("postgresql://me:geheim@127.0.0.1:1/x", clock=StillClock())
    assert "geheim" not in str(error.value) + error.value.mend


def test_intents_are_on_disk_whatever_the_server_prefers(url):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET synchronous_commit = off")

    async def show(desk):
        await desk.select("a")
        return [await desk.ledger._writer.call(partial(shown, durable)) for durable in (True, False, True)]

    def shown(durable, store):
        with transaction(store, durable=durable):
            return store._raw.execute("SHOW synchronous_commit").fetchone()[0]

    assert use(url, show) == ["on", "off", "on"]


def test_a_url_that_is_none():
    with pytest.raises(ConfigError, match="cannot be read"):
        open_ledger("postgresql://[::", clock=StillClock())


def test_a_server_that_goes_away_stops_all_writing(url):
    async def cut(desk):
        await desk.select("a")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        for _ in range(2):
            with pytest.raises(LedgerError, match="cannot be reached"):
                await desk.ledger.renew(desk.lease, 2.0, 60.0)

    use(url, cut)


@pytest.mark.parametrize("ahead_s", [0.0, 3600.0, -3600.0, 1e9])
def test_a_live_lease_is_safe_from_a_machine_whose_clock_is_wrong(url, ahead_s):
    async def rob():
        mine, theirs = (open_ledger(url, clock=StillClock()) for _ in range(2))
        now = 1_000_000_000.0
        lease = await mine.acquire("recipe", HOLDER, now, 60.0)
        with pytest.raises(LeaseHeld) as held:
            await theirs.acquire("recipe", HOLDER, now + ahead_s, 60.0)
        assert 50.0 < held.value.holder["until"] - (now + ahead_s) <= 60.0
        assert (lease.until, (await mine.renew(lease, now + 9.0, 60.0)).until) == (now + 60.0, now + 69.0)
        await mine.renew(lease, now, 0.0)
        assert (await theirs.acquire("recipe", HOLDER, now + ahead_s, 60.0)).epoch > lease.epoch
        for ledger in (mine, theirs):
            await ledger.close()

    asyncio.run(rob())


class TestSerials:
    """Counters next to the project notice that an older copy of the ledger was restored."""

    async def told(self, url, folder, *, writes=False):
        ledger = open_ledger(url, clock=StillClock(), beside=folder)
        try:
            if writes:
                await Desk(ledger, await ledger.acquire("recipe", HOLDER, 1.0, 60.0)).select("a", "b")
                await ledger.release(await ledger.acquire("recipe", HOLDER, 1e9, 60.0, dead_epoch=1))
            return await ledger.regressed(SCOPE), await ledger.complete_until(SCOPE)
        finally:
            await ledger.close()

    def lost(self, url, folder, *, writes=False):
        return asyncio.run(self.told(url, folder, writes=writes))

    def test_a_healthy_ledger_has_not_regressed(self, url, tmp_path):
        with psycopg.connect(url, autocommit=True) as connection:
            assert self.lost(url, tmp_path, writes=True) == ("", None)
            connection.execute("UPDATE runner.lease SET until = 0")
            assert self.lost(url, tmp_path) == ("", None)
            connection.execute("UPDATE runner.lease SET serial = serial + 99")  # another machine wrote
            assert self.lost(url, tmp_path) == self.lost(url, tmp_path / "other") == ("", None)

    @pytest.mark.parametrize(
        ("restored", "said", "since"),
        [
            ("UPDATE runner.lease SET serial = serial - 1, written_at = 7.0", "went back in time: 1 of ", 7.0),
            ("DELETE FROM runner.lease", "went back in time", None),
            ("UPDATE runner.ledger SET instance = repeat('a', 32)", "was replaced by another one", None),
            ("DROP SCHEMA runner CASCADE", "was deleted after ", None),
        ],
    )
    def test_an_older_ledger_is_noticed_until_it_was_reconciled(self, url, tmp_path, restored, said, since):
        self.lost(url, tmp_path, writes=True)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(restored)
        for _ in range(2):  # reading writes nothing
            reason, moment = self.lost(url, tmp_path)
            assert (said in reason, moment) == (True, since)

        async def reconcile(desk):
            before = await desk.ledger.regressed(SCOPE), await desk.ledger.complete_until(SCOPE)
            await desk.ledger.reconciled(SCOPE, desk.lease)
            return before

        async def whole():
            ledger = open_ledger(url, clock=StillClock(), beside=tmp_path)
            lease = await ledger.acquire("recipe", HOLDER, 1.0, 60.0, dead_epoch=3)
            try:
                return await reconcile(Desk(ledger, lease))
            finally:
                await ledger.close()

        reason, moment = asyncio.run(whole())
        assert (said in reason, moment) == (True, since)
        assert self.lost(url, tmp_path) == ("", None)


def test_two_make_the_tables_at_once(url):
    async def both():
        ledgers = [open_ledger(url, clock=StillClock()) for _ in range(2)]
        await asyncio.gather(*(ledger.acquire(f"r{n}", HOLDER, 1.0, 60.0) for n, ledger in enumerate(ledgers)))
        for ledger in ledgers:
            await ledger.close()

    asyncio.run(both())
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT COUNT(*) FROM runner.lease").fetchone() == (2,)


def test_a_ledger_moves_to_postgres_and_back(url, tmp_path):
    round_trip(f"{tmp_path}/a.db", url, f"{tmp_path}/b.db")
