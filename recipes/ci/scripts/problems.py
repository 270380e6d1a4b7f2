"""Turn the JSON of `runner validate` into what a host shows on the lines of a diff.

runner validate -f recipes -o json | python3 problems.py github     workflow commands, for the log
runner validate -f recipes -o json | python3 problems.py gitlab     a Code Quality report
"""

import hashlib
import json
import sys


def command(problem):
    """Return one workflow command; what it says cannot become a second one."""
    kind = "error" if problem["severity"] == "error" else "warning"
    places = {"file": problem["file"], "line": problem["line"], "col": problem["column"], "title": problem["slug"]}
    fields = ",".join(f"{name}={escaped(str(value), ',:')}" for name, value in places.items() if value is not None)
    return f"::{kind} {fields}::{escaped(said(problem))}"


def escaped(text, more=""):
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def quality(problem):
    """Return one entry of a Code Quality report."""
    identity = "\0".join([problem["slug"], problem["file"] or "", problem["what"]])
    return {
        "check_name": problem["slug"],
        "description": said(problem),
        "severity": "major" if problem["severity"] == "error" else "minor",
        "fingerprint": hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest(),
        "location": {"path": problem["file"] or "runner.yaml", "lines": {"begin": problem["line"] or 1}},
    }


def said(problem):
    return f"{problem['what']}. {problem['mend']}" if problem["mend"] else problem["what"]


def main(host):
    problems = json.load(sys.stdin)["problems"]
    if host == "gitlab":
        json.dump([quality(problem) for problem in problems], sys.stdout, indent=2)
    else:
        for problem in problems:
            print(command(problem))


main(sys.argv[1])
