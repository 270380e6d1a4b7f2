"""A service that follows a branch: what a commit changes is applied, the Git host may say when to look."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from runner.gitops.checkout import Checkout, Remote
from runner.gitops.sync import Settings as SyncSettings
from runner.gitops.sync import Sync
from runner.transport.clock import SystemClock
from runner.web.branch import PUSH, RESTART, Branch
from runner.web.listening import listening
from runner.web.service import Service, Settings, opened
from tests.gitops.work_tree import add_recipe, commit, git, new_project
from tests.web.place import ENVIRON, PROJECT, SECRET, Client, signature

HOOK = "triggers: [{webhook: {path: /hooks/c, secret: shop}}]\n"


class Followed:
    """A project that is pushed to a bare repository, served from a clone that looks at it once an hour."""

    def __init__(self, folder: Path) -> None:
        self.work = new_project(folder / "work", "a", "b")
        (self.work / "runner.yaml").write_text(PROJECT + "allow: {commands: [tr]}\n")
        recipe = add_recipe(self.work, "c")
        recipe.write_text(recipe.read_text() + HOOK)
        commit(self.work, "c waits for its hook")
        self.bare, self.clone = folder / "bare.git", folder / "clone"
        git(folder, "clone", "-q", "--bare", str(self.work), str(self.bare))
        git(self.work, "remote", "add", "origin", str(self.bare))
        self.said: list[str] = []

    def push(self) -> str:
        made = commit(self.work, "more")
        git(self.work, "push", "-q", "origin", "HEAD:main")
        return made

    @asynccontextmanager
    async def served(self, **more: Any) -> AsyncIterator[Client]:
        settings = SyncSettings(every_s=3600.0, triggered_too=False)
        sync = Sync(Checkout(self.clone, Remote(str(self.bare))), settings, SystemClock(), ENVIRON)
        loaded = await sync.follow()
        assert loaded is not None, sync.status.error
        branch = Branch(sync, loaded, self.said.append)
        given = Settings([self.clone], ENVIRON, **{"repo_secret": "shop", **more})
        async with (
            opened(loaded, given, branch=branch) as service,
            listening(service.app(), "127.0.0.1", 0) as url,
            httpx.AsyncClient(base_url=url, timeout=30) as http,
        ):
            await self.until(lambda: "branch: at commit" in "".join(self.said), http)
            yield Client(url, http, service)

    async def until(self, true: Callable[[], bool], http: httpx.AsyncClient) -> None:
        """Wait by asking the service, which needs the loop as well."""
        async with asyncio.timeout(20):
            while not true():
                await http.get("/healthz")

    async def looked(self, client: Client) -> None:
        """Push what was written, let the host tell it, and wait until the service has looked."""
        self.push()
        self.said.clear()
        assert (await push(client)).status_code == 202
        await self.until(lambda: "branch: at commit" in "".join(self.said), client.http)


async def push(client: Client, body: bytes = b"{}", **headers: str) -> httpx.Response:
    given = headers or {"X-Hub-Signature-256": signature(body, SECRET, "sha256")}
    return await client.http.post(PUSH, content=body, headers=given)


async def recipes(client: Client) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return name to health, and the branch."""
    found = (await client.http.get("/api/recipes")).json()
    return {recipe["name"]: recipe["health"] for recipe in found["recipes"]}, found["branch"]


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    return Followed(tmp_path)


def run(followed: Followed, work: Callable[[Client], Awaitable[Any]], **more: Any) -> Any:
    async def done() -> Any:
        async with followed.served(**more) as client:
            return await work(client)

    return asyncio.run(done())


def test_recipes_without_triggers_are_applied_and_their_health_is_told(followed: Followed) -> None:
    health, branch = run(followed, recipes)
    assert [each and each["state"] for _, each in sorted(health.items())] == ["healthy", "healthy", None]
    head = git(followed.work, "rev-parse", "HEAD")
    assert (branch["healthy"], branch["commit"], branch["restart"]) == (True, head, "")
    assert sorted(file.name for file in (followed.clone / "out").iterdir()) == ["a.jsonl", "b.jsonl"]


def test_a_push_is_applied_at_once(followed: Followed) -> None:
    async def pushed(client: Client) -> str:
        add_recipe(followed.work, "b", text="bye")
        await followed.looked(client)
        return (followed.clone / "out/b.jsonl").read_text()

    assert run(followed, pushed) == '{"text":"BYE"}\n'
    assert followed.said[0] == "branch: b: done"


def test_a_bad_commit_is_told_and_the_last_good_one_stays(followed: Followed) -> None:
    async def broken(client: Client) -> tuple[Any, str]:
        (followed.work / "recipes/a.yaml").write_text("kind: Recipe\n")
        await followed.looked(client)
        return await recipes(client), (await client.http.get("/metrics")).text

    (health, branch), metrics = run(followed, broken)
    assert sorted(health) == ["a", "b", "c"]
    assert branch["healthy"] is False and branch["error"].startswith("recipes/a.yaml:1")
    assert "runner_sync_healthy 0\n" in metrics
    assert 'runner_recipe_health{recipe="a",state="healthy"} 1\n' in metrics


def test_a_hook_runs_what_the_newest_commit_says(followed: Followed) -> None:
    async def hooked(client: Client) -> str:
        recipe = add_recipe(followed.work, "c", text="newest")
        recipe.write_text(recipe.read_text() + HOOK)
        await followed.looked(client)
        assert not (followed.clone / "out/c.jsonl").exists()
        await client.hook(b"{}", "/hooks/c")
        await client.ended()
        return (followed.clone / "out/c.jsonl").read_text()

    assert run(followed, hooked) == '{"text":"NEWEST"}\n'


@pytest.mark.parametrize(
    ("path", "old", "new"), [("recipes/c.yaml", "/hooks/c", "/hooks/d"), ("runner.yaml", "env: TOKEN", "env: OTHER")]
)
def test_changed_triggers_and_secrets_ask_for_a_restart(followed: Followed, path: str, old: str, new: str) -> None:
    async def changed(client: Client) -> Any:
        file = followed.work / path
        file.write_text("# why\n" + file.read_text())
        await followed.looked(client)
        assert (await recipes(client))[1]["restart"] == ""
        file.write_text(file.read_text().replace(old, new))
        await followed.looked(client)
        return await recipes(client)

    assert run(followed, changed)[1]["restart"] == RESTART
    assert RESTART in followed.said[-1]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"X-Hub-Signature-256": signature(b"{}", SECRET, "sha256")}, 202),
        ({"X-Gitlab-Token": SECRET}, 202),
        ({"X-Gitlab-Token": "wrong"}, 401),
        ({"X-Gitlab-Token": ""}, 401),
        ({"X-Hub-Signature-256": signature(b"{ }", SECRET, "sha256")}, 401),
        ({"X-Hub-Signature-256": signature(b"{}", "wrong", "sha256")}, 401),
        ({"X-Hub-Signature": signature(b"{}", SECRET, "sha1")}, 401),
        ({"X-Other": "x"}, 401),
    ],
)
def test_who_may_say_so(followed: Followed, headers: dict[str, Any], code: int) -> None:
    assert run(followed, lambda client: push(client, **headers)).status_code == code


def test_a_large_push_is_taken_and_a_huge_one_is_not(followed: Followed) -> None:
    async def sent(client: Client) -> list[int]:
        return [(await push(client, b"x" * size)).status_code for size in (3 << 20, (8 << 20) + 1)]

    assert run(followed, sent) == [202, 413]


def test_without_a_secret_there_is_no_such_path(followed: Followed) -> None:
    async def asked(client: Client) -> tuple[int, bool]:
        paths = (await client.http.get("/api/openapi.json")).json()["paths"]
        return (await push(client)).status_code, PUSH in paths

    assert run(followed, asked, repo_secret="") == (404, False)


def test_the_path_is_described(followed: Followed) -> None:
    document = json.loads(run(followed, lambda client: client.http.get("/api/openapi.json")).text)
    assert set(document["paths"][PUSH]["post"]["responses"]) == {"202", "401", "408", "413"}


def test_the_end_of_the_service_ends_what_the_branch_does(followed: Followed) -> None:
    async def slow(client: Client) -> Service:
        recipe = followed.work / "recipes/a.yaml"
        recipe.write_text(recipe.read_text().replace("[tr, a-z, A-Z]", "[sleep, '3']"))
        followed.push()
        await push(client)
        await followed.until((followed.clone / ".runner/jobs").exists, client.http)
        return client.service

    service = run(followed, slow)
    assert service.fault == "the service is ending"


def test_in_a_freeze_nothing_is_applied_whoever_asks(followed: Followed) -> None:
    freeze = "freeze: [{from: 2020-01-01, until: 2099-12-31, reason: closed}]\n"

    async def frozen(client: Client) -> tuple[Any, list[dict[str, Any]]]:
        (followed.work / "runner.yaml").write_text(PROJECT + "allow: {commands: [tr]}\n" + freeze)
        add_recipe(followed.work, "a", text="bye")
        await followed.looked(client)
        await client.hook(b"{}", "/hooks/c")
        return await recipes(client), await client.ended()

    (_, branch), (one,) = run(followed, frozen)
    assert branch["frozen"] == "frozen until 2100-01-01 00:00 UTC: closed"
    assert (followed.clone / "out/a.jsonl").read_text() == '{"text":"HELLO"}\n'
    assert (one["outcome"], "frozen until" in str(one["error"])) == ("error", True)
