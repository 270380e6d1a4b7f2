"""The way in: what can be said at once is said at once, all else by click; errors become messages and exit codes."""

from __future__ import annotations

import gc
import os
import sys

COLUMNS = 80
"""Width of the help in help.txt; a wider terminal shows the same."""
SELDOM = (50_000, 20, 20)
"""How often cycles are looked for: what is imported and loaded stays; to walk over it was a tenth of the time."""


def main() -> None:
    """Run the command line and leave with an exit code; a traceback is shown only with RUNNER_DEBUG=1."""
    _open_what_is_closed()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; every error becomes one message on standard error."""
    usual = gc.get_threshold()
    gc.set_threshold(*SELDOM)
    try:
        said = _at_once(arguments)
        if said is None:
            return _by_click(arguments)
        sys.stdout.write(said)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader went away (`| head`): not an error, and nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    finally:
        gc.set_threshold(*usual)
    return 0


def _open_what_is_closed() -> None:
    """Give a closed standard stream (`>&-`, some daemons) to nobody: a socket or the ledger would take its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003 - the lowest number that is free
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8"))  # noqa: PTH123, SIM115 - lasts


def _at_once(arguments: list[str]) -> str | None:
    """Return what can be said without importing click, which takes longer than all else; None when click must say it.

    That is the help, the version, and that one recipe is valid.
    """
    if "_RUNNER_COMPLETE" in os.environ:
        return None
    if arguments in (["--help"], ["-h"]) and _is_wide():
        # Not by pathlib: it takes as long to import as the whole of this.
        with open(f"{__file__.removesuffix('main.py')}help.txt", encoding="utf-8") as file:  # noqa: PTH123
            return file.read()
    if arguments == ["--version"]:
        from runner import __version__

        return f"runner {__version__}\n"
    if arguments[:1] == ["validate"] and len(arguments) <= 3:
        from runner.cli.at_once import validated

        try:
            return validated(arguments[1:])
        except Exception:  # noqa: BLE001 - the command meets it again, and says it
            return None
    return None


def _is_wide() -> bool:
    """Whether the help has its full width, as click would find out."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns) > 0:
        return int(columns) >= COLUMNS
    try:
        found = os.get_terminal_size(sys.__stdout__.fileno()).columns if sys.__stdout__ is not None else 0
    except (AttributeError, ValueError, OSError):
        found = 0
    return found >= COLUMNS or found == 0


def _by_click(arguments: list[str]) -> int:
    import click  # start-up: not for --help and --version

    from runner.cli.exits import Exit
    from runner.cli.program import runner

    try:
        outcome = runner.main(args=arguments, prog_name="runner", standalone_mode=False)
        return int(outcome or 0)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.Abort:
        click.echo("interrupted; state is safe", err=True)
        return Exit.INTERRUPTED
    except click.ClickException as error:
        error.show()
        return Exit.USAGE
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - each is printed, with its exit code
        from runner.cli.failures import tell  # start-up: only on failure

        return tell(error)
