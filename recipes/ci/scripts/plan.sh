#!/bin/sh
# Plan what a change would do: for people, and for the apply after its merge.
#
#   plan.sh FOLDER          writes FOLDER/plan.md and FOLDER/plan.json
#
# RECIPES   file or folder, default: recipes
# PROFILE   profile of runner.yaml, default: none
# BASE      Git ref: only recipes that differ from it; default: all
# TRUSTED   Git ref whose connections, ledger, manifests and allowed commands count: for a branch of the team
# UNTRUSTED true for the change of a stranger: nothing is touched, and there is no plan.json
set -eu
folder=${1:?usage: plan.sh FOLDER}
mkdir -p "$folder"

set -- -f "${RECIPES:-recipes}"
[ -z "${PROFILE:-}" ] || set -- "$@" --profile "$PROFILE"
[ -z "${BASE:-}" ] || set -- "$@" --select "changed:$BASE"

if [ "${UNTRUSTED:-}" = true ]; then
    runner plan "$@" --untrusted -o markdown >"$folder/plan.md"
else
    [ -z "${TRUSTED:-}" ] || set -- "$@" --trusted "$TRUSTED"
    runner plan "$@" -o markdown --out "$folder/plan.json" >"$folder/plan.md"
fi
cat "$folder/plan.md"
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
    cat "$folder/plan.md" >>"$GITHUB_STEP_SUMMARY"
fi
