"""The interpreter of platform manifests: one platform is one YAML file, no Python.

A *manifest* describes a platform; a *connection* is one account on it. A *call* is one HTTP request with templates in
it; a *step* is a call with what happens around it: wait, pages, each, keep. A *tree* is nested data with templates,
where a null drops its member and `$for` makes lists and objects. A *verdict* is what a reply means by the manifest's
error rules. A *token* is the text by which a result finds its item. Everything is compiled once, when a manifest is
loaded; what is wrong in it is told as problems with file:line:col.

Here stands no name of a platform: what can be done is what the manifests say.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from runner.platforms.catalog import Catalog

if TYPE_CHECKING:
    from runner.platforms.connection import Connection, connect
    from runner.platforms.manifest import Manifest, check_manifest, load_manifest

_LATER = {
    "Connection": "runner.platforms.connection",
    "connect": "runner.platforms.connection",
    "Manifest": "runner.platforms.manifest",
    "check_manifest": "runner.platforms.manifest",
    "load_manifest": "runner.platforms.manifest",
}

__all__ = ["Catalog", "Connection", "Manifest", "check_manifest", "connect", "load_manifest"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Import what is heavy when it is first asked for: validating needs no HTTP client, and rarely compiles."""
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
