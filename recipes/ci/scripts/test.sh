#!/bin/sh
# Run the cases that stand beside the recipes, without any secret and without touching a platform.
#
#   test.sh REPORT      writes JUnit to REPORT; what a case found goes to the log too
#
# RECIPES   file or folder, default: recipes
# UNTRUSTED true for the change of a stranger: cases with commands are skipped
set -eu
recipes=${RECIPES:-recipes}
report=${1:?usage: test.sh REPORT}
set -- -f "$recipes"
[ "${UNTRUSTED:-}" != true ] || set -- "$@" --untrusted

if [ -d "$recipes" ] && [ -z "$(find "$recipes" -name '*.test.y*ml')" ]; then
    echo "no NAME.test.yaml below $recipes: nothing to test"
    exit 0
fi
code=0
runner test "$@" -o junit >"$report" || code=$?
if [ "$code" -eq 12 ]; then
    runner test "$@" || :
fi
exit "$code"
