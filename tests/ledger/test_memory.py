from runner.ledger import open_ledger
from tests.contracts.ledger import LedgerContract, StillClock


class TestContract(LedgerContract):
    def opener(self, tmp_path):
        return lambda: open_ledger("memory:", clock=StillClock())
