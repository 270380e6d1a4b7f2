"""Find the plan that was approved with the pull request whose merge this push is.

    python3 approved.py >>"$GITHUB_OUTPUT"

Prints `run-id=` and `name=` of the artifact for actions/download-artifact; `run-id=` stays empty when there is no plan
(a direct push, a fork's pull request, an artifact that has expired). Needs GITHUB_TOKEN with `actions: read` and
`pull-requests: read`, and GITHUB_SHA, as a push has it.
"""

import json
import os
import urllib.request


def get(path):
    url = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}{path}"
    headers = {"Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}", "Accept": "application/vnd.github+json"}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as reply:
        return json.load(reply)


def heads(commit):
    """Give the head commits of the pull requests that were merged as this commit."""
    for pull in get(f"/commits/{commit}/pulls"):
        if pull.get("merged_at") and commit in (pull.get("merge_commit_sha"), pull["head"]["sha"]):
            yield pull["head"]["sha"]


def artifact(head):
    """Return the newest plan of a head commit, made by a run of this very repository; None without one."""
    name = f"runner-plan-{head}"
    found = [
        each
        for each in get(f"/actions/artifacts?name={name}&per_page=100")["artifacts"]
        if not each["expired"]
        and each["workflow_run"]["head_sha"] == head
        and each["workflow_run"]["head_repository_id"] == each["workflow_run"]["repository_id"]
    ]
    return max(found, key=lambda each: each["created_at"], default=None)


def main():
    for head in heads(os.environ["GITHUB_SHA"]):
        found = artifact(head)
        if found is not None:
            print(f"run-id={found['workflow_run']['id']}")
            print(f"name={found['name']}")
            return
    print("run-id=")


main()
