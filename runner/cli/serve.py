"""`runner serve`: start recipes by signed requests and by the clock."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from runner.cli import options
from runner.cli.console import err, one_line, out
from runner.cli.exits import Exit
from runner.cli.loading import load_or_stop
from runner.cli.options import Asked
from runner.cli.signals import listen
from runner.engine.stop import Stop
from runner.model.errors import ConfigError

if TYPE_CHECKING:
    from runner.assembly.loading import Loaded
    from runner.web.service import Service, Settings

EXTRA = "pip install 'runner[serve]'"


@click.command("serve")
@options.recipes
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
def command(asked: Asked, *, host: str, port: int, max_runs: int, at_once: int, api_token: str) -> Exit:
    """Wait for what triggers recipes: Labelbox's Train button, signed webhooks, schedules; and apply them.

    A request is on disk before it is answered: killed at any moment, the service goes on with it at its next start. The
    same model run sent twice starts once. SIGTERM ends the service within ten seconds: jobs on this machine are ended
    and start again with the service, jobs on platforms go on.

    \b
    Examples:
      runner serve -f recipes/
      runner serve -f recipes/ --host 0.0.0.0 --port 8080 --api-token api
      curl http://127.0.0.1:8080/api/runs
    """
    try:
        from runner.web.crew import Manners
        from runner.web.service import Settings  # the web parts come with an extra
    except ImportError as error:
        raise ConfigError(f"runner serve needs a library that is not installed: {error.name}", mend=EXTRA) from error
    loaded = load_or_stop(asked)
    settings = Settings(
        list(asked.paths), os.environ, dict(asked.variables), asked.profile, api_token, max_runs, Manners(at_once, _say)
    )
    return asyncio.run(_serve(loaded, settings, host, port))


async def _serve(loaded: Loaded, settings: Settings, host: str, port: int) -> Exit:
    from runner.web.listening import listening
    from runner.web.service import opened

    stop = Stop()
    listen(stop)
    async with opened(loaded, settings) as service, listening(service.app(), host, port) as url:
        out(f"listening on {url}")
        _introduce(service)
        await stop.wait()
        await service.stop()  # while it still answers: who asks is told that it ends
    return Exit.DONE


def _say(text: str) -> None:
    err(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {one_line(text)}")


def _introduce(service: Service) -> None:
    triggers = service.triggers
    lines = [f"{one.recipe}: model type {one.name} at /model_run" for one in triggers.model_types]
    lines += [f"{one.recipe}: webhook {one.path}" for one in triggers.hooks.values()]
    lines += [f"{one.recipe}: schedule {one.key.partition(' ')[2]}" for one in triggers.schedules]
    for line in lines or ["no recipe has a trigger: nothing will start by itself"]:
        err(f"  {line}")
