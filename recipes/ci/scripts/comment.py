"""Put a text on the pull or merge request that this job is about: one comment, made once and updated from then on.

    python3 comment.py plan.md

The comment is found by the hidden marker in the first line of the text.

GitHub: GITHUB_TOKEN with `pull-requests: write`. GitLab: RUNNER_COMMENT_TOKEN, a project access token with scope `api`.
A job that has no such token (a fork's has none) says so and is no failure.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

PAGES = 20


def request(method, url, headers, body=None):
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {**headers, "Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(asked, timeout=30) as reply:
        return json.load(reply)


def github():
    """Return headers, the address of all comments, that of one, the verb that changes it; None without a request."""
    event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    number = event.get("pull_request", {}).get("number")
    token = os.environ.get("GITHUB_TOKEN")
    if not number or not token:
        return None
    repository = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}"
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
    return headers, f"{repository}/issues/{number}/comments", f"{repository}/issues/comments", "PATCH"


def gitlab():
    number, token = os.environ.get("CI_MERGE_REQUEST_IID"), os.environ.get("RUNNER_COMMENT_TOKEN")
    if not number or not token:
        return None
    project = f"{os.environ['CI_API_V4_URL']}/projects/{os.environ['CI_PROJECT_ID']}"
    notes = f"{project}/merge_requests/{number}/notes"
    return {"PRIVATE-TOKEN": token}, notes, notes, "PUT"


def ours(marker, headers, comments):
    """Give the ids of the comments that begin with the marker."""
    for page in range(1, PAGES + 1):
        found = request("GET", f"{comments}?per_page=100&page={page}", headers)
        yield from (each["id"] for each in found if (each.get("body") or "").startswith(marker))
        if len(found) < 100:
            return


def post(text, headers, comments, one, verb):
    marker = text.partition("\n")[0]
    for number in ours(marker, headers, comments):
        try:
            request(verb, f"{one}/{number}", headers, {"body": text})
        except urllib.error.HTTPError as error:
            if error.code not in (403, 404):  # another one's comment, or one that is gone
                raise
        else:
            return f"comment {number} is updated"
    return f"comment {request('POST', comments, headers, {'body': text})['id']} is made"


def main(path):
    text = Path(path).read_text(encoding="utf-8")
    place = gitlab() if os.environ.get("GITLAB_CI") else github()
    if place is None:
        print("no comment: there is no pull or merge request, or no token to write with")
        return
    try:
        print(post(text, *place))
    except urllib.error.HTTPError as error:
        sys.exit(f"the comment could not be written: {error.code} {error.reason}")
    except OSError as error:
        sys.exit(f"the comment could not be written: {error}")


main(sys.argv[1])
