"""One account on a platform, and the connectors that work over it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from random import Random
from typing import Final, TypeVar

from runner.model.contracts import Clock, Place
from runner.model.duration import as_seconds
from runner.model.errors import ConfigError, RecipeError
from runner.model.item import Json
from runner.model.redact import protect
from runner.model.secret import Secret
from runner.platforms.job_spec import in_mode
from runner.platforms.manifest import Field, Manifest
from runner.platforms.notify import PlatformNotifier
from runner.platforms.options import Options
from runner.platforms.session import Session
from runner.platforms.sink import PlatformSink
from runner.platforms.source import PlatformSource
from runner.platforms.target import PlatformTarget
from runner.platforms.tree import Scope, Tree, revealed
from runner.transport import origin
from runner.transport.client import MAX_REPLY, Client, Settings
from runner.transport.hints import ALL
from runner.transport.limits import MAX_PAUSE_S, Limits, Rules
from runner.transport.loopback import Reach, is_loopback
from runner.transport.network import Transport, wire_over
from runner.transport.request import Timeouts
from runner.transport.retry import Retries

COMMON: Final = ("limits", "allow_hosts")
"""Fields that every connection has besides the manifest's own."""

Spec = TypeVar("Spec")


class Connection:
    """One account; all its connectors share one client and its limits."""

    def __init__(self, manifest: Manifest, session: Session, client: Client) -> None:
        """Use `connect`."""
        self.manifest, self._session, self._client = manifest, session, client

    def __repr__(self) -> str:
        return f"Connection({self.manifest.name!r})"

    def source(self, kind: str, options: Mapping[str, Json], place: Place) -> PlatformSource:
        """Build a source; nothing is sent.

        Args:
            kind: `shop.orders`, or the part after the dot.
            options: of the recipe.
            place: where it lives.

        Raises:
            ConfigError: the platform has no such source.
        """
        spec = self._spec(self.manifest.sources, kind, "source")
        return PlatformSource(self._session, spec, Options(spec.options, options))

    def target(
        self, kind: str, options: Mapping[str, Json], place: Place, *, subset: Json = None, skip: str = "succeeded"
    ) -> PlatformTarget:
        """Build a target; nothing is sent.

        Args:
            kind: `shop.order`, or the part after the dot.
            options: of the recipe; a field over the item holds an expression.
            place: where it lives.
            subset: of the stage, for platforms that know it; None when the recipe does not say.
            skip: of the stage.

        Raises:
            ConfigError: the platform has no such target, or not in this mode.
        """
        spec = self._spec(self.manifest.targets, kind, "target")
        recipe = {"subset": subset, "skip": skip, "given": sorted(name for name in options if name != "connection")}
        given = Options(spec.options, options)
        scope = self._session.scope(options=given.over(), recipe=recipe)
        return PlatformTarget(self._session, in_mode(spec, scope), given, recipe)

    def sink(self, kind: str, options: Mapping[str, Json], place: Place) -> PlatformSink:
        """Build a sink for one publication; nothing is sent. Arguments and errors as `source`."""
        spec = self._spec(self.manifest.sinks, kind, "sink")
        return PlatformSink(self._session, spec, Options(spec.options, options), place.state)

    def notifier(self, kind: str, options: Mapping[str, Json], place: Place) -> PlatformNotifier:
        """Build a notifier; nothing is sent. Arguments and errors as `source`."""
        spec = self._spec(self.manifest.notifiers, kind, "notifier")
        return PlatformNotifier(self._session, spec, Options(spec.options, options))

    @property
    def identity(self) -> str:
        """Name the account for the ledger: platform and a digest of the base URL, which may hold a secret."""
        digest = blake2b(self._client.settings.base_url.encode(), digest_size=8, person=b"connection").hexdigest()
        return f"{self.manifest.name}@{digest}"

    async def check(self) -> None:
        """Try the login by the manifest's cheap call.

        Raises:
            AuthError, Unavailable: as the real work would.
        """
        await self._session.check()

    async def close(self) -> None:
        """Close all connections; may be called twice."""
        await self._client.close()

    def _spec(self, specs: Mapping[str, Spec], kind: str, noun: str) -> Spec:
        name = kind.removeprefix(f"{self.manifest.name}.")
        if name not in specs:
            known = ", ".join(f"{self.manifest.name}.{one}" for one in specs) or "none"
            raise ConfigError(f"{self.manifest.title} has no {noun} {kind!r}", mend=f"known: {known}")
        return specs[name]


def connect(
    manifest: Manifest,
    fields: Mapping[str, Json | Secret],
    *,
    clock: Clock,
    rng: Random,
    transport: Transport | None = None,
    reach: Reach = Reach.ALL,
) -> Connection:
    """Build a connection; nothing is sent.

    Args:
        manifest: of the platform.
        fields: of the account; secrets are `Secret`. Besides the manifest's own there are `limits` (as in a manifest)
            and `allow_hosts` (private hosts that URLs in replies may point to).
        clock: the time.
        rng: for jitter.
        transport: an httpx transport in the place of the network, for tests.
        reach: which hosts may be reached; this machine only when an emulator replaces the platform.

    Raises:
        ConfigError: a field is missing, unknown or of the wrong type; the base URL is not a URL; it leads to another
            machine and may not.
    """
    values = _values(manifest, {name: value for name, value in fields.items() if name not in COMMON})
    if reach is Reach.ALL:
        for value in values.values():
            if isinstance(value, Secret):
                protect(value)
    hosts: Json = fields.get("allow_hosts") or ()
    lowered: Json = fields.get("limits") or {}
    spec = manifest.connection
    scope: Scope = {"connection": values, "now": clock.now()}
    settings = Settings(
        base_url=str(_grown(spec.base_url, scope)).rstrip("/"),
        headers={name: _text(value) for name, value in (_grown(spec.headers, scope) or {}).items()},
        query=[(name, _text(value)) for name, value in (_grown(spec.query, scope) or {}).items()],
        origins=[str(_grown(tree, scope)) for tree in spec.origins],
        allow_hosts=list(hosts),
        timeouts=_timeouts(spec.timeouts),
        retries=_retries(spec.retries),
        max_reply=spec.max_reply or MAX_REPLY,
        resolve=origin.resolve if transport is None and reach is Reach.ALL else None,
    )
    if reach is Reach.THIS_MACHINE:
        _refuse_real_hosts((settings.base_url, *settings.origins))
    rules = _rules({**spec.limits, **lowered})
    if "concurrency" in lowered:
        rules = replace(rules, concurrency_from="limits.concurrency of the connection")
    elif "concurrency" in spec.limits:
        rules = replace(rules, concurrency_from=f"limits.concurrency of the platform {manifest.name}")
    limits = Limits(rules, clock, rng)
    client = Client(settings, wire_over(transport, reach=reach), limits, clock, rng)
    return Connection(manifest, Session(manifest, values, client, clock), client)


def _refuse_real_hosts(urls: Sequence[str]) -> None:
    for url in urls:
        if not is_loopback(url):
            what = f"it leads to {url}, a real host, which --emulate never reaches"
            mend = 'let the manifest lead it away: connection: {emulate: {FIELD: "{{ emulator.url }}"}}'
            raise ConfigError(what, mend=mend)


def _values(manifest: Manifest, given: Mapping[str, Json | Secret]) -> dict[str, Json]:
    """Return every field of the connection: what was given, a default, or null."""
    known = {name: field for name, field in manifest.connection.fields.items() if not field.matches}
    unknown = sorted(set(given) - set(known))
    if unknown:
        fields = ", ".join((*known, *COMMON))
        raise ConfigError(f"the connection has no field {unknown[0]!r}", mend=f"{manifest.title} knows: {fields}")
    values = {name: _value(field, given.get(name, field.default)) for name, field in known.items()}
    for name, field in known.items():
        if field.required and (values[name] is None or (isinstance(values[name], str | Secret) and not values[name])):
            raise ConfigError(
                f"the connection to {manifest.title} needs the field {name!r}",
                mend=f"give it in the project file, for example {name}: {{env: {name.upper()}}}",
            )
    worked_out = [field for field in manifest.connection.fields.values() if field.matches]
    return values | {field.name: _matches(field, values[field.matches]) for field in worked_out}


def _matches(field: Field, value: Json) -> bool:
    text = value.reveal() if isinstance(value, Secret) else str(value or "")
    return re.fullmatch(field.pattern, text) is not None


def _value(field: Field, value: Json | Secret) -> Json:
    """Return a field in its type; what came from a secret store is text until here."""
    if field.type == "secret":
        return value if value is None or isinstance(value, Secret) else Secret(str(value))
    if isinstance(value, Secret):
        return _typed(field, value.reveal())
    return value


def _typed(field: Field, text: str) -> Json:
    try:
        if field.type == "boolean":
            return {"true": True, "false": False}[text.strip().lower()]
        return {"integer": int, "number": float}.get(field.type, str)(text)
    except (ValueError, KeyError):
        raise ConfigError(f"the connection's field {field.name!r} must be of type {field.type}") from None


def _grown(tree: Tree, scope: Scope) -> Json:
    try:
        return revealed(tree(scope), is_home=True)
    except RecipeError as error:
        raise ConfigError(f"the connection cannot be made: {error.problems[0].what}") from error


def _text(value: Json) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _timeouts(given: Mapping[str, Json]) -> Timeouts:
    usual = Timeouts()
    return Timeouts(
        as_seconds(given.get("connect"), usual.connect_s),
        as_seconds(given.get("read"), usual.read_s),
        as_seconds(given.get("total"), usual.total_s),
        as_seconds(given.get("stream"), usual.stream_s),
    )


def _retries(given: Mapping[str, Json]) -> Retries:
    usual = Retries()
    return Retries(
        given.get("attempts", usual.attempts),
        as_seconds(given.get("first"), usual.first_s),
        as_seconds(given.get("max"), usual.max_s),
    )


def _rules(given: Mapping[str, Json]) -> Rules:
    usual = Rules()
    rates = [given.get("per_second"), None if given.get("per_minute") is None else given["per_minute"] / 60]
    known = [rate for rate in rates if rate is not None]
    honour = given.get("honour")
    return Rules(
        concurrency=given.get("concurrency", usual.concurrency),
        per_second=min(known) if known else None,
        burst=given.get("burst", usual.burst),
        honour=ALL if honour is None else frozenset(name.lower() for name in honour),
        longest_pause_s=as_seconds(given["longest_pause"], MAX_PAUSE_S) if given.get("longest_pause") else None,
    )
