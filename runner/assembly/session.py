"""An opened project: its ledger, its connections (made when first needed, shared by all recipes), its stand-ins."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from runner.assembly.build import Builder
from runner.assembly.emulated_sinks import EMULATED, RealFiles, find_real_files
from runner.assembly.stand_ins import StandIns, Stands
from runner.engine.work import Work
from runner.ledger import open_ledger
from runner.model.contracts import Clock, Closing, Notifier, Place
from runner.model.errors import ConfigError
from runner.model.item import Json, Record
from runner.model.ledger import Ledger, Scope
from runner.model.project import Project, SecretRef
from runner.model.recipe import Component, Recipe
from runner.model.redact import protect, protect_url
from runner.model.secret import Secret
from runner.platforms import Catalog, Connection, connect
from runner.secretstore import resolve
from runner.transport.clock import SystemClock
from runner.transport.loopback import Reach


class Session:
    """What one command works with; `async with open_session(...)`."""

    def __init__(
        self, project: Project, recipes: Sequence[Recipe], catalog: Catalog, environ: Mapping[str, str], clock: Clock
    ) -> None:
        self.project = project
        self.recipes = recipes
        self.clock = clock
        self.environ = environ
        self._catalog = catalog
        self._ledger: Ledger | None = None
        self._connections: dict[str, Connection] = {}
        self._stand_ins: Stands | None = None
        self._found_files: RealFiles | None = None
        self._stack = AsyncExitStack()
        self._lasting = self._stack
        self._environment = {name: environ[name] for name in environ if name not in project.secret_variables}

    @property
    def profile(self) -> str:
        """The profile under which the ledger keeps what is done."""
        if self._stand_ins is None:
            return self.project.profile
        return f"{self.project.profile}+{EMULATED}" if self.project.profile else EMULATED

    def scope(self, recipe: Recipe, stage: str = "") -> Scope:
        """Return whose lines of the ledger a stage writes."""
        return Scope(self.project.name, self.profile, recipe.name, stage)

    def lease_name(self, recipe: Recipe) -> str:
        """Return the name of the right to write to a recipe."""
        return self.lease_of(recipe.name)

    def lease_of(self, name: str) -> str:
        """Return the same for the name of a recipe, which may be in no file any more."""
        return f"{self.project.name}/{self.profile}/{name}"

    async def ledger(self) -> Ledger:
        """Open the ledger, once.

        Raises:
            LedgerError, ConfigError: it cannot be used.
        """
        if self._ledger is None:
            self._ledger = open_ledger(
                self._ledger_url(),
                clock=self.clock,
                beside=self.project.state,
                is_read_only=self.project.is_read_only,
            )
            self._lasting.push_async_callback(self._ledger.close)
        return self._ledger

    def _ledger_url(self) -> str:
        """Return where the ledger is; emulated work stays out of every database but a local file."""
        url = self.project.ledger
        if self._stand_ins is not None and _is_database(url):
            return str(emulated_folder(self.project) / "ledger.db")
        if isinstance(url, SecretRef):
            url = protect_url(self._resolved(url)).reveal()
        if "://" not in url and url != "memory:":
            url = str(self.project.root / url.removeprefix("sqlite:"))
        return url

    async def work(self, recipe: Recipe) -> Sequence[Work]:
        """Return the work of every stage of a recipe, in the recipe's order.

        Raises:
            ConfigError: a connector cannot be built.
        """
        builder = await self._builder(recipe)
        works = [await builder.work(stage) for stage in recipe.stages]
        for part in (part for work in works for part in (work.source, work.target)):
            if isinstance(part, Closing):
                self._stack.push_async_callback(part.close)
        return works

    async def notifiers(self, recipe: Recipe) -> Sequence[Notifier]:
        """Return who is told about the runs of a recipe.

        Raises:
            ConfigError: a notifier cannot be built.
        """
        return await (await self._builder(recipe)).notifiers()

    def _resolved(self, ref: SecretRef) -> Secret:
        return resolve(ref, self.environ, self.project.secrets_root or self.project.root)

    def secret(self, name: str) -> Secret:
        """Return a secret that the project file names.

        Raises:
            ConfigError: it does not, or the secret is not where the file says.
        """
        if name not in self.project.secrets:
            what = f"there is no secret {name!r} in {self.project.path or 'runner.yaml'}"
            raise ConfigError(what, mend=f"add it: secrets: {{{name}: {{env: {name.upper().replace('-', '_')}}}}}")
        return protect(self._resolved(self.project.secrets[name]))

    @asynccontextmanager
    async def branch(self, recipes: Sequence[Recipe]) -> AsyncIterator[Session]:
        """Give a session for one piece of work of a long-lived process.

        It shares ledger, connections and stand-ins with this one; what it builds besides is closed at its end.
        """
        made = Session(self.project, recipes, self._catalog, self.environ, self.clock)
        made._ledger = await self.ledger()
        made._connections, made._stand_ins, made._lasting = self._connections, self._stand_ins, self._lasting
        try:
            yield made
        finally:
            await made.close()

    async def _builder(self, recipe: Recipe) -> Builder:
        ledger = await self.ledger()
        return Builder(recipe, self._place(), ledger, self.scope(recipe), self.connect, await self._real_files(ledger))

    async def _real_files(self, ledger: Ledger) -> RealFiles | None:
        """Return the files that emulated rows must not replace; None when the session is a real one."""
        if self._stand_ins is None:
            return None
        if self._found_files is None:
            is_far = _is_database(self.project.ledger)
            self._found_files = RealFiles(None) if is_far else await find_real_files(ledger, self.project.root)
        return self._found_files

    def _place(self) -> Place:
        return Place(
            root=self.project.root,
            state=self.project.state,
            clock=self.clock,
            allowed=self.project.allowed,
            records=self._records,
            environment=self._environment,
            commands=self.project.commands,
            is_emulated=self._stand_ins is not None,
        )

    async def _records(self, name: str, stage: str) -> AsyncIterator[Sequence[Record]]:
        """Give what another recipe has published, for the source `recipe`."""
        from runner.engine.publish import published_rows  # a cycle of meaning, not of modules

        for recipe in self.recipes:
            if recipe.name == name:
                works = await self.work(recipe)
                wanted = [work for work in works if not stage or work.scope.stage == stage]
                async for batch in published_rows(wanted[-1]):
                    yield batch
                return
        raise ConfigError(f"there is no recipe {name!r} to read from", mend="give its file with -f too")

    async def connect(self, component: Component) -> Connection:
        """Return the connection that a component names; one per name, whoever asks.

        Raises:
            ConfigError: a field or a secret is missing.
        """
        name = str(component.options.get("connection", component.platform))
        if name not in self._connections:
            platform = component.platform or ""
            fields = await self._fields(name, platform)
            try:
                connection = connect(
                    self._catalog.manifest(platform),
                    fields,
                    clock=self.clock,
                    rng=random.Random(),
                    reach=Reach.ALL if self._stand_ins is None else self._stand_ins.reach,
                )
            except ConfigError as error:
                raise ConfigError(f"connection {name!r}: {error}", mend=error.mend) from error
            self._lasting.push_async_callback(connection.close)
            self._connections[name] = connection
        return self._connections[name]

    async def _fields(self, name: str, platform: str) -> Mapping[str, Json | Secret]:
        described = self.project.connections.get(name)
        if self._stand_ins is not None:
            return await self._emulated_fields(name, platform, self._stand_ins)
        if described is None:
            raise ConfigError(
                f"there is no connection {name!r} in {self.project.path or 'runner.yaml'}",
                mend=f"add it below `connections`, with `platform: {platform}`, or use --emulate",
            )
        return {
            field: self._resolved(value) if isinstance(value, SecretRef) else value
            for field, value in described.fields.items()
        }

    async def _emulated_fields(self, name: str, platform: str, stands: Stands) -> Mapping[str, Json | Secret]:
        """Return connection fields that lead to an emulator, none of them a secret of the project.

        Raises:
            ConfigError: nothing replaces the platform; the real one is never used.
        """
        described = self.project.connections.get(name)
        set_by_stand = await stands.fields(platform, described.emulate if described is not None else {})
        if set_by_stand is None:
            raise ConfigError(
                f"connection {name!r}: the platform {platform!r} has no emulator, and --emulate never uses a real one",
                mend=f"set in runner.yaml what replaces it: connections: {{{name}: {{emulate: "
                "{url: http://127.0.0.1:PORT}}}, or {emulator: jobs}",
            )
        given = described.fields if described is not None else {}
        return {**{name: one for name, one in given.items() if not isinstance(one, SecretRef)}, **set_by_stand}

    async def emulate(self, stands: Stands | None = None) -> None:
        """From now on replace all platforms by stand-ins; by default the emulators."""
        self._stand_ins = stands or await self._stack.enter_async_context(StandIns(self._catalog))

    async def close(self) -> None:
        """Close everything that was opened, connections first."""
        await self._stack.aclose()


def emulated_folder(project: Project) -> Path:
    """Return the folder for files that emulated work must keep apart from those of real work."""
    return project.state / "emulated"


def _is_database(url: str | SecretRef) -> bool:
    return isinstance(url, SecretRef) or "://" in url


@asynccontextmanager
async def open_session(
    project: Project,
    recipes: Sequence[Recipe],
    catalog: Catalog,
    *,
    emulate: bool | Stands = False,
    environ: Mapping[str, str] | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[Session]:
    """Open a project for one command; `emulate` is True for the emulators, or what else takes platforms' places."""
    session = Session(project, recipes, catalog, os.environ if environ is None else environ, clock or SystemClock())
    try:
        if emulate:
            await session.emulate(None if emulate is True else emulate)
        yield session
    finally:
        await session.close()
