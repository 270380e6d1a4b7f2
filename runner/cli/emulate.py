"""`runner emulate`: a stand-in of a platform on loopback."""

from __future__ import annotations

import asyncio
import json

import click

from runner.cli.exits import Exit
from runner.emulators import EMULATORS, create, not_installed


@click.command("emulate")
@click.argument("platform", type=click.Choice(list(EMULATORS)))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=0, show_default=True, type=click.IntRange(0, 65535), help="0 picks a free port.")
@click.option("--token", default="emulator", show_default=True, help="The key that the stand-in accepts.")
@click.option(
    "--knob", "knobs", multiple=True, metavar="NAME=VALUE", help="A switch of the stand-in; VALUE is JSON or text."
)
def command(platform: str, host: str, port: int, token: str, knobs: tuple[str, ...]) -> Exit:
    """Serve a stand-in of PLATFORM that does real work on what it is sent.

    The first line printed is its address. GET /_emulator/stats counts what it was asked, POST /_emulator/knobs turns
    its switches (latency, faults, page sizes) while it runs. Ctrl-C ends it.

    \b
    Examples:
      runner emulate aihub --port 8900
      runner emulate jobs --port 0 --knob duration_s=0.5
      curl http://127.0.0.1:8900/_emulator/stats
    """
    try:
        from runner.emulators.serve import serve_forever  # the web parts come with an extra

        app = create(platform, token=token, **dict(_knob(text) for text in knobs))
    except ImportError as error:
        raise not_installed(error) from error
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    asyncio.run(serve_forever(app, host, port))
    return Exit.DONE


def _knob(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f'"{text}" is no knob: write NAME=VALUE')
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
