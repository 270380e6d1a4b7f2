"""The command `runner` as click has it: its commands, whose files are found when they are used."""

from __future__ import annotations

import importlib

import click

from runner.cli.exits import MEANING
from runner.model.suggestion import closest

COMMANDS = {
    "init": ("runner.cli.init", "Make a project with a recipe that runs at once."),
    "validate": ("runner.cli.validate", "Check recipes, project and manifests; every problem at once."),
    "render": ("runner.cli.render", "Show recipes as they are after rendering, secrets hidden."),
    "plan": ("runner.cli.plan", "Say what apply would do, and what it would cost."),
    "apply": ("runner.cli.apply", "Make it true, once; go on where an earlier apply ended."),
    "status": ("runner.cli.status", "Show what the ledger knows of recipes, jobs and sinks."),
    "retry": ("runner.cli.retry", "Submit failed items again, as new attempts."),
    "cancel": ("runner.cli.cancel", "End what runs, on the platform too."),
    "state": ("runner.cli.state", "Look into the ledger, and decide what no program may decide."),
    "test": ("runner.cli.test", "Try recipes and manifests on cases that stand beside them."),
    "sync": ("runner.cli.sync", "Follow a Git branch: validate, plan and apply each new commit."),
    "platforms": ("runner.cli.platforms", "List platforms, their kinds, options and promises."),
    "serve": ("runner.cli.serve", "Start recipes by signed requests and by the clock."),
    "emulate": ("runner.cli.emulate", "Serve a stand-in of a platform on loopback."),
    "schema": ("runner.cli.schema", "Print the JSON Schema of a document or kind."),
}
"""Command to the module that holds its function `command`, and its line in the help; a module is imported when used."""

EPILOG = "\b\nExit codes:\n" + "\n".join(f"  {int(code):>3}  {text}" for code, text in MEANING.items())


class Commands(click.Group):
    """A group that imports a command's file only when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of a working day."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was probably meant."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            close = closest(name, COMMANDS)
            hint = f' Did you mean "{close}"?' if close else ""
            ctx.fail(f'There is no command "{name}".{hint}')
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _print_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's form
    if value and not ctx.resilient_parsing:
        from runner import __version__  # start-up

        click.echo(f"runner {__version__}")
        ctx.exit()


@click.group(cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def runner() -> None:
    """Run paid, hosted AI jobs over your data from checked-in YAML recipes.

    \b
    Examples:
      runner init
      runner plan  -f recipes/
      runner apply -f recipes/invoices.yaml --emulate
      runner apply -f recipes/ --profile prod --wait 10m

    Shell completion: eval "$(_RUNNER_COMPLETE=bash_source runner)" (or zsh_source, fish_source).
    """


def help_text() -> str:
    """Return the help as a terminal of 80 columns or more shows it."""
    context = click.Context(runner, info_name="runner", terminal_width=80, **runner.context_settings)
    return runner.get_help(context) + "\n"


if __name__ == "__main__":  # python -m runner.cli.program > runner/cli/help.txt
    click.echo(help_text(), nl=False)
