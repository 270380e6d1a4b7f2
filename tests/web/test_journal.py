import asyncio
import os
import resource
import signal
from pathlib import Path

import pytest

from runner.model.errors import LeaseHeld, LedgerError
from runner.web.journal import NAME, Journal


def journal(folder: Path, living: list[object] | None = None, **more: int) -> Journal:
    return Journal(folder, lambda: living or [], **more)


def opened(folder: Path, living: list[object] | None = None, **more: int) -> Journal:
    made = journal(folder, living, **more)
    made.open()
    made.rewrite()
    return made


async def written(folder: Path, *batches: list[object]) -> None:
    made = opened(folder)
    for batch in batches:
        await asyncio.gather(*[made.append(line) for line in batch])
    await made.close()


def test_lines_are_there_in_their_order(tmp_path: Path) -> None:
    asyncio.run(written(tmp_path, [{"n": 1}, {"n": 2}], [{"n": 3, "lone": "\ud800"}]))
    assert journal(tmp_path).open() == [{"n": 1}, {"n": 2}, {"n": 3, "lone": "\ud800"}]


def test_it_is_nobody_elses(tmp_path: Path) -> None:
    asyncio.run(written(tmp_path / "queue", [{"n": 1}]))
    assert (tmp_path / "queue" / NAME).stat().st_mode & 0o077 == 0
    assert (tmp_path / "queue").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_torn_last_line_is_left_out(tmp_path: Path, cut: int) -> None:
    asyncio.run(written(tmp_path, [{"n": 1}, {"n": 2}]))
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes()[:-cut])
    assert journal(tmp_path).open() == [{"n": 1}]


def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path) -> None:
    asyncio.run(written(tmp_path, [{"n": 1}, {"n": 2}, {"n": 3}]))
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes().replace(b'{"n":2}', b'{"n":2\x00'))
    with pytest.raises(LedgerError, match=r"line 2 of the queue .* is damaged"):
        journal(tmp_path).open()


def test_a_second_service_is_told_who_has_it(tmp_path: Path) -> None:
    made = opened(tmp_path)
    with pytest.raises(LeaseHeld, match=f"pid {os.getpid()}"):
        journal(tmp_path).open()
    asyncio.run(made.close())
    journal(tmp_path).open()


def test_a_thousand_at_once_share_a_few_syncs(tmp_path: Path) -> None:
    async def many() -> int:
        made = opened(tmp_path)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
        await asyncio.gather(*[made.append({"n": number}) for number in range(1000)])
        await made.close()
        return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw - before

    assert asyncio.run(many()) < 500  # each sync waits for the disk at least once
    assert len(journal(tmp_path).open()) == 1000


def test_what_no_longer_counts_goes_when_it_has_grown(tmp_path: Path) -> None:
    async def grown() -> None:
        made = opened(tmp_path, [{"living": True}], grown_bytes=1000)
        for number in range(200):
            await made.append({"n": number})
        await made.close()

    asyncio.run(grown())
    assert (tmp_path / NAME).stat().st_size < 1500
    assert {"living": True} in journal(tmp_path).open()


def test_a_full_disk_refuses_the_line_and_keeps_the_others(tmp_path: Path) -> None:
    async def full() -> str:
        made = opened(tmp_path)
        await made.append({"n": 1})
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
        try:
            with pytest.raises(LedgerError, match="cannot be written"):
                await made.append({"text": "x" * 1000})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, ignored)
        await made.append({"n": 2})
        await made.close()
        return made.fault

    assert asyncio.run(full()) == ""
    assert journal(tmp_path).open() == [{"n": 1}, {"n": 2}]


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    (tmp_path / "queue").write_text("no folder")
    with pytest.raises(LedgerError, match="cannot be read"):
        journal(tmp_path / "queue").open()
