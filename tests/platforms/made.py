"""Connections over stand-ins, jobs of plain items, and the steps that an engine would take."""

import asyncio
from dataclasses import replace
from pathlib import Path
from random import Random

import httpx

from runner.documents import parse
from runner.model.contracts import Place, Preparing
from runner.model.item import Item
from runner.model.job import Job
from runner.model.secret import Secret
from runner.platforms import Catalog, connect
from runner.platforms.manifest import _load
from tests.transport.doubles import Ticks

OWN = Path(__file__).parent / "manifests"
EXAMPLES = Path(__file__).parents[2] / "recipes/platforms"
SECRET = "sk-very-secret-0123456789"
PLACE = Place(Path("/nowhere"), Path("/nowhere/.runner"), Ticks())


class Bytes:
    """The body of a file in memory."""

    def __init__(self, data):
        self.data = data

    @property
    def size(self):
        return len(self.data)

    async def chunks(self):
        for at in range(0, len(self.data), 1 << 20):
            yield self.data[at : at + (1 << 20)]


def item(key, value=None, data=None):
    """An item with a value, or a file."""
    facts = {"name": key.rpartition("/")[2], "size": len(data)} if data is not None else {}
    return Item(
        key,
        key.encode("utf-8", "replace")[:16].ljust(16, b"."),
        {**facts, **(value or {})},
        None if data is None else Bytes(data),
    )


def job(*items, key="0123456789abcdef" * 2, **facts):
    """A first attempt over items."""
    return Job(key, 1, items, **facts)


def manifest(text):
    """A manifest from YAML; fails when it has a problem."""
    made, problems = _load(parse(text, "platform.yaml"))
    assert not problems, "\n".join(map(str, problems))
    return made


def problems(text):
    """Slug and line of everything that is wrong with a manifest."""
    return sorted((problem.slug, problem.mark.line) for problem in _load(parse(text, "platform.yaml"))[1])


def real_connection(platform, **more):
    """A connection over the real network to a host of the documentation's range, for tests that let nothing out."""
    fields = {"base_url": "https://192.0.2.7", "token": Secret(SECRET)}
    return connect(platform, fields, clock=Ticks(), rng=Random(1), **more)


def over(handler, platform, fields=None, *, clock=None, transport=None):
    """A connection to a manifest (or the name of one) whose requests go to `handler(httpx.Request)`."""
    if isinstance(platform, str):
        platform = Catalog([OWN, EXAMPLES]).manifest(platform)
    fields = {"base_url": "https://api.example.com", "token": Secret(SECRET)} if fields is None else fields
    return connect(
        platform, fields, clock=clock or Ticks(), rng=Random(1), transport=transport or httpx.MockTransport(handler)
    )


async def sent(target, one):
    """Prepare and submit a job; return it as the ledger would have it, and the state that the reply told."""
    at = target._session.clock.now()
    kept = dict(await target.prepare(one)) if isinstance(target, Preparing) else {}
    one = replace(one, kept=kept, sent_at=at)
    submitted = await target.submit(one)
    return replace(one, id=submitted.id, kept={**kept, **submitted.kept}, accepted_at=at), submitted.state


async def finished(target, one, state=None, polls=1000):
    """Poll a job to its end; return it with what the polls kept, and its last state."""
    for _ in range(polls):
        if state is not None and state.is_terminal:
            return one, state
        state = await target.poll(one)
        one = replace(one, kept={**one.kept, **state.kept})
        await asyncio.sleep(0.001)
    raise AssertionError("the job did not end")


async def gathered(target, one, state):
    """All results by item key."""
    return {result.key: result async for batch in target.results(one, state) for result in batch}


async def done(target, one):
    """A whole job; returns the last state and the results by key, read as after a restart: without bodies."""
    one, state = await finished(target, *await sent(target, one))
    bare = replace(one, items=[replace(each, body=None) for each in one.items])
    return state, await gathered(target, bare, state)
