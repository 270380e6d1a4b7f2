import pytest

from runner.conformance.place import collect, given_place
from runner.conformance.source import SourceContract
from runner.model.errors import ConfigError
from runner.model.item import Record
from runner.sources.recipe import RecipeRecords

RECORDS = {("invoices", ""): [Record(f"k{n}", {"total": n, "big": 2**70}) for n in range(2500)], ("none", ""): []}
RECORDS["halves", ""] = [Record("half", {"t": "a\ud83d"}), Record("good", {"t": "a"})]


async def records(name, stage):
    if (name, stage) not in RECORDS:
        raise ConfigError(f"there is no recipe {name!r}", mend="recipes: invoices, none")
    yield RECORDS[name, stage]


def source(root, name, **options):
    return RecipeRecords(RecipeRecords.Config(name, **options), given_place(root, records=records))


class TestContract(SourceContract):
    def make(self, root):
        return source(root, "invoices")

    def make_empty(self, root):
        return source(root, "none")

    def make_missing(self, root):
        return source(root, "lost")


def test_keys_and_rows_stay(tmp_path):
    item = collect(source(tmp_path, "invoices").read())[0][1]
    assert (item.key, item.value) == ("k1", {"total": 1, "big": 2**70})


def test_a_stage_is_asked_for(tmp_path):
    with pytest.raises(ConfigError):
        collect(source(tmp_path, "invoices", stage="pilot").read())


def test_without_records_it_is_told(tmp_path):
    alone = RecipeRecords(RecipeRecords.Config("invoices"), given_place(tmp_path))
    with pytest.raises(ConfigError, match="cannot be read here"):
        collect(alone.read())


def test_half_a_character_is_rejected_by_key(tmp_path):
    items, (rejected,) = collect(source(tmp_path, "halves").read())
    assert ([item.key for item in items], rejected.place) == (["good"], "recipe halves: 'half'")
