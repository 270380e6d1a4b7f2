#!/bin/sh
# Apply an approved plan, or everything when none is named.
#
#   apply.sh [PLAN]
#
# RECIPES   file or folder, default: recipes; with a plan: where the recipes lie now
# PROFILE   profile of runner.yaml, default: none; with a plan: the plan's
# WAIT      end after this time with code 14, default: wait until all is done
#
# Stopped by the budget (13), jobs still running (14) and held (15) are no failure: on GitHub they become a warning, on
# GitLab the pipeline allows them by their code. Writes report.md, or report.xml on GitLab.
set -eu
plan=${1:-}
recipes=${RECIPES:-recipes}

set -- -f "$recipes"
if [ -n "$plan" ]; then
    set -- "$@" "$plan"
elif [ -n "${PROFILE:-}" ]; then
    set -- "$@" --profile "$PROFILE"
fi
[ -z "${WAIT:-}" ] || set -- "$@" --wait "$WAIT"

code=0
if [ -n "${GITLAB_CI:-}" ]; then
    runner apply "$@" -o junit >report.xml || code=$?
    exit "$code"
fi

runner apply "$@" -o markdown >report.md || code=$?
cat report.md
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
    cat report.md >>"$GITHUB_STEP_SUMMARY"
fi
case $code in
13) why="stopped by the budget: the next apply goes on" ;;
14) why="jobs still run on the platform: the next apply goes on with them" ;;
15) why="items are held: a person must decide (runner state list)" ;;
*) exit "$code" ;;
esac
echo "::warning title=runner apply::$why"
