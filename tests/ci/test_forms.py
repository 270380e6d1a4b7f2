"""The files of the pipelines are what their hosts read, by the hosts' own schemas."""

import subprocess
import sys

import pytest

from tests.ci.machine import CI, ROOT, commands, document

SECRETS = "${{ secrets."


def checked(*command: str) -> None:
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("schema", "name"), [("github-workflows", "github-actions.yaml"), ("gitlab-ci", "gitlab-ci.yaml")]
)
def test_a_pipeline_fits_the_schema_of_its_host(schema: str, name: str):
    checked("check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(CI / name))


def test_the_hook_and_its_example_are_what_pre_commit_reads():
    checked("pre_commit", "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml"))
    checked("pre_commit", "validate-config", str(CI / "pre-commit-config.yaml"))


def test_the_objects_fit_the_schemas_of_kubernetes():
    validate = pytest.importorskip("kubernetes_validate", reason="100 MB of schemas: pip install kubernetes-validate")
    from runner.documents import read

    for item in read(CI / "kubernetes-cronjob.yaml").value["items"]:
        validate.validate(item, "1.30", strict=True)


def test_the_cron_job_is_alone_and_may_do_little():
    claim, job = document("kubernetes-cronjob.yaml")["items"]
    spec = job["spec"]["jobTemplate"]["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert (job["apiVersion"], job["kind"], job["spec"]["concurrencyPolicy"]) == ("batch/v1", "CronJob", "Forbid")
    assert (spec["backoffLimit"], pod["restartPolicy"], pod["automountServiceAccountToken"]) == ("0", "Never", "false")
    assert container["securityContext"]["readOnlyRootFilesystem"] == "true"
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]


def test_no_secret_for_a_fork():
    flow = document("github-actions.yaml")
    assert "pull_request_target" not in flow["on"]
    same = "github.event.pull_request.head.repo.full_name == github.repository"
    for name, job in flow["jobs"].items():
        reads_secrets = SECRETS in str(job)
        assert reads_secrets == (name in ("plan", "apply"))
        assert not reads_secrets or same in job["if"] or "pull_request'" not in job["if"]
    assert SECRETS not in str({name: value for name, value in flow.items() if name != "jobs"})


def test_tokens_may_only_what_they_must():
    flow = document("github-actions.yaml")
    assert flow["permissions"] == {"contents": "read"}
    rights = {
        name: {what for what, may in job["permissions"].items() if may == "write"} for name, job in flow["jobs"].items()
    }
    assert rights == {"validate": {"security-events"}, "plan": {"pull-requests"}, "apply": set()}


def test_nothing_of_an_event_becomes_a_part_of_a_command():
    for job in document("github-actions.yaml")["jobs"].values():
        for step in job["steps"]:
            given = step.get("run", "").split("${{")[1:]
            assert all(text.split("}}")[0].strip().startswith("github.event_name == 'push' &&") for text in given)


def test_every_script_is_there():
    listed = [command for job in document("github-actions.yaml")["jobs"].values() for command, _ in known(job)]
    named = {word for command in listed for word in command.split() if word.startswith("ci/scripts/")}
    assert named == {
        f"ci/scripts/{name}" for name in ("validate.sh", "test.sh", "plan.sh", "apply.sh", "comment.py", "approved.py")
    }
    assert all((CI / name.removeprefix("ci/")).is_file() for name in named)


def known(job: dict) -> list[tuple[str, object]]:
    names = {part.split("}}")[0].strip() for part in str(job).split("${{")[1:]}
    return list(commands(job["steps"], dict.fromkeys(names, "x")))
