import asyncio
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from runner.ledger import open_ledger
from runner.model.errors import LedgerError
from runner.model.event import ItemsDone, JobAccepted, JobIntended
from runner.model.item import Result
from tests.contracts.ledger import HOLDER, SCOPE, Desk, DurableContract, LedgerContract, StillClock, item


class TestContract(LedgerContract, DurableContract):
    def opener(self, tmp_path):
        self.folder = tmp_path
        return lambda: open_ledger(f"sqlite:{tmp_path}/state/ledger.db", clock=StillClock())


def use(path, work=None):
    """Open the ledger, do some work with a desk, close it; return what the work gave."""

    async def whole():
        ledger = open_ledger(str(path), clock=StillClock())
        try:
            desk = Desk(ledger, await ledger.acquire("recipe", HOLDER, 1e9 * len(str(path)), 0.0))
            return await (work or filled)(desk)
        finally:
            await ledger.close()

    return asyncio.run(whole())


async def filled(desk):
    await desk.select(*(item(f"k{n}", text="x" * 500) for n in range(50)))


async def regressed(desk):
    return await desk.ledger.regressed(SCOPE)


def test_a_ledger_that_is_only_read_refuses_every_write(tmp_path):
    path = tmp_path / "ledger.db"
    use(path)

    async def read():
        ledger = open_ledger(str(path), clock=StillClock(), is_read_only=True)
        try:
            assert await ledger.scopes() == [SCOPE]
            with pytest.raises(LedgerError, match="opened read-only"):
                await ledger.acquire("recipe", HOLDER, 1e12, 60.0)
        finally:
            await ledger.close()

    asyncio.run(read())


def test_reading_makes_no_file(tmp_path):
    path = tmp_path / "state" / "ledger.db"

    async def read():
        ledger = open_ledger(str(path), clock=StillClock())
        assert await ledger.counts(SCOPE) == {}
        assert (await ledger.standings(SCOPE, "w", [item("a")]))[0].seen == "never"
        await ledger.close()

    asyncio.run(read())
    assert not path.parent.exists()


def test_files_are_for_their_owner_only(tmp_path):
    path = tmp_path / "state" / "ledger.db"

    async def look(desk):
        await filled(desk)
        return {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}

    modes = use(path, look)
    assert set(modes) == {"ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db.serial"}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_intents_are_synced_and_the_log_is_written_ahead(tmp_path):
    path = tmp_path / "ledger.db"

    async def pragmas(desk):
        connection = desk.ledger._database.write()
        return [connection._raw.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]

    assert use(path, pragmas) == ["wal", 2]


def test_selecting_between_intents_leaves_them_synced(tmp_path):
    async def synchronous(desk):
        await filled(desk)
        await desk.record(JobIntended("j", 1, [], 1.0))
        return desk.ledger._database.write()._raw.execute("PRAGMA synchronous").fetchone()[0]

    assert use(tmp_path / "ledger.db", synchronous) == 2


def test_what_goes_wrong_behind_a_batch_is_raised_by_the_next(tmp_path):
    async def fail(desk):
        await filled(desk)
        desk.ledger._database.write()._raw.execute("PRAGMA max_page_count = 1")
        await desk.ledger.select(SCOPE, desk.lease, "w1", 0, [item("a", text="x" * 100_000)])
        for _ in range(2):
            with pytest.raises(LedgerError, match="full"):
                await desk.ledger.select(SCOPE, desk.lease, "w1", 1, [item("b")])
        with pytest.raises(LedgerError, match="full"):
            await desk.ledger.finish_selection(SCOPE, desk.lease, 1, {})
        return len(await desk.keys())

    assert use(tmp_path / "ledger.db", fail) == 50


def test_planning_goes_on_while_another_writes(tmp_path):
    path = tmp_path / "ledger.db"
    use(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE item SET status = 'held'")

        async def read():
            ledger = open_ledger(str(path), clock=StillClock())
            counts = await ledger.counts(SCOPE)
            await ledger.close()
            return counts

        assert asyncio.run(read()) == {"new": 50}
        other.execute("ROLLBACK")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: b"", "is empty"),
        (lambda data: b"hello, world\n" * 99, "is not a SQLite database"),
        (lambda data: data[:5000], "is damaged"),
        (lambda data: data[: len(data) // 2], "is damaged"),
        (lambda data: data[:4096] + bytes(len(data) - 4096), "is damaged"),
        (lambda data: data[:8192] + bytes(range(256)) * 32 + data[16384:], "is damaged"),
    ],
    ids=["empty", "text", "head-only", "half", "zeros", "noise"],
)
def test_a_damaged_file_is_refused_and_left_alone(tmp_path, damage, said):
    path = tmp_path / "ledger.db"
    use(path)
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)
    with pytest.raises(LedgerError, match=said) as error:
        use(path)
    assert "restore it from a copy" in error.value.mend
    assert path.read_bytes() == damaged


def test_a_strange_database_is_refused(tmp_path):
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as other:
        other.execute("CREATE TABLE t (a)")
    with pytest.raises(LedgerError, match="not a ledger of this program"):
        use(tmp_path / "ledger.db")


def test_a_newer_ledger_is_refused(tmp_path):
    path = tmp_path / "ledger.db"
    use(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE ledger SET schema_version = 99")
    with pytest.raises(LedgerError, match=r"written by a newer runner \(schema 99, this one knows [0-9]+\)") as error:
        use(path)
    assert "update runner" in error.value.mend


def test_a_log_without_its_ledger_is_not_begun_anew(tmp_path):
    (tmp_path / "ledger.db-wal").write_bytes(b"left over")
    with pytest.raises(LedgerError, match=r"is gone, but its write-ahead log .*ledger.db-wal is still there"):
        use(tmp_path / "ledger.db")


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(LedgerError, match="cannot be created: File exists"):
        use(tmp_path / "file" / "ledger.db")


def test_a_job_of_an_older_runner_may_be_on_any_connection(tmp_path):
    path = tmp_path / "ledger.db"

    async def accept(desk):
        await desk.record(JobIntended("j", 1, [], 1.0, sent=True, connection="x"), JobAccepted("j", "r", 2.0))
        await desk.record(JobIntended("k", 1, [], 1.0, sent=True, connection="x"))

    async def known(desk):
        ids = await desk.ledger.jobs_with_ids("shop", ["r"])
        return [job for _, job in ids.get("r", [])], [job for _, job, _ in await desk.ledger.jobs_without_id("shop")]

    use(path, accept)
    assert use(path, known) == ([], [])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE job SET connection = NULL")
    assert use(path, known) == (["j"], ["k"])


class TestSerial:
    """The counter beside the ledger."""

    def test_a_healthy_ledger_has_not_regressed(self, tmp_path):
        path = tmp_path / "ledger.db"
        assert [use(path, regressed) for _ in range(3)] == ["", "", ""]

    def test_a_deleted_ledger_is_noticed_until_it_was_reconciled(self, tmp_path):
        path = tmp_path / "ledger.db"
        use(path)
        path.unlink()
        assert "was deleted after" in use(path, regressed)

        async def reconcile(desk):
            await desk.ledger.reconciled(SCOPE, desk.lease)
            return await regressed(desk)

        assert "was deleted after" in use(path, regressed)
        assert (use(path, reconcile), use(path, regressed)) == ("", "")

    def test_a_ledger_of_yesterday_is_noticed_before_any_write(self, tmp_path):
        path = tmp_path / "ledger.db"
        use(path)
        yesterday = path.read_bytes()
        use(path)
        path.write_bytes(yesterday)

        async def read():
            ledger = open_ledger(str(path), clock=StillClock())
            reason = await ledger.regressed(SCOPE)
            await ledger.close()
            return reason

        assert "went back in time" in asyncio.run(read())
        assert "went back in time" in use(path, regressed)

    def test_what_is_lost_is_younger_than_what_is_there(self, tmp_path):
        path, times = tmp_path / "ledger.db", []

        async def write(at):
            clock = StillClock()
            clock.now = lambda: at
            ledger = open_ledger(str(path), clock=clock)
            await ledger.release(await ledger.acquire("recipe", HOLDER, at, 60.0))
            times.append(await ledger.complete_until(SCOPE))
            await ledger.close()

        asyncio.run(write(1000.0))
        older = path.read_bytes()
        asyncio.run(write(2000.0))
        path.write_bytes(older)
        asyncio.run(write(3000.0))
        assert times == [None, None, 1000.0]

    def test_another_ledger_is_noticed(self, tmp_path):
        use(tmp_path / "a.db")
        use(tmp_path / "b.db")
        (tmp_path / "b.db").replace(tmp_path / "a.db")
        assert "was replaced by another one" in use(tmp_path / "a.db", regressed)

    def test_a_damaged_counter_is_noticed(self, tmp_path):
        use(tmp_path / "ledger.db")
        (tmp_path / "ledger.db.serial").write_text("7\n")
        assert "ledger.db.serial is damaged" in use(tmp_path / "ledger.db", regressed)

    def test_a_log_that_lost_its_end_is_noticed(self, tmp_path):
        path = tmp_path / "ledger.db"
        killed(path, "await desk.record(*[JobIntended(f'j{n}', 1, [], 1.0) for n in range(9)])")
        log = Path(f"{path}-wal")
        log.write_bytes(log.read_bytes()[:-4096])
        assert "went back in time" in use(path, regressed)


def killed(path, work):
    """Do some work in a process that dies by SIGKILL without closing anything."""
    script = f"""
import asyncio, os, signal
from runner.ledger import open_ledger
from runner.model.event import JobIntended
from tests.contracts.ledger import *
async def main():
    ledger = open_ledger({str(path)!r}, clock=StillClock())
    desk = Desk(ledger, await ledger.acquire("recipe", HOLDER, 0.0, 60.0))
    {work}
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL


def test_what_was_recorded_survives_sigkill(tmp_path):
    path = tmp_path / "ledger.db"
    killed(path, "await desk.select('a'); await desk.record(JobIntended('j', 1, [1], 1.0, sent=True))")

    async def look(desk):
        return await desk.statuses(), [row.job for row in await desk.rows()], await regressed(desk)

    assert use(path, look) == ({"a": "in_job"}, ["j"], "")


def test_a_full_disk_stops_all_writing(tmp_path):
    async def fill(desk):
        (standing, *_), _ = await desk.select("a")
        await desk.record(JobIntended("j", 1, [standing.id], 1.0, sent=True))
        desk.ledger._database.write()._raw.execute("PRAGMA max_page_count = 60")
        with pytest.raises(LedgerError, match=r"ledger.db cannot be written: .*full \(\d+ bytes free") as error:
            await desk.record(ItemsDone("j", [Result("a", "x" * 1_000_000)], 2.0))
        assert "make room" in error.value.mend
        with pytest.raises(LedgerError, match="cannot be written"):
            await desk.record(JobIntended("k", 1, [], 1.0))
        return await desk.statuses()

    assert use(tmp_path / "ledger.db", fill) == {"a": "in_job"}

    async def go_on(desk):
        await desk.record(ItemsDone("j", [Result("a", "small")], 2.0))
        return await desk.statuses()

    assert use(tmp_path / "ledger.db", go_on) == {"a": "succeeded"}


@pytest.mark.parametrize("kib", [4, 40, 160, 400, 800])
def test_a_file_that_may_not_grow_says_so(tmp_path, kib):
    async def fill(desk):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (kib * 1024, hard))
        try:
            with pytest.raises(LedgerError, match=r"cannot be (written|created)"):
                for n in range(2000):
                    await desk.record(*(JobIntended(f"j{n}-{k}", 1, [], 1.0) for k in range(20)))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, ignored)

    use(tmp_path / "ledger.db", fill)

    async def whole(desk):
        return len(await desk.rows()) % 20, await regressed(desk)

    assert use(tmp_path / "ledger.db", whole) == (0, "")


def test_nothing_is_half_written_when_any_statement_fails(tmp_path):
    """Fail the Nth statement of the group, for every N."""

    async def fail(desk):
        (standing,), _ = await desk.select("a")
        connection = desk.ledger._database.write()
        genuine, left = connection.fetch, 0

        def failing(*arguments, **values):
            nonlocal left
            left -= 1
            if left == 0:
                raise LedgerError("no")
            return genuine(*arguments, **values)

        connection.fetch = failing
        for n in range(1, 40):
            left = n
            try:
                await desk.record(JobIntended("j", 1, [standing.id], 1.0), ItemsDone("j", [Result("a", 1)], 2.0))
            except LedgerError as error:
                assert str(error) == "no"
                left = 0
                assert (await desk.statuses(), await desk.rows()) == ({"a": "new"}, [])
                continue
            break
        assert n > 8
        return await desk.statuses()

    assert use(tmp_path / "ledger.db", fail) == {"a": "succeeded"}


def test_another_process_that_comes_and_goes_leaves_the_log_alone(tmp_path):
    """All connections of a process lose their locks when anything else in it opens and closes the file."""
    path = tmp_path / "ledger.db"
    visit = (
        f"import sqlite3; c = sqlite3.connect({str(path)!r}); c.execute('SELECT * FROM ledger').fetchall(); c.close()"
    )

    async def use():
        ledger = open_ledger(str(path), clock=StillClock())
        desk = Desk(ledger, await ledger.acquire("recipe", {}, 0.0, 60.0))
        await desk.select("a")
        before = path.with_name("ledger.db-wal").stat().st_ino
        await asyncio.to_thread(subprocess.run, [sys.executable, "-c", visit], check=True)
        assert path.with_name("ledger.db-wal").stat().st_ino == before
        await desk.select("a", "b")
        await ledger.close()

    asyncio.run(use())


class TestInstance:
    def test_it_is_that_of_one_ledger_for_ever(self, tmp_path):
        async def instance(desk):
            return await desk.ledger.instance()

        first, again = (use(tmp_path / "a.db", instance) for _ in range(2))
        assert (first == again, first != use(tmp_path / "b.db", instance)) == (True, True)

    def test_a_ledger_that_is_not_there_has_none(self, tmp_path):
        async def instance():
            ledger = open_ledger(str(tmp_path / "none.db"), clock=StillClock())
            try:
                return await ledger.instance()
            finally:
                await ledger.close()

        assert asyncio.run(instance()) == ""
