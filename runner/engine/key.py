"""The key of a job: the same for the same work, whatever became of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

from runner.model.item import Item
from runner.model.ledger import Scope


def job_key(scope: Scope, work: str, attempt: int, items: Sequence[Item]) -> str:
    """Return 32 hex letters, a function of scope, work hash, attempt, item keys and contents, and of nothing else.

    Every part is preceded by its length, so that no two different jobs give the same bytes.
    """
    digest = _begun(scope, work, attempt).copy()
    for item in items:
        key, content = item.key.encode("utf-8", "surrogatepass"), item.content
        digest.update(b"".join((len(key).to_bytes(8, "big"), key, len(content).to_bytes(8, "big"), content)))
    return digest.hexdigest()


@lru_cache(maxsize=64)
def _begun(scope: Scope, work: str, attempt: int) -> blake2b:
    digest = blake2b(digest_size=16)
    for text in (scope.project, scope.profile, scope.recipe, scope.stage, work, str(attempt)):
        part = text.encode("utf-8", "surrogatepass")
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest
