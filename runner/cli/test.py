"""`runner test`: try recipes and manifests on cases that stand beside them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from runner.assembly.trial.document import Trial
from runner.assembly.trial.reading import load_trials
from runner.assembly.trial.running import Tried, run_case
from runner.assembly.trial.stands import Means, means_of
from runner.cli import options
from runner.cli.console import draw, erase, one_line, out, out_json, paint
from runner.cli.exits import Exit
from runner.cli.failures import problem_text
from runner.cli.forms.problem_json import problem_json
from runner.cli.forms.trial_junit import trial_junit
from runner.cli.loop import run
from runner.cli.plan_text import count


@click.command("test")
@options.files("A recipe, a manifest, a NAME.test.yaml, or a folder of them")
@options.output("text", "json", "junit")
@click.option(
    "--against",
    default="",
    metavar="URL",
    help="Root of the place where the platform (or a sandbox of it) answers, instead of an emulator. What is sent "
    "there is paid there. RUNNER_TEST_TOKEN holds the secret.",
)
@click.option(
    "--untrusted",
    is_flag=True,
    help="Run no command, read no variable and no file outside the project, for a stranger's checkout.",
)
def command(*, paths: tuple[Path, ...], more: tuple[Path, ...], form: str, against: str, untrusted: bool) -> Exit:
    """Run the cases of NAME.test.yaml files: some items, what goes wrong, and what must come of it.

    A case runs against an emulator inside this process, an exchange that was recorded, or --against. Waiting is
    skipped, no sink is written, no ledger kept, and no real platform reached but with --against. Exit code 12 when a
    case fails, 3 when a file is wrong; a case that cannot run here is skipped.

    `runner schema test` says what may stand in a file.

    \b
    Examples:
      runner test -f recipes/
      runner test -f recipes/invoices.yaml -o junit > tests.xml
      RUNNER_TEST_TOKEN=... runner test -f platforms/acme.yaml --against https://sandbox.acme.example
    """
    if against and not against.startswith(("http://", "https://")):
        raise click.UsageError(f'--against "{against}": write a URL, http://127.0.0.1:8900')
    if against and untrusted:
        raise click.UsageError("--against reaches a host, which --untrusted never does: use one of them")
    trials = load_trials([*paths, *more])
    tried = run(_tried(trials, form, means_of(against, os.environ, is_trusted=not untrusted)))
    if form == "json":
        out_json({"format_version": 1, "kind": "Test", "cases": [_document(each) for each in tried]})
    elif form == "junit":
        out(trial_junit(tried))
    else:
        out(_summary(tried))
    return Exit.CHECK_FAILED if any(each.findings for each in tried) else Exit.DONE


async def _tried(trials: Sequence[Trial], form: str, means: Means) -> list[Tried]:
    found: list[Tried] = []
    for trial in trials:
        for case in trial.cases:
            draw(f"{trial.file}  {one_line(case.name)}")
            found.append(await run_case(trial, case, means))
            erase()
            if form == "text":
                out(_block(found[-1]))
    return found


def _block(tried: Tried) -> str:
    named = f"{tried.trial.file}  {one_line(tried.case.name)}"
    if tried.skipped:
        return f"{paint('skip', 'warn')}  {named}    {tried.skipped}"
    mark = paint("FAIL", "bad") if tried.findings else paint("pass", "good")
    head = f"{mark}  {named}    {tried.seconds:.1f} s"
    return "\n".join([head, *(problem_text(finding, sys.stdout) for finding in tried.findings)])


def _summary(tried: Sequence[Tried]) -> str:
    failed, skipped = sum(bool(each.findings) for each in tried), sum(bool(each.skipped) for each in tried)
    passed = len(tried) - failed - skipped
    parts = [f"{count(passed, 'case')} passed"]
    parts += [f"{number} {what}" for number, what in ((failed, "failed"), (skipped, "skipped")) if number]
    return paint(", ".join(parts), "bad" if failed else "good" if passed else "warn")


def _document(tried: Tried) -> dict[str, object]:
    return {
        "file": tried.trial.file,
        "case": tried.case.name,
        "passed": not tried.findings and not tried.skipped,
        "skipped": tried.skipped,
        "findings": [problem_json(finding) for finding in tried.findings],
        "seconds": round(tried.seconds, 3),
    }
