import asyncio

import pytest

from runner.ledger import open_ledger
from runner.ledger.memory import MemoryLedger
from runner.ledger.store import SqlLedger
from runner.model.errors import ConfigError
from tests.contracts.ledger import StillClock


@pytest.mark.parametrize("url", ["sqlite:{}/a.db", "{}/a.db", "{}/a:b.db"])
def test_paths_are_sqlite(tmp_path, url):
    ledger = open_ledger(url.format(tmp_path), clock=StillClock())
    asyncio.run(ledger.close())
    assert isinstance(ledger, SqlLedger)
    assert ledger.place.startswith(str(tmp_path))


def test_memory():
    assert isinstance(open_ledger("memory:", clock=StillClock()), MemoryLedger)


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite:", "", "memory:x", "s3:bucket"])
def test_other_urls_say_what_is_known(url):
    with pytest.raises(ConfigError) as error:
        open_ledger(url, clock=StillClock())
    assert "sqlite:PATH" in error.value.mend
