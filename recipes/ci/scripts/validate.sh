#!/bin/sh
# Check all recipes without any secret and without touching a platform.
#
#   validate.sh REPORT      writes SARIF to REPORT; problems go to the log and, on a known host, to the lines of the diff
#
# RECIPES   file or folder, default: recipes
set -eu
recipes=${RECIPES:-recipes}
report=${1:?usage: validate.sh REPORT}
here=$(dirname "$0")

code=0
runner validate -f "$recipes" -o sarif >"$report" || code=$?
if [ "$code" -ne 0 ] && [ "$code" -ne 3 ]; then
    exit "$code"
fi
if [ -n "${GITHUB_ACTIONS:-}" ]; then
    runner validate -f "$recipes" -o json | python3 "$here/problems.py" github || :
fi
if [ -n "${GITLAB_CI:-}" ]; then
    runner validate -f "$recipes" -o json | python3 "$here/problems.py" gitlab >code-quality.json || :
fi
runner validate -f "$recipes" || :
exit "$code"
