import asyncio
import os

import pytest

from runner.conformance.place import GivenExpression, collect, given_place
from runner.conformance.source import SourceContract
from runner.model.errors import ConfigError, ItemUnreadable
from runner.sources.files import Files


def source(root, path="in", **options):
    return Files(Files.Config(path, **options), given_place(root))


def fill(root, **contents):
    for name, content in contents.items():
        path = root / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def read(root, **options):
    return collect(source(root, **options).read())


def body(item):
    async def whole():
        return [piece async for piece in item.body.chunks()]

    return asyncio.run(whole())


class TestContract(SourceContract):
    def make(self, root):
        fill(root, **{f"{n % 7}/ä {n:03d}.txt": b"%d" % n for n in range(600)})
        return source(root)

    def make_empty(self, root):
        (root / "in").mkdir()
        return source(root)

    def make_missing(self, root):
        return source(root, "none")


def test_an_item_is_named_and_sized(tmp_path):
    fill(tmp_path, **{"a/b c.tar.gz": b"123", "top": b""})
    (item, top), _ = read(tmp_path)
    assert item.key == item.value["path"] == "a/b c.tar.gz"
    assert item.value == {
        "name": "b c.tar.gz", "path": "a/b c.tar.gz", "stem": "b c.tar", "suffix": ".gz", "size": 3, "folder": "a",
    }  # fmt: skip
    assert (top.value["folder"], top.value["size"], body(top)) == ("", 0, [])


def test_a_touch_changes_nothing_but_bytes_do(tmp_path):
    fill(tmp_path, a=b"1")
    before = read(tmp_path)[0]
    os.utime(tmp_path / "in/a", (1, 1))
    assert read(tmp_path)[0] == before
    fill(tmp_path, a=b"2")
    assert read(tmp_path)[0][0].content != before[0].content


def test_order_is_by_name(tmp_path):
    fill(tmp_path, **{"b/a": b"", "a.txt": b"", "a/z": b"", "B": b"", "ä": b""})
    assert [item.key for item in read(tmp_path)[0]] == ["B", "a.txt", "a/z", "b/a", "ä"]


def test_hidden_files_are_left_out_unless_named(tmp_path):
    fill(tmp_path, **{".a": b"", ".b/c": b"", "d": b""})
    assert [item.key for item in read(tmp_path)[0]] == ["d"]
    assert [item.key for item in read(tmp_path, glob="**/.*")[0]] == [".a"]


def test_what_cannot_be_read_is_rejected_with_its_place(tmp_path):
    fill(tmp_path, a=b"1")
    (tmp_path / "in/broken").symlink_to("nowhere")
    (tmp_path / "in/outside").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "in/pipe")
    (tmp_path / "in" / os.fsdecode(b"\xff")).touch()
    items, rejected = read(tmp_path)
    assert [item.key for item in items] == ["a"]
    assert [one.place for one in rejected] == ["in/broken", "in/outside", "in/pipe", "in/\\udcff"]


@pytest.mark.parametrize("name", ["a\nb", "-rf", "%2e%2e", "a" * 255, "*?[]", "é", "e\u0301", "😀", "a\\b", " "])
def test_odd_names_are_names(tmp_path, name):
    fill(tmp_path, **{name: b"1"})
    ((item,), rejected) = read(tmp_path)
    assert (item.key, rejected) == (name, [])


def test_a_key_can_be_made(tmp_path):
    fill(tmp_path, **{"a/x.txt": b"1", "b/x.txt": b"2", "c/y.txt": b"3"})
    items, rejected = read(tmp_path, key=GivenExpression(lambda scope: scope["item"]["stem"]))
    assert [item.key for item in items] == ["x", "y"]
    assert rejected[0].what == "the key 'x' was already given by in/a/x.txt"


def test_a_body_gives_the_bytes_in_pieces(tmp_path):
    fill(tmp_path, a=b"x" * 2_500_000)
    ((item,), _) = read(tmp_path)
    pieces = body(item)
    assert b"".join(pieces) == b"x" * 2_500_000
    assert max(map(len, pieces)) <= 1 << 20


@pytest.mark.parametrize("content", [b"changed", b"y" * 2_500_000, b"x" * 2_500_001, b""])
def test_a_body_that_has_changed_is_never_given_whole(tmp_path, content):
    fill(tmp_path, a=b"x" * 2_500_000)
    ((item,), _) = read(tmp_path)
    fill(tmp_path, a=content)
    with pytest.raises(ItemUnreadable, match="in/a has changed"):
        body(item)


def test_a_body_that_is_gone_is_told(tmp_path):
    fill(tmp_path, a=b"x")
    ((item,), _) = read(tmp_path)
    (tmp_path / "in/a").unlink()
    with pytest.raises(ItemUnreadable, match="in/a cannot be read"):
        body(item)


def test_count_and_fingerprint(tmp_path):
    fill(tmp_path, a=b"1", b=b"2")
    files = source(tmp_path)
    before = asyncio.run(files.fingerprint())
    fill(tmp_path, c=b"3")
    assert asyncio.run(files.count()) == 3
    assert asyncio.run(files.fingerprint()) != before


def test_no_fingerprint_while_a_file_may_still_be_written(tmp_path):
    fill(tmp_path, a=b"1")
    files = source(tmp_path)
    files._place.clock.pass_s((tmp_path / "in/a").stat().st_mtime - files._place.clock.now() + 1)
    assert asyncio.run(files.fingerprint()) is None


@pytest.mark.parametrize("path", ["none", "in/a", "../in"])
def test_a_folder_that_is_none_is_told(tmp_path, path):
    fill(tmp_path, a=b"1")
    with pytest.raises(ConfigError):
        asyncio.run(source(tmp_path, path).check())


def test_two_forms_of_one_name_are_one_item_on_request(tmp_path):
    fill(tmp_path, **{"e\u0301.txt": b"1", "\u00e9.txt": b"2"})
    assert len(read(tmp_path)[0]) == 2
    (one,), (rejected,) = read(tmp_path, normalize="nfc")
    assert (one.key, rejected.what) == ("\u00e9.txt", "the key '\u00e9.txt' was already given by in/e\u0301.txt")
    with pytest.raises(ConfigError):
        source(tmp_path, normalize="nfd")
