import resource
import signal

import pytest

from runner.local.replacement import Replacement
from runner.model.errors import ConfigError


def test_commit_puts_all_bytes_there(tmp_path):
    file = Replacement(tmp_path / "new" / "a")
    file.open()
    for _ in range(5):
        file.write(b"x" * 700_000)
    assert file.commit()["size"] == 3_500_000
    assert (tmp_path / "new/a").read_bytes() == b"x" * 3_500_000


def test_mode_of_the_old_file_stays(tmp_path):
    (tmp_path / "a").touch(mode=0o640)
    file = Replacement(tmp_path / "a")
    file.open()
    file.commit()
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", ["a" * 255, "ä" * 127, "😀" * 63, "new\nline"])
def test_long_and_odd_names_fit(tmp_path, name):
    file = Replacement(tmp_path / name)
    file.open()
    file.write(b"1")
    file.commit()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_link_of_a_temporary_name_is_left_alone(tmp_path):
    (tmp_path / ".a.tmp-1").symlink_to("b")
    (tmp_path / "b").write_bytes(b"kept")
    file = Replacement(tmp_path / "a")
    file.open()
    file.abort()
    assert (tmp_path / "b").read_bytes() == b"kept"


def test_a_full_disk_is_told_with_path_and_room(tmp_path):
    file = Replacement(tmp_path / "a")
    file.open()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(ConfigError, match=r"a cannot be written: .*bytes are free"):
            file.write(b"x" * 2_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    file.abort()
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_of_a_folder_is_told(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(ConfigError, match="cannot be written"):
        Replacement(tmp_path / "a" / "b").open()


def test_commit_without_open_is_told(tmp_path):
    with pytest.raises(ConfigError, match="not opened"):
        Replacement(tmp_path / "a").commit()
