"""What the manifests promise is tried on the emulators of their platforms, on good days and on bad ones.

Waiting is most of what a case does, so that all of them run at one time.
"""

import asyncio
from pathlib import Path

import pytest

from runner.assembly.trial.reading import load_trials
from runner.assembly.trial.running import run_case
from runner.assembly.trial.stands import Means
from runner.documents import read

TRIALS = load_trials([Path(__file__).with_name("promises")])
CASES = [(trial, case) for trial in TRIALS for case in trial.cases]
NAMES = [f"{Path(trial.file).name.split('.')[0]}: {case.name}" for trial, case in CASES]
MANIFESTS = sorted(Path(__file__).parents[3].glob("runner/platforms/manifests/*.yaml"))


@pytest.fixture(scope="module")
def tried():
    async def all_of_them():
        means = Means("", {})
        return await asyncio.gather(*(run_case(trial, case, means) for trial, case in CASES))

    return dict(zip(NAMES, asyncio.run(all_of_them()), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_as_promised(tried, name):
    assert [f"{found.mark.line}: {found.what}" for found in tried[name].findings] == []
    assert tried[name].skipped == ""


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.stem)
def test_every_target_of_a_manifest_is_tried(manifest):
    kinds = {kind for trial, case in CASES if case.promises for kind in case.target}
    stated = read(manifest).value
    assert {f"{stated['name']}.{target}" for target in stated.get("targets", {})} <= kinds
