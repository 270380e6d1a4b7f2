"""How long it takes until something happens: `runner --help` and `runner validate` of one recipe.

Whole processes of the installed program (its script does nothing but the two lines written here), against `python -c
pass` of the same interpreter, many times in turns.
"""

from __future__ import annotations

from collections.abc import Iterable

from tests.benchmarks.measure import ROOT, AtMost, Row, Setting, Variant, in_turns, python, seconds

TIMES = 5
"""Rounds here for each round that was asked for: they take a tenth of a second."""
RECIPE = ROOT / "recipes/invoices.yaml"
SCRIPT = "import sys\nfrom runner.cli.main import main\nsys.exit(main())\n"


def rows(setting: Setting) -> Iterable[Row]:
    folder = setting.room("starting")
    script = folder / "start.py"
    script.write_text(SCRIPT)
    # The bytecode is there, as after an installation; the first round writes it.
    environ = {"PYTHONDONTWRITEBYTECODE": "", "XDG_CACHE_HOME": str(folder / "cache")}
    commands = {
        "pass": python("-c", "pass"),
        "help": python(str(script), "--help"),
        "validate": python(str(script), "validate", "-f", str(RECIPE)),
    }
    variants = [Variant(name, command, folder, environ=environ) for name, command in commands.items()]
    samples = in_turns(variants, setting.runs * TIMES)
    floor = seconds(samples["pass"])
    note = "bytecode and manifests are known, as after the first call"
    against = "`python -c pass`"
    yield Row("starting-help", "`runner --help`", against, "s", seconds(samples["help"]), floor, AtMost(4), note)
    work = "`runner validate` of one recipe"
    yield Row("starting-validate", work, against, "s", seconds(samples["validate"]), floor, AtMost(10), note)
