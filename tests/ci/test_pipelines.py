"""The pipelines from end to end, as far as they run without their hosts: every command of the files, in order."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.ci.host import Host
from tests.ci.machine import ROOT, Machine, commands, document, payload
from tests.gitops.work_tree import PROJECT, commit, git
from tests.ledger.server import postgres

MINE = "github.event.pull_request.head.repo.full_name == github.repository"
APPLIED = "github.event_name == 'push' && 'plan/plan.json' || ''"


class GitHub:
    """Runs the jobs of the workflow on a machine."""

    def __init__(self, machine: Machine, host: Host, folder: Path) -> None:
        self.machine = machine
        self.output = folder / "output"
        self.flow = document("github-actions.yaml")
        self.environ = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": host.url,
            "GITHUB_REPOSITORY": "team/recipes",
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_EVENT_PATH": payload(folder, '{"pull_request": {"number": 7}}'),
            "RECIPES": self.flow["env"]["RECIPES"],
        }
        self.known = {
            "github.token": host.token,
            "secrets.RUNNER_LEDGER": ".runner/l.db",
            "secrets.AIHUB_TOKEN": "",
            APPLIED: "plan/plan.json",
        }

    def run(self, job: str, **environ: str) -> list[str]:
        """Run the commands of a job; return what they said. The one that needs no approved plan is passed over."""
        said = []
        for command, given in commands(self.flow["jobs"][job]["steps"], self.known):
            if "::notice" not in command:
                done = self.machine(command, "/bin/bash", **self.environ, **given, **environ)
                assert done.code == 0, done.out
                said.append(done.out)
        return said


@pytest.fixture
def github(machine: Machine, host: Host, tmp_path: Path) -> GitHub:
    (machine.work / "runner.yaml").write_text(PROJECT + "ledger: {env: RUNNER_LEDGER}\n")
    commit(machine.work, "a ledger elsewhere")
    return GitHub(machine, host, tmp_path)


def test_from_a_pull_request_to_the_merge(github: GitHub, machine: Machine, host: Host):
    git(machine.work, "checkout", "-qb", "topic")
    head = machine.change("b", text="bye")
    git(machine.work, "checkout", "-q", "main")
    git(machine.work, "merge", "-q", "--no-ff", "-m", "merge", "topic")
    github.run("validate")
    github.run("plan")
    (comment,) = host.comments
    assert comment["body"].startswith("<!-- runner:plan -->\n### runner plan: 1 item to submit in 1 job, 1 sink")
    sha = git(machine.work, "rev-parse", "HEAD")
    host.pulls.append({"merged_at": "x", "merge_commit_sha": sha, "head": {"sha": head}})
    run = {"id": 5, "repository_id": 1, "head_repository_id": 1, "head_sha": head}
    host.artifacts.append({"name": f"runner-plan-{head}", "expired": False, "created_at": "x", "workflow_run": run})
    said = github.run("apply", GITHUB_SHA=sha)
    assert github.output.read_text() == f"run-id=5\nname=runner-plan-{head}\n"
    assert "| b | ✅ done | 1 succeeded |" in said[-1]
    assert not (machine.work / "out/a.jsonl").exists()


def test_by_hand_everything_is_applied(github: GitHub, machine: Machine):
    github.known[APPLIED] = ""
    assert "| a | ✅ done" in github.run("apply", GITHUB_SHA="0" * 40)[-1]
    assert machine.read("out/a.jsonl") == '{"text":"HELLO"}\n'


def test_the_jobs_of_the_other_host(machine: Machine):
    flow = document("gitlab-ci.yaml")
    environ = {"GITLAB_CI": "true", "RECIPES": flow["variables"]["RECIPES"]}
    for job in ("validate", "plan-main", "apply"):
        for command in [*flow["default"]["before_script"], *flow[job]["script"]]:
            done = machine(command, "/bin/bash", **environ)
            assert done.code == 0, done.out
    assert '<testsuite name="a"' in machine.read("report.xml")
    assert flow["apply"]["allow_failure"]["exit_codes"] == ["13", "14", "15"]


def test_the_cron_job_follows_a_branch_with_its_ledger_in_postgres(machine: Machine, tmp_path: Path):
    (machine.work / "runner.yaml").write_text(PROJECT + "ledger: {env: RUNNER_LEDGER}\nprofiles: {prod: {}}\n")
    commit(machine.work, "a ledger elsewhere")
    _, job = document("kubernetes-cronjob.yaml")["items"]
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    environ = {each["name"]: each["value"] for each in container["env"]}
    environ |= {"RECIPES_REPO": str(machine.work), "WORK": str(tmp_path / "volume"), "TMPDIR": str(tmp_path)}
    script = " ".join(container["args"])
    with postgres() as url:
        environ["RUNNER_LEDGER"] = url.format("postgres")
        first = machine(script, **environ)
        assert first.code == 0, first.out
        shutil.rmtree(tmp_path / "volume")  # another machine: only the ledger is left
        second = machine(script, **environ)
    stages = [line for line in map(json.loads, second.out.splitlines()) if line["event"] == "stage_ended"]
    assert [(stage["outcome"], stage["requests"]) for stage in stages] == [("done", 0), ("done", 0)]
    assert (tmp_path / "volume/recipes/out/a.jsonl").is_file()


def test_a_commit_is_checked_before_it_is_made(machine: Machine, tmp_path: Path):
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    hook |= {"language": "system", "args": ["-f", "recipes"]}  # what the host would install is here already
    config = {"repos": [{"repo": "local", "hooks": [hook]}]}
    (machine.work / ".pre-commit-config.yaml").write_text(json.dumps(config))
    environ = {"PRE_COMMIT_HOME": str(tmp_path / "cache")}
    run = "python3 -m pre_commit run --all-files"
    commit(machine.work, "hooks")
    good = machine(run, **environ)
    (machine.work / "recipes/b.yaml").write_text("kind: Recipe\napiVersion: runner/v1\n")
    git(machine.work, "add", "-A")
    bad = machine(run, **environ)
    assert (good.code, bad.code) == (0, 1), good.out + bad.out
    assert "error[missing-field]" in bad.out
