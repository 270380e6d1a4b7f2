"""Which commands a project allows: entries of `allow: {commands: ...}`, each the beginning of an argv."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

_INTERPRETER: Final = re.compile(
    r"(python|pypy|ruby|perl|php|lua|luajit|node|nodejs|deno|bun|tclsh|java|jshell|groovy|rscript|r|julia|ghci|"
    r"(ba|da|z|fi|k|c|tc|a|mk)?sh|busybox|pwsh|powershell|cmd|osascript|[gmn]?awk|sed|"
    r"env|sudo|su|doas|nohup|nice|timeout|time|setsid|stdbuf|xargs|parallel|find|chroot|unshare|nsenter|ssh|"
    r"docker|podman|kubectl|uv|uvx|npx|npm|pnpm|yarn|pipx|poetry|pdm|conda|make|expect|script|watch|flock|ionice)"
    r"[0-9.]*(\.exe)?"
)
"""Programs that run what their arguments name."""

_OPTION: Final = re.compile(r"-[uexcmlSBEqvbnf]+")
"""Options without a value of their own, or whose value is the code, module or file that runs: the next word."""

_HARMLESS: Final = ["cat"]
"""The whole argv that needs no entry: it gives back what it is given, reads no file and runs no code."""

_CODE: Final = frozenset("cem")
_SETTING: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_NAMED: Final = re.compile(
    r"(PATH|IFS|ENV|BASH_ENV|SHELLOPTS|PS4|LD_.*|DYLD_.*|PYTHON(PATH|HOME|STARTUP|INSPECT|BREAKPOINT|WARNINGS|PLATLIBDIR)|"
    r"NODE_OPTIONS|NODE_PATH|PERL5?(OPT|LIB|DB)|RUBY(OPT|LIB)|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|"
    r"R_(HOME|PROFILE|ENVIRON).*|LUA_(INIT|PATH|CPATH).*|PHPRC|GCONV_PATH|GIT_.*)"
)
"""Variables that change which program or code runs."""


def is_allowed(argv: Sequence[object], allowed: Sequence[Sequence[str]]) -> bool:
    """Return whether an argv begins with an entry; a word that is not known yet is not equal."""
    return list(argv) == _HARMLESS or any(list(argv[: len(entry)]) == list(entry) for entry in allowed)


def fault_of_entry(entry: Sequence[str]) -> str:
    """Return what is wrong with an entry: it leaves open what runs; empty when it does not."""
    at, is_code = 0, False
    while at < len(entry) and not is_code and (_is_interpreter(entry[at]) or (at and _SETTING.fullmatch(entry[at]))):
        at += 1
        while at < len(entry) and entry[at].startswith("-"):
            if not _OPTION.fullmatch(entry[at]):
                return f"the option {entry[at]!r} of {entry[at - 1]} may take any code: leave it out of the entry"
            is_code = is_code or not _CODE.isdisjoint(entry[at])
            at += 1
    return "" if at < len(entry) else f"{' '.join(entry)!r} runs any program in its arguments: add the script"


def entry_for(argv: Sequence[object]) -> Sequence[str]:
    """Return the shortest entry that would allow an argv; empty when its beginning is not known."""
    entry: list[str] = []
    for word in argv:
        if not isinstance(word, str):
            return ()
        entry.append(word)
        if not fault_of_entry(entry):
            return entry
    return ()


def changes_what_runs(variable: str) -> bool:
    """Return whether a variable of the environment changes which program or code an allowed command runs."""
    return _NAMED.fullmatch(variable) is not None


def _is_interpreter(word: str) -> bool:
    return _INTERPRETER.fullmatch(PurePosixPath(word.replace("\\", "/")).name.lower()) is not None
