"""One comment on a pull or merge request, made once and updated from then on."""

from pathlib import Path

import pytest

from tests.ci.host import Host
from tests.ci.machine import Machine, payload

COMMENT = "python3 ci/scripts/comment.py report.md"
MARKER = "<!-- runner:plan -->"


@pytest.fixture
def github(machine: Machine, host: Host, tmp_path: Path) -> dict[str, str]:
    return {
        "GITHUB_API_URL": host.url,
        "GITHUB_REPOSITORY": "team/recipes",
        "GITHUB_TOKEN": host.token,
        "GITHUB_EVENT_PATH": payload(tmp_path, '{"pull_request": {"number": 7}}'),
    }


def write(machine: Machine, text: str) -> None:
    (machine.work / "report.md").write_text(f"{MARKER}\n{text}\n")


def test_the_second_text_takes_the_place_of_the_first(machine: Machine, host: Host, github: dict[str, str]):
    host.comments.append({"id": 1, "body": "looks good"})
    for text in ("one", "two"):
        write(machine, text)
        assert machine(COMMENT, **github).code == 0
    assert [comment["body"] for comment in host.comments] == ["looks good", f"{MARKER}\ntwo\n"]


def test_it_is_found_behind_many_others(machine: Machine, host: Host, github: dict[str, str]):
    host.comments += [{"id": number, "body": "talk"} for number in range(1, 151)]
    host.comments.append({"id": 151, "body": f"{MARKER}\nold"})
    write(machine, "new")
    assert machine(COMMENT, **github).out == "comment 151 is updated\n"


def test_the_comment_of_another_one_is_left_alone(machine: Machine, host: Host, github: dict[str, str]):
    host.comments.append({"id": 1, "body": f"{MARKER}\nforged"})
    host.theirs.add(1)
    write(machine, "mine")
    assert machine(COMMENT, **github).out == "comment 2 is made\n"


def test_on_the_other_host(machine: Machine, host: Host):
    environ = {"GITLAB_CI": "true", "CI_API_V4_URL": host.url, "CI_PROJECT_ID": "5", "CI_MERGE_REQUEST_IID": "7"}
    for text in ("one", "two"):
        write(machine, text)
        assert machine(COMMENT, **environ, RUNNER_COMMENT_TOKEN=host.token).code == 0
    assert [comment["body"] for comment in host.comments] == [f"{MARKER}\ntwo\n"]


@pytest.mark.parametrize("event", ['{"pull_request": {"number": 7}}', '{"ref": "refs/heads/main"}'])
def test_without_a_token_or_a_request_there_is_none(machine: Machine, host: Host, tmp_path: Path, event: str):
    write(machine, "x")
    token = {} if "pull" in event else {"GITHUB_TOKEN": host.token}
    done = machine(COMMENT, GITHUB_EVENT_PATH=payload(tmp_path, event), **token)
    assert (done.code, "no comment" in done.out, host.asked) == (0, True, [])


def test_a_refusal_is_told_without_a_traceback(machine: Machine, host: Host, github: dict[str, str]):
    write(machine, "x")
    done = machine(COMMENT, **{**github, "GITHUB_TOKEN": "wrong"})
    assert (done.code, done.out) == (1, "the comment could not be written: 401 Unauthorized\n")
