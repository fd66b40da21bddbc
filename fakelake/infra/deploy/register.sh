#!/bin/sh
# Makes the work pool and registers the deployments of prefect.yaml as this image has them. Again and again without harm.
set -eu
template=$(mktemp)
# Runs of a process pool begin in a directory that goes with them, unless the pool names one.
prefect work-pool get-default-base-job-template --type process | python -c '
import json, sys
template = json.load(sys.stdin)
template["variables"]["properties"]["working_dir"]["default"] = sys.argv[1]
json.dump(template, sys.stdout)' "$WORKING_DIRECTORY" > "$template"
prefect work-pool create fakelake --type process --base-job-template "$template" --overwrite
prefect --no-prompt deploy --all --prefect-file /app/prefect.yaml
rm "$template"
