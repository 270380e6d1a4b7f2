"""What a reply means: the error rules of a manifest, the platform's own words, and our errors for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from runner.model.errors import AuthError, ConfigError, JobLost, RecipeError, Refused, RunnerError, StopRun, Unavailable
from runner.model.item import Json
from runner.platforms.compiling import REPLY, Compiler
from runner.platforms.step import statuses
from runner.platforms.tree import Pointer, Tree
from runner.transport.request import Reply, parsed
from runner.transport.text import gist


class Teller(Protocol):
    """What must be known of a client to tell its user about a reply."""

    def hidden(self, text: str) -> str:
        """Return a text of the server, safe to show."""

    def retry_after_s(self, reply: Reply) -> float | None:
        """Return the pause that a reply asks for."""


FINE: Final = "fine"
CHECK_FIELDS: Final = "check the connection's fields in the project file"
_RETRIED: Final = frozenset({408, 425, 429})
MOVED: Final = (301, 307, 308)
"""The place is another one. Not 302 and 303: a form that was taken is answered with them, too."""
_CLOSED: Final = {
    402: "pay the platform's bill, or raise its limit",
    407: "give the proxy its user and password: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT",
    511: "sign in to the network first",
}
"""Statuses that all further requests would get too, and what to do."""


class Answer:
    """A reply with its body parsed as the call wants it.

    Attributes:
        reply: as it came.
        response: the parsed body; None while it was not read, or when it cannot be.
    """

    __slots__ = ("reply", "response")

    def __init__(self, reply: Reply, read: str = "json") -> None:
        """Parse a good reply strictly, a failing one as far as it goes.

        Raises:
            UnreadableReply: a 2xx whose body is not what it should be.
        """
        self.reply = reply
        self.response: Json = None
        if read == "text":
            self.response = reply.text()
        elif read == "json" and reply.is_ok:
            self.response = reply.json()
        elif read != "none" and reply.body[:1] in (b"{", b"["):
            try:
                self.response = parsed(reply.body)
            except ValueError:
                self.response = None

    def scope(self) -> dict[str, Json]:
        """Return what templates read of it."""
        return {"response": self.response, "headers": self.reply.headers, "status": self.reply.status}


@dataclass(frozen=True, slots=True)
class Rule:
    """One error rule; `asks_body` rules are tried on good replies too."""

    fits: Callable[[int], bool] | None
    when: Tree | None
    verdict: str
    mend: str

    @property
    def asks_body(self) -> bool:
        """Whether it reads more than the status."""
        return self.when is not None and (self.when.reads("response") or self.when.reads("headers"))


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The rules of one manifest."""

    title: str
    rules: Sequence[Rule]
    words: Sequence[Tree]
    asking: Sequence[Rule]

    def of(self, answer: Answer) -> tuple[str, str]:
        """Return the verdict of a reply, and what the user can do about it."""
        rule = self._rule(answer)
        if rule is not None:
            return rule.verdict, rule.mend
        return (FINE if answer.reply.is_ok else _by_status(answer.reply.status)), ""

    def _rule(self, answer: Answer) -> Rule | None:
        is_ok = answer.reply.is_ok
        rules = self.asking if is_ok else self.rules
        if rules:
            scope = answer.scope()
            for rule in rules:
                if (rule.fits is None or rule.fits(answer.reply.status)) and _holds(rule.when, scope):
                    return rule
        return None

    def error(self, answer: Answer, client: Teller, name: str) -> RunnerError | None:
        """Return our error for a reply, None for a good one.

        Args:
            answer: the reply.
            client: it was asked by; hides its secrets.
            name: of the request, for people.
        """
        verdict, mend = self.of(answer)
        if verdict == FINE:
            return None
        reply = answer.reply
        what = f"{self.title} answered {reply.status} to {name}: {self.said(answer, client)}"
        if verdict == "auth":
            mend = mend or CHECK_FIELDS
            return AuthError(what, status=reply.status, mend=mend)
        if verdict == "retry_later":
            wait = client.retry_after_s(reply)
            is_busy = (rule := self._rule(answer)) is not None and (rule.asks_body or reply.status < 500)
            return Unavailable(what, retry_after_s=wait, status=reply.status, is_busy=is_busy, mend=mend)
        if verdict == "stop_run":
            return StopRun(what, status=reply.status, mend=mend or _CLOSED.get(reply.status, ""))
        if verdict == "moved":
            to = client.hidden(reply.headers.get("location", "nowhere"))
            return ConfigError(f"{what} (moved to {to})", mend="put the right address into base_url of the connection")
        return JobLost(what, mend=mend) if verdict == "job_lost" else Refused(what, status=reply.status, mend=mend)

    def said(self, answer: Answer, client: Teller) -> str:
        """Return the platform's own words, or the gist of its reply, safe to show."""
        words = self.words_of(answer, client)
        return words or client.hidden(gist(answer.reply.body, answer.reply.headers.get("content-type", "")))

    def words_of(self, answer: Answer, client: Teller) -> str:
        """Return what `message` of the manifest finds in a reply, safe to show; empty when it finds nothing."""
        scope = answer.scope()
        for tree in self.words:
            try:
                words = tree(scope)
            except RecipeError:
                continue
            if words:
                return client.hidden(words if isinstance(words, str) else str(words))
        return ""


def compile_verdicts(compiler: Compiler, title: str) -> Verdicts:
    """Compile `errors` and `message` of a manifest."""
    rules = [_rule(compiler, ("errors", at)) for at in range(len(compiler.at(("errors",)) or ()))]
    message = compiler.at(("message",))
    places: Sequence[Pointer] = (
        [("message", at) for at in range(len(message))] if isinstance(message, list) else [("message",)]
    )
    words = [tree for place in places if (tree := compiler.tree(place, REPLY)) is not None]
    return Verdicts(title, rules, words, [rule for rule in rules if rule.asks_body])


def _rule(compiler: Compiler, pointer: Pointer) -> Rule:
    data = compiler.at(pointer)
    if "status" not in data and "when" not in data:
        compiler.tell("bad-rule", "an error rule needs status, when, or both", pointer)
    fits = statuses(data["status"]) if "status" in data else None
    return Rule(fits, compiler.tree((*pointer, "when"), REPLY), data["is"], data.get("mend", ""))


def _holds(when: Tree | None, scope: dict[str, Json]) -> bool:
    """Whether a rule fits; one that looks for what is not there does not."""
    try:
        return when is None or when.is_true(scope)
    except RecipeError:
        return False


def _by_status(status: int) -> str:
    if status in (401, 403):
        return "auth"
    if status in _CLOSED:
        return "stop_run"
    if status in MOVED:
        return "moved"
    return "retry_later" if status in _RETRIED or status >= 500 else "item_permanent"
