"""`runner serve`: start recipes by signed requests and by the clock."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from runner.cli import options
from runner.cli.console import err, one_line, out
from runner.cli.exits import Exit
from runner.cli.following import Followed, following
from runner.cli.loading import projects_or_stop
from runner.cli.options import Asked
from runner.cli.signals import listen
from runner.engine.stop import Stop
from runner.gitops.sync import Settings as SyncSettings
from runner.gitops.sync import Sync
from runner.model.errors import ConfigError, UsageError, with_extra

if TYPE_CHECKING:
    from runner.assembly.loading import Loaded
    from runner.web.service import Service, Settings


@click.command("serve")
@options.recipes
@following(required=False)
@click.option("--repo-secret", default="", metavar="NAME", help="Secret of runner.yaml that the Git host signs with.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0 picks a free port.")
@click.option(
    "--max-runs", default=100, show_default=True, type=click.IntRange(1), help="Most runs that may wait and run."
)
@click.option(
    "--at-once", default=4, show_default=True, type=click.IntRange(1), help="Most runs that work at one time."
)
@click.option(
    "--api-token",
    default="",
    metavar="NAME",
    help="Secret of runner.yaml that is the bearer token of the API; without one only this machine is answered.",
)
def command(asked: Asked, *, followed: Followed | None, host: str, port: int, **given: Any) -> Exit:  # noqa: ANN401 - click's form
    """Wait for what triggers recipes: Labelbox's Train button, signed webhooks, schedules; and apply them.

    A request is on disk before it is answered: killed at any moment, the service goes on with it at its next start. The
    same model run sent twice starts once. SIGTERM ends the service within ten seconds: jobs on this machine are ended
    and start again with the service, jobs on platforms go on.

    Recipes of several projects are served below the names of their projects: /NAME/hooks/go, /NAME/model_run,
    /NAME/api/runs.

    With --repo it follows a Git branch as `runner sync` does: recipes without triggers are applied when a commit gives
    them work, the others are left to their triggers; /api/recipes and /metrics tell how all stand. POST /git/push,
    signed by the Git host with --repo-secret, makes it look at once.

    \b
    Examples:
      runner serve -f recipes/
      runner serve -f recipes/ --host 0.0.0.0 --port 8080 --api-token api
      runner serve --repo https://git.example.com/team/recipes.git --repo-secret git --api-token api
      curl http://127.0.0.1:8080/api/runs
    """
    try:
        from runner.web.crew import Manners
        from runner.web.service import Settings  # the web parts come with an extra
    except ImportError as error:
        what = f"runner serve needs a library that is not installed: {error.name}"
        raise ConfigError(what, mend=with_extra("serve")) from error
    sync = None if followed is None else _sync(asked, followed)
    projects = _projects(asked) if sync is None else [asyncio.run(_first(sync))]

    def settings(loaded: Loaded) -> Settings:
        return Settings(
            loaded.paths if followed is None else followed.places(),
            os.environ,
            dict(asked.variables),
            asked.profile,
            given["api_token"],
            given["max_runs"],
            Manners(given["at_once"], _say),
            repo_secret=given["repo_secret"],
        )

    return asyncio.run(_serve([(loaded, settings(loaded)) for loaded in projects], sync, (host, port)))


def _projects(asked: Asked) -> Sequence[Loaded]:
    """Load what is served.

    Raises:
        UsageError: two projects have one name.
    """
    projects = [loaded for loaded in projects_or_stop(asked) if loaded.recipes]
    names = [loaded.project.name for loaded in projects]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"two projects are named {twice[0]}", mend="give each a different name in its runner.yaml")
    return projects


def _sync(asked: Asked, followed: Followed) -> Sync:
    if asked.paths or asked.select or asked.trigger:
        raise click.UsageError("with --repo the recipes are those of the branch: name them with --path")
    settings = SyncSettings(
        paths=followed.paths,
        profile=asked.profile,
        variables=dict(asked.variables),
        every_s=followed.every_s,
        triggered_too=False,
    )
    return followed.sync(settings)


async def _first(sync: Sync) -> Loaded:
    """Look at the branch once, so that there is something to serve.

    Raises:
        ConfigError: there is no good commit, neither a new one nor one from before.
    """
    loaded = await sync.follow()
    if sync.status.error:
        _say(f"branch: {sync.status.error}")
    if loaded is None:
        raise ConfigError("the branch has no good commit to begin with", mend="mend the branch, then start again")
    return loaded


async def _serve(projects: Sequence[tuple[Loaded, Settings]], sync: Sync | None, address: tuple[str, int]) -> Exit:
    from runner.web.branch import Branch
    from runner.web.listening import listening
    from runner.web.project_mounts import joined
    from runner.web.service import opened

    stop = Stop()
    listen(stop)
    async with AsyncExitStack() as stack:
        services: dict[str, Service] = {}
        for loaded, settings in projects:
            branch = None if sync is None else Branch(sync, loaded, _say)
            services[loaded.project.name] = await stack.enter_async_context(opened(loaded, settings, branch=branch))
        only = next(iter(services.values())) if len(services) == 1 else None
        url = await stack.enter_async_context(listening(joined(services) if only is None else only.app(), *address))
        out(f"listening on {url}")
        for (_, settings), (name, service) in zip(projects, services.items(), strict=True):
            _introduce(service, settings, "" if only is not None else f"/{name}")
        await stop.wait()
        await asyncio.gather(
            *[one.stop() for one in services.values()]
        )  # while it still answers, and says that it ends
    return Exit.DONE


def _say(text: str) -> None:
    err(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {one_line(text)}")


def _introduce(service: Service, settings: Settings, root: str) -> None:
    triggers = service.triggers
    lines = [f"{one.recipe}: model type {one.name} at {root}/model_run" for one in triggers.model_types]
    lines += [f"{one.recipe}: webhook {root}{one.path}" for one in triggers.hooks.values()]
    lines += [f"{one.recipe}: schedule {one.key.partition(' ')[2]}" for one in triggers.schedules]
    lines += ["the Git host may nudge at /git/push"] if settings.repo_secret else []
    for line in lines or ["no recipe has a trigger: nothing will start by itself"]:
        err(f"  {line}")
