"""Headers before they are sent: names and values that can stand in a request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from runner.model.errors import ConfigError, Refused

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch


def checked(headers: Mapping[str, str], wrong: type[ConfigError] | type[Refused] = Refused) -> dict[str, str]:
    """Return headers under names in lower case.

    Raises:
        Refused, ConfigError: a name or value cannot stand in a header; the value itself is not shown.
    """
    for name, value in headers.items():
        if not _is_name(name):
            raise wrong(f"{name!r} is no name of a header", mend="use letters, digits and hyphens")
        if not (value.isascii() and value.isprintable()):
            raise wrong(
                f"the header {name} holds a character that cannot be sent",
                mend="look for a line end or a letter beyond ASCII in the value it is made of",
            )
    return {name.lower(): value for name, value in headers.items()}


@lru_cache(maxsize=1024)
def _is_name(name: str) -> bool:
    return _NAME(name) is not None
