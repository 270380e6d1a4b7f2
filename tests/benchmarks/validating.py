"""`runner validate` of a folder of recipes, 60 lines each, against loading the same files with the C YAML loader."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from tests.benchmarks.measure import ROOT, AtMost, Row, Setting, Variant, in_turns, python, seconds

LINES = 60
LOADING = Path(__file__).parent / "peers/loading.py"
EXAMPLES = ROOT / "recipes"


def rows(setting: Setting) -> Iterable[Row]:
    count = setting.size(1000, 50)
    folder = setting.room("validating")
    _write(folder, count)
    commands = {
        "loader": python(str(LOADING), "recipes"),
        "validate": python("-m", "runner", "validate", "-f", "recipes"),
    }
    environ = {"PYTHONDONTWRITEBYTECODE": "", "XDG_CACHE_HOME": str(folder / "cache")}
    variants = [Variant(name, command, folder, environ=environ) for name, command in commands.items()]
    samples = in_turns(variants, setting.runs)
    work = f"`runner validate` of {count:,} recipes of {LINES} lines"
    against = "loading them with the C YAML loader"
    most = None if setting.small else AtMost(3)  # of few recipes the start of the program is most
    ours, theirs = seconds(samples["validate"]), seconds(samples["loader"])
    yield Row(f"validating-{count}", work, against, "s", ours, theirs, most)


def _write(folder: Path, count: int) -> None:
    """Make the project: every recipe has a name, a sink and fields of its own."""
    (folder / "recipes").mkdir()
    shutil.copy(EXAMPLES / "runner.yaml", folder)
    shutil.copytree(EXAMPLES / "platforms", folder / "platforms")
    text = (EXAMPLES / "invoices.yaml").read_text()
    for index in range(count):
        named = text.replace("name: invoices", f"name: i{index:04}").replace("out/invoices", f"out/i{index:04}")
        missing = LINES - len(named.splitlines())
        fields = "".join(
            f'  field_{number}: "{{{{ result.fields.f{index}_{number} }}}}"\n' for number in range(missing)
        )
        (folder / f"recipes/i{index:04}.yaml").write_text(named.replace("record:\n", f"record:\n{fields}"))
