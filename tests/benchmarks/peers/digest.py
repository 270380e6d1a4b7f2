"""BLAKE2b over one file, and nothing else: `python digest.py FILE`."""

import sys
from hashlib import blake2b
from pathlib import Path

with Path(sys.argv[1]).open("rb") as file:
    digest = blake2b()
    while block := file.read(1 << 20):
        digest.update(block)
print(digest.hexdigest())
