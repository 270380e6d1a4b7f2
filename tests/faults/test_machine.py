"""Faults of the machine: full disks, read-only folders, wrong clocks, damaged ledgers, vanished outputs."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.faults.torment import OVER, PAUSED, sound
from tests.faults.world import Life, World

pytestmark = pytest.mark.faults
needs_mount = pytest.mark.skipif(os.getuid() != 0, reason="only root may mount a small disk")
DAY, YEARS = 86_400, 430_000_000


@contextmanager
def small_disk(folder: Path, size: str):
    """Mount a disk of its own on a folder; gives a function that changes its options."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)
    try:
        yield lambda options: subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def is_said(life: Life) -> bool:
    """Whether a failure was told in one sentence, with a way out."""
    return life.code in (1, 3, 14) and "error" in life.err + life.out and "mend" in life.err + life.out


@needs_mount
@pytest.mark.parametrize("size_kib", [4, 16, 32, 48, 64, 96, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640])
def test_a_full_disk_under_the_ledger(tmp_path, size_kib):
    with (
        World(tmp_path, form="array", items=600, faults=0.05, seed=size_kib, per_job=10) as world,
        small_disk(tmp_path / ".runner", f"{size_kib}k") as remount,
    ):
        life = world.live()
        assert life.code in OVER or is_said(life), life
        if life.code not in OVER:
            assert "bytes free" in life.err + life.out or "cannot be created" in life.err, life
        remount("size=64m")
        world.end()
        assert sound(world.ends()) == []


@needs_mount
@pytest.mark.parametrize("size_kib", [4, 8, 16, 32])
def test_a_full_disk_under_the_sinks(tmp_path, size_kib):
    with (
        World(tmp_path, form="array", items=600, seed=size_kib) as world,
        small_disk(tmp_path / "out", f"{size_kib}k") as remount,
    ):
        life = world.live()
        assert is_said(life), life
        assert not any((tmp_path / "out").iterdir())
        remount("size=64m")
        submits = world.ends().submits
        world.end()
        ends = world.ends()
        assert (sound(ends), ends.submits) == ([], submits)


@needs_mount
@pytest.mark.parametrize("place", [".runner", "out"])
def test_a_folder_that_becomes_read_only(tmp_path, place):
    with (
        World(tmp_path, form="array", items=100, seed=3) as world,
        small_disk(tmp_path / place, "64m") as remount,
    ):
        assert world.live(FAULTS_DIE_AT="20").was_killed
        remount("ro")
        before = world.server.audit()["accepted"]
        life = world.live()
        assert is_said(life), life
        if place == ".runner":
            assert world.server.audit()["accepted"] == before
        remount("rw")
        world.end()
        assert sound(world.ends()) == []


@pytest.mark.parametrize("jump_s", [-DAY, -3600, 3600, DAY, YEARS, -YEARS])
@pytest.mark.parametrize("form", ["found", "array"])
def test_a_clock_that_jumps_and_deaths_around_it(tmp_path, form, jump_s):
    with World(tmp_path, form=form, items=40, faults=0.25, seed=abs(jump_s) % 97, per_job=4, in_flight=6) as world:
        chance = Random(f"{form} {jump_s}")
        for _ in range(3):
            jump: dict[str, Any] = {"FAULTS_CLOCK": str(jump_s), "FAULTS_CLOCK_AFTER": str(chance.randrange(80))}
            life = world.live(FAULTS_DIE_AT=str(chance.randrange(20, 250)), **jump)
            assert life.was_killed or life.code in (*OVER, *PAUSED), life
        for _ in range(20):
            if world.live(FAULTS_CLOCK=str(jump_s)).code in OVER:
                break
        world.end()
        assert sound(world.ends()) == []


def test_outputs_that_vanish_are_written_again_for_nothing(tmp_path):
    with World(tmp_path, form="array", items=100, seed=3) as world:
        world.live()
        before, submits = world.sinks(), world.ends().submits
        shutil.rmtree(tmp_path / "out")
        world.live(FAULTS_DIE_AT="12")
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        world.end()
        assert (world.sinks(), world.ends().submits) == (before, submits)


def damage(state: Path, old: Path, chance: Random) -> str:
    """Do something terrible to a ledger that no process holds; return what."""
    ledger, log = state / "ledger.db", state / "ledger.db-wal"
    file = chance.choice([each for each in (ledger, log, ledger) if each.exists() and each.stat().st_size])
    data = bytearray(file.read_bytes())
    at = chance.randrange(len(data))
    kinds = {
        "truncated": lambda: data[:at],
        "emptied": lambda: b"",
        "zeros": lambda: data[:at] + bytes(min(4096, len(data) - at)) + data[at + 4096 :],
        "noise": lambda: data[:at] + chance.randbytes(min(512, len(data) - at)) + data[at + 512 :],
        "a flipped bit": lambda: data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :],
        "a page twice": lambda: data[:4096] + data[:4096] + data[8192:],
        "another file": lambda: b"hello, world\n" * 500,
    }
    kind = chance.choice([*kinds, "deleted", "set back", "all deleted but the counter", "log deleted"])
    if kind in kinds:
        file.write_bytes(bytes(kinds[kind]()))
    elif kind == "deleted":
        file.unlink()
    elif kind == "log deleted":
        log.unlink(missing_ok=True)
    else:
        for each in state.glob("ledger.db*"):
            if not each.name.endswith(".serial"):
                each.unlink()
        if kind == "set back":
            for each in old.glob("ledger.db*"):
                if not each.name.endswith(".serial"):
                    shutil.copy(each, state / each.name)
    return f"{file.name} {kind} at {at}"


@pytest.mark.parametrize("seed", range(64))
def test_a_damaged_ledger_is_said_or_mended_and_nothing_is_paid_twice(tmp_path, seed):
    """What the message says is done: the ledger is moved away, the counter stays, every job is looked for."""
    chance = Random(f"damage {seed}")
    with World(tmp_path, form="array", items=40, faults=0.1, seed=seed, per_job=4, in_flight=3) as world:
        world.live(FAULTS_DIE_AT=str(chance.randrange(20, 60)))
        old = Path(shutil.copytree(tmp_path / ".runner", tmp_path / "old"))
        world.live(FAULTS_DIE_AT=str(chance.randrange(20, 120)))
        what = damage(tmp_path / ".runner", old, chance)
        for _ in range(20):
            life = world.live()
            if life.code in (1, 3):
                assert is_said(life), (what, life)
                for each in (tmp_path / ".runner").glob("ledger.db*"):
                    if not each.name.endswith(".serial"):
                        each.unlink()
            elif life.code in OVER:
                break
        assert (sound(world.ends()), what) == ([], what)
