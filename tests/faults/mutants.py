"""Slips in manifests: `python -m tests.faults.mutants --count 1000 --seed 1`.

Each mutant is a shipped manifest with one slip: a typo in a template, a word or number of another place, a missing
field. Of those that `validate` lets pass, a target is applied twice over the platform's emulator, in this process and
on a clock that nobody waits for. However wrong the manifest is, the emulator may not accept more than items x attempts.
Prints the figures; ends with 1 when a mutant was paid more often.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx

from runner.documents import parse, to_yaml
from runner.emulators import create
from runner.emulators.aihub.apps import APPS, DEPLOYMENTS
from runner.emulators.labelbox.seed import STREET_APP
from runner.engine.lease import HeldLease
from runner.engine.progress import Progress
from runner.engine.run import ApplyOptions, apply_stage
from runner.engine.stop import Stop
from runner.ledger.memory import MemoryLedger
from runner.model.errors import RunnerError
from runner.model.item import Item
from runner.model.problem import Severity
from runner.model.recipe import PollRhythm, RunOptions
from runner.platforms import connect
from runner.platforms.manifest import Manifest, _load, _option_problems
from tests.engine.world import FastClock, work_on
from tests.platforms.made import PLACE, item

ROOT = Path(__file__).parents[2]
FILES = {
    **{name: ROOT / f"runner/platforms/manifests/{name}.yaml" for name in ("aihub", "label_studio", "labelbox")},
    "jobs": ROOT / "recipes/platforms/jobs.yaml",
}
ITEMS = 7
"""More than may be in flight before the first reply was understood, and more than one job where jobs are shared."""
LONGEST_S = 20.0
APPLIES = 2
HOST = "platform.test"


@dataclass(frozen=True)
class Scene:
    """A target of a platform that is applied, over items that its emulator knows.

    Attributes:
        counts: gives how often the emulator accepted paid work, of its desk.
    """

    platform: str
    kind: str
    items: Sequence[Item]
    options: dict[str, Any] = field(default_factory=dict)
    per_job: int | None = None
    knobs: dict[str, Any] = field(default_factory=dict)
    counts: Callable[[Any], int] = lambda desk: desk.submits.total()


def scenes() -> list[Scene]:
    """Every target of every shipped manifest, in each way that it has."""
    texts = [item(f"k{at}", {"id": f"k{at}", "text": f"text {at}"}) for at in range(ITEMS)]
    papers = [item(f"p{at}.txt", data=f"one two {at}".encode()) for at in range(ITEMS)]
    tasks = [item(str(at), {"id": at, "project": 3}) for at in range(1, ITEMS + 1)]
    rows = [item(row, {"id": row}) for row in _rows()]
    app = next(each for each in APPS if each.name == "Text Statistics")
    named = {"app": app.name, "owner": app.owner, "version": app.versions[-1]}
    deployed = {"deployment": list(DEPLOYMENTS)[1]}
    runs: dict[str, Any] = {"counts": lambda desk: desk.counts["runs"]}
    return [
        *(Scene("jobs", kind, texts, knobs={"inline": kind == "keyed"}) for kind in ("keyed", "job", "blind")),
        Scene("jobs", "batch", texts, per_job=3),
        Scene("aihub", "app", papers, named, 3, {"run_s": 0.0}),
        Scene("aihub", "deployment", papers, deployed, 3, {"run_s": 0.0}),
        Scene("label_studio", "prompt", tasks, {"prompt": 1, "version": 7}, 3, {"task_s": 0.0}, **runs),
        Scene("labelbox", "foundry_app", rows, {"app": STREET_APP}),
        Scene("labelbox", "foundry_app", rows, {"app": STREET_APP, "mode": "model_run"}, 3),
    ]


def _rows() -> list[str]:
    workspace = create("labelbox").state.workspace
    return list(workspace.rows)[:ITEMS]


# -- slips
PAYING = {"submit", "find", "errors", "message", "prepare", "element", "capabilities"}
"""Parts in which a slip is most likely to be paid for."""
WORDS: list[Any] = [200, 201, 400, 404, 429, 500, "5xx"]


def slip(value: Any, random: Random) -> tuple[Any, str]:
    """Return a copy of a manifest with one slip in it, and what was done where."""
    mutant = copy.deepcopy(value)
    places = [place for place in _places(mutant) if place[0] not in ("apiVersion", "kind", "name")]
    paying = [place for place in places if PAYING & set(place)]
    place = random.choice(paying if paying and random.random() < 0.6 else places)
    holder = mutant
    for step in place[:-1]:
        holder = holder[step]
    at, old = place[-1], holder[place[-1]]
    what = random.choice(("change", "change", "change", "change", "drop", "borrow"))
    if what == "drop":
        del holder[at]
    elif what == "borrow":
        others = [one for one in places if type(one[-1]) is type(at) and type(_at(mutant, one)) is type(old)]
        alike = [one for one in others if one[-1] == at] or others
        holder[at] = copy.deepcopy(_at(mutant, random.choice(alike)))
    else:
        holder[at] = _changed(old, random)
    return mutant, f"{what} {'.'.join(map(str, place))}: {old!r} -> {_short(mutant, place)}"


def _places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        if step not in ("description", "title", "documentation", "mend", "examples"):
            yield (*above, step)
            yield from _places(inner, (*above, step))


def _at(value: Any, place: tuple[Any, ...]) -> Any:
    for step in place:
        value = value[step]
    return value


def _short(value: Any, place: tuple[Any, ...]) -> str:
    try:
        return repr(_at(value, place))[:200]
    except LookupError:
        return "nothing"


def _changed(value: Any, random: Random) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return random.choice([0, 1, value + 1, value * 10, *WORDS])
    if isinstance(value, str):
        return _typo(value, random)
    if isinstance(value, list):
        return [*value, random.choice(WORDS)] if random.random() < 0.4 else value[: len(value) // 2]
    if isinstance(value, dict) and len(value) > 1:
        first, second = random.sample(list(value), 2)
        return {**value, first: value[second], second: value[first]}
    return None


def _typo(text: str, random: Random) -> str:
    if text.startswith("{{") and random.random() < 0.3:
        inner = text.removeprefix("{{").removesuffix("}}").strip()
        return random.choice(
            ["{{ none }}", "", "{{ true }}", f"{{{{ not ({inner}) }}}}", f"{{{{ ({inner}) | string }}}}"]
        )
    if not text:
        return "x"
    at = random.randrange(len(text))
    how = random.randrange(4)
    if how == 0:
        return text[:at] + text[at + 1 :]
    if how == 1:
        return text[:at] + text[at] + text[at:]
    if how == 2:
        return text[:at] + random.choice("abcdeist_0123456789") + text[at + 1 :]
    return text[: at - 1] + text[at : at + 1] + text[at - 1 : at] + text[at + 1 :] if at else text[::-1]


# -- what comes of them
@dataclass
class Outcome:
    """One mutant that was let pass: how often it was accepted, and how its applies ended."""

    what: str
    scene: Scene
    attempts: int
    accepted: int
    ends: list[str]

    @property
    def is_bounded(self) -> bool:
        return self.accepted <= len(self.scene.items) * self.attempts


def compiled(value: Any) -> Manifest | None:
    """Return a manifest when `validate` lets it pass."""
    document = parse(to_yaml(value), "mutant.yaml")
    manifest, problems = _load(document)
    if manifest is None or any(problem.severity is Severity.ERROR for problem in problems):
        return None
    return None if any(each.severity is Severity.ERROR for each in _option_problems(document)) else manifest


async def tried(manifest: Manifest, scene: Scene, attempts: int) -> tuple[int, list[str]]:
    """Apply a scene twice; return how often it was accepted, and how the applies ended."""
    clock = FastClock(time.time())
    app = create(scene.platform, clock=clock.now, **scene.knobs)
    fields = {**manifest.emulated(f"http://{HOST}", "emulator"), "allow_hosts": [HOST]}
    ends = []
    ledger = MemoryLedger()
    run = RunOptions(
        items_per_job=scene.per_job,
        attempts=attempts,
        poll=PollRhythm(1.0, 2.0, 60.0),
        timeout_s=1800.0,
        max_in_flight=16,
    )
    for _ in range(APPLIES):
        try:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            connection = connect(manifest, fields, clock=clock, rng=Random(1), transport=transport)
            target: Any = connection.target(scene.kind, scene.options, PLACE)
            work = work_on(ledger, scene.items, target, clock=clock, run=run)
            lease = await ledger.acquire("numbers", {"pid": 1}, clock.now(), 1e9)
            options = ApplyOptions(chance=lambda: 0.5)
            async with asyncio.timeout(LONGEST_S):
                report = await apply_stage(work, HeldLease(ledger, lease, clock, 1e9), options, Progress(), Stop())
            ends.append(report.outcome)
        except RunnerError as error:
            ends.append(type(error).__name__)
        except TimeoutError:
            ends.append("endless")
        with suppress(RunnerError, UnboundLocalError):
            await ledger.release(lease)
            await connection.close()
    return scene.counts(app.state.desk), ends


def mutants(count: int, seed: int) -> Iterator[Outcome | None]:
    """Try so many mutants; give None for one that `validate` refuses."""
    random = Random(seed)
    values = {name: parse(path.read_text(encoding="utf-8"), path.name).value for name, path in FILES.items()}
    known = scenes()
    for _ in range(count):
        scene = random.choice(known)
        value, what = slip(values[scene.platform], random)
        while (what_kind := _target_of(what)) and what_kind != scene.kind:
            value, what = slip(values[scene.platform], random)
        attempts = random.choice((1, 2))
        manifest = compiled(value)
        if manifest is None:
            yield None
            continue
        accepted, ends = asyncio.run(tried(manifest, scene, attempts))
        yield Outcome(f"{scene.platform}.{scene.kind} {what}", scene, attempts, accepted, ends)


def _target_of(what: str) -> str:
    """Return the target in which a slip is; what is in sources, sinks and notifiers has no effect on a target."""
    room, _, rest = what.split(" ", 1)[1].partition(".")
    if room in ("sources", "sinks", "notifiers"):
        return room
    return rest.split(".")[0].rstrip(":") if room == "targets" else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verbose", action="store_true")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    began, passed, wrong = time.monotonic(), 0, 0
    ends: Counter[str] = Counter()
    for outcome in mutants(given.count, given.seed):
        if outcome is None:
            continue
        passed += 1
        ends.update(outcome.ends)
        if given.verbose or not outcome.is_bounded:
            bound = f"{outcome.accepted} of {len(outcome.scene.items)} x {outcome.attempts}"
            print(f"{bound}  {outcome.ends}  {outcome.what}")
        wrong += not outcome.is_bounded
    print(f"{given.count} mutants, {passed} let pass by validate, {wrong} paid more often than items x attempts")
    print(f"ends of {APPLIES} applies each: {dict(ends.most_common())}")
    print(f"{time.monotonic() - began:.0f} s, seed {given.seed}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
