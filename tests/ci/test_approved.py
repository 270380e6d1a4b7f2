"""The plan that was approved with the pull request whose merge a push is."""

from typing import Any

import pytest

from tests.ci.host import Host
from tests.ci.machine import Machine

HEAD, MERGED = "a" * 40, "c" * 40
PULL = {"merged_at": "2026-11-21T10:00:00Z", "merge_commit_sha": MERGED, "head": {"sha": HEAD}}


def artifact(
    run: int, created: str = "2026-11-20", *, repository: int = 1, head: str = HEAD, **more: Any
) -> dict[str, Any]:
    return {
        "name": f"runner-plan-{HEAD}",
        "expired": False,
        "created_at": created,
        "workflow_run": {"id": run, "repository_id": 1, "head_repository_id": repository, "head_sha": head},
        **more,
    }


def found(machine: Machine, host: Host, commit: str = MERGED) -> str:
    environ = {"GITHUB_API_URL": host.url, "GITHUB_REPOSITORY": "team/recipes", "GITHUB_TOKEN": host.token}
    done = machine("python3 ci/scripts/approved.py", **environ, GITHUB_SHA=commit)
    assert done.code == 0, done.out
    return done.out


def test_the_newest_plan_of_the_head_is_taken(machine: Machine, host: Host):
    host.pulls.append(PULL)
    host.artifacts += [artifact(11, "2026-11-20"), artifact(12, "2026-11-21")]
    assert found(machine, host) == f"run-id=12\nname=runner-plan-{HEAD}\n"


def test_a_fast_forward_merge_is_its_own_head(machine: Machine, host: Host):
    host.pulls.append({**PULL, "merge_commit_sha": None})
    host.artifacts.append(artifact(11))
    assert "run-id=11" in found(machine, host, HEAD)


@pytest.mark.parametrize(
    "one",
    [artifact(11, repository=2), artifact(11, expired=True), artifact(11, head="b" * 40)],
    ids=["fork", "old", "other"],
)
def test_a_plan_of_a_fork_an_old_one_and_anothers_is_none(machine: Machine, host: Host, one: dict[str, Any]):
    host.pulls.append(PULL)
    host.artifacts.append(one)
    assert found(machine, host) == "run-id=\n"


@pytest.mark.parametrize("pull", [{**PULL, "merged_at": None}, {**PULL, "merge_commit_sha": "d" * 40}])
def test_a_push_that_is_no_merge_has_none(machine: Machine, host: Host, pull: dict[str, Any]):
    host.pulls.append(pull)
    host.artifacts.append(artifact(11))
    assert found(machine, host) == "run-id=\n"
