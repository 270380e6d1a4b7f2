"""The key of a job: the same for the same work, whatever became of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from runner.model.item import Item
from runner.model.ledger import Scope


def job_key(scope: Scope, work: str, attempt: int, items: Sequence[Item]) -> str:
    """Return 32 hex letters, a function of scope, work hash, attempt, item keys and contents, and of nothing else.

    Every part is preceded by its length, so that no two different jobs give the same bytes.
    """
    digest = blake2b(digest_size=16)
    for part in (scope.project, scope.profile, scope.recipe, scope.stage, work, str(attempt)):
        _add(digest, part.encode("utf-8", "surrogatepass"))
    for item in items:
        _add(digest, item.key.encode("utf-8", "surrogatepass"))
        _add(digest, item.content)
    return digest.hexdigest()


def _add(digest: blake2b, part: bytes) -> None:
    digest.update(len(part).to_bytes(8, "big"))
    digest.update(part)
