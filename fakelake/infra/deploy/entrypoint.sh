#!/bin/sh
# Compose hands secrets over as files, the programs in here read variables: a secret becomes the variable of its name.
set -eu
for file in "${SECRETS_DIRECTORY:-/run/secrets}"/*; do
  if [ -f "$file" ]; then
    export "$(basename "$file")=$(cat "$file")"
  fi
done
exec "$@"
