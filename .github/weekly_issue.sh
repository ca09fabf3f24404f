#!/usr/bin/env bash
# One issue for the weekly run: opened when something broke, added to while it stays broken, closed when all is well.
# Needs RESULTS ("newest versions: success, Colab: failure"), RUN (the address of the run), and the command gh.
set -euo pipefail
title="The weekly test failed"
# Only an issue that this workflow has opened: anybody can give theirs the same title.
number=$(gh issue list --state open --app github-actions --search "in:title \"$title\"" --json number,title --jq \
    "[.[] | select(.title == \"$title\")][0].number // empty")
if [[ $RESULTS == *failure* || $RESULTS == *canceled* ]]; then
    said="$RESULTS. The log: $RUN"
    if [ -n "$number" ]; then
        gh issue comment "$number" --body "Still: $said"
    else
        gh issue create --title "$title" --body "$said"
    fi
elif [ -n "$number" ]; then
    gh issue close "$number" --comment "All is well again: $RUN"
fi
