import asyncio
from functools import partial
from itertools import count

import pytest

from runner.cli.exits import Exit
from runner.cli.failures import code_of
from runner.ledger import open_ledger
from runner.ledger.database import transaction
from runner.ledger.reconnect import Reconnector
from runner.ledger.store import SqlLedger
from runner.model.errors import ConfigError, LeaseHeld, LedgerError, LedgerUnavailable
from runner.model.event import JobIntended
from runner.model.repeat import LISTENER
from tests.contracts.ledger import HOLDER, SCOPE, Desk, DurableContract, LedgerContract, StillClock, item
from tests.ledger.server import running
from tests.ledger.test_copying import round_trip

psycopg = pytest.importorskip("psycopg", reason="the Postgres driver is not installed (pip install -e '.[postgres]')")
PostgresDatabase = pytest.importorskip("runner.ledger.postgres").PostgresDatabase
read_only = pytest.importorskip("runner.ledger.postgres").read_only
NUMBERS = count()


@pytest.fixture(scope="module")
def server():
    with running() as server:
        yield server


@pytest.fixture
def url(server):
    """A database of its own for each test."""
    name = f"test{next(NUMBERS)}"
    with psycopg.connect(server.url.format("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.url.format(name)


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


def test_a_ledger_that_is_only_read_refuses_every_write(url):
    use(url, Desk.select)

    async def read():
        ledger = open_ledger(url, clock=StillClock(), is_read_only=True)
        try:
            assert await ledger.scopes() == [SCOPE]
            with pytest.raises(LedgerError, match="opened read-only"):
                await ledger.acquire("recipe", HOLDER, 100.0, 60.0)
        finally:
            await ledger.close()

    asyncio.run(read())
    with psycopg.connect(read_only(url)) as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("UPDATE runner.ledger SET schema_version = 99")


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


CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)


def command(url, *commands):
    """Run commands; return the rows of the last one that has some."""
    rows = []
    with psycopg.connect(url, autocommit=True) as connection:
        for each in commands:
            cursor = connection.execute(each)
            rows = cursor.fetchall() if cursor.description else rows
    return rows


class TestRestart:
    """A server that goes away for a while."""

    def ride(self, url, work, pause=lambda delay_s: None, seconds=90.0):
        """Do some work with a ledger whose pauses take no time but what `pause` does in them."""
        self.waited = 0.0

        def wait(delay_s):
            self.waited += delay_s
            pause(delay_s)

        async def whole():
            reconnector = Reconnector(seconds, monotonic=lambda: self.waited, pause=wait)
            self.ledger = ledger = SqlLedger(PostgresDatabase(url, clock=StillClock(), reconnector=reconnector))
            desk = Desk(ledger, await ledger.acquire("recipe", HOLDER, 1.0, 60.0))
            try:
                return await work(desk)
            finally:
                await ledger.close()

        return asyncio.run(whole())

    def test_a_cut_connection_is_opened_again(self, url):
        async def cut(desk):
            await desk.select("a")
            for number in range(3):
                command(url, CUT)
                await desk.record(JobIntended(f"j{number}", 1, [], 1.0))
                command(url, CUT)
                assert await desk.keys() == ["a"]
            return [row.job for row in await desk.rows()]

        assert self.ride(url, cut) == ["j0", "j1", "j2"]

    @pytest.mark.parametrize("mode", ["fast", "immediate"])
    def test_a_restart_is_ridden_out(self, server, url, mode):
        async def restart(desk):
            await desk.select("a")
            LISTENER.set(told.append)
            server.stop(mode)
            await asyncio.gather(*(desk.record(JobIntended(f"j{number}", 1, [], 1.0)) for number in range(9)))
            return sorted(row.job for row in await desk.rows())

        told, starts = [], iter([lambda: None, lambda: None, server.start])
        found = self.ride(url, restart, pause=lambda _: next(starts, lambda: None)())
        assert (found, self.waited > 0.0) == ([f"j{number}" for number in range(9)], True)
        assert "cannot be reached" in told[0]

    def test_a_server_that_stays_away_ends_the_apply_resumable(self, server, url):
        async def lose(desk):
            server.stop("fast")
            try:
                with pytest.raises(LedgerUnavailable, match="cannot be reached") as error:
                    await desk.record(JobIntended("j", 1, [], 1.0))
                with pytest.raises(LedgerUnavailable):
                    await desk.ledger.renew(desk.lease, 2.0, 60.0)
                return code_of(error.value)
            finally:
                server.start()

        assert (self.ride(url, lose), 90.0 <= self.waited < 93.0) == (Exit.LOGIN, True)

    def test_who_wants_to_end_does_not_wait_for_a_server_that_is_away(self, server, url):
        async def lose(desk):
            server.stop("fast")
            try:
                with pytest.raises(LedgerUnavailable):
                    await desk.record(JobIntended("j", 1, [], 1.0))
            finally:
                server.start()
            return self.waited

        hurried = iter([lambda: None, lambda: self.ledger.hurry()])
        assert self.ride(url, lose, pause=lambda _: next(hurried, lambda: None)()) < 5.0

    def test_a_commit_whose_answer_is_lost_is_done_once(self, server, url):
        """The server waits for a standby that is not there, after it has committed; then the connection is cut."""
        admin = server.url.format("postgres")
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'runner'"

        def waits(written):
            while not written.done():
                if command(admin, waiting):
                    return True
            return False

        async def lose(desk):
            ((before,),) = command(url, "SELECT serial FROM runner.lease")
            command(admin, "ALTER SYSTEM SET synchronous_standby_names = 'none'", "SELECT pg_reload_conf()")
            for number in count(1):  # some commits pass before the server has read its settings again
                written = asyncio.ensure_future(desk.record(JobIntended(f"j{number}", 1, [], 1.0)))
                if await asyncio.to_thread(waits, written):
                    break
            command(admin, "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
            command(url, CUT)
            await written
            ((after,),) = command(url, "SELECT serial FROM runner.lease")
            return len(await desk.rows()) - number, after - before - number

        assert self.ride(url, lose) == (0, 0)

    def test_a_transaction_that_was_cut_off_is_done_again(self, url):
        async def abort(desk):
            await desk.select("a")
            cut = "IF nextval('runner.cuts') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF"
            body = f"RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {cut}; RETURN NULL; END $$"
            command(
                url,
                "CREATE SEQUENCE runner.cuts",
                f"CREATE FUNCTION runner.cut() {body}",
                "CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON runner.job DEFERRABLE INITIALLY DEFERRED"
                " FOR EACH ROW EXECUTE FUNCTION runner.cut()",
            )
            await desk.record(JobIntended("j", 1, [], 1.0))
            return [row.job for row in await desk.rows()], command(url, "SELECT last_value FROM runner.cuts")

        assert self.ride(url, abort) == (["j"], [(2,)])

    def test_a_server_that_comes_back_without_the_last_writes_stops_the_apply(self, url):
        async def lose(desk):
            await desk.record(JobIntended("j", 1, [], 1.0))
            command(url, "UPDATE runner.lease SET serial = serial - 1", CUT)
            with pytest.raises(LedgerUnavailable, match="came back without the last 1 writes"):
                await desk.record(JobIntended("k", 1, [], 1.0))

        self.ride(url, lose)


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
