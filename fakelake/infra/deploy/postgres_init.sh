#!/bin/bash
# Runs once, on an empty volume: a database each for Prefect and MLflow, each owned by a role that can do nothing else.
set -euo pipefail
for name in prefect mlflow; do
  # Through standard input: a command line would show the password to every process.
  psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<SQL
\set password \`cat "${SECRETS_DIRECTORY:-/run/secrets}/postgres_$name"\`
CREATE ROLE $name LOGIN PASSWORD :'password';
CREATE DATABASE $name OWNER $name;
REVOKE ALL ON DATABASE $name FROM PUBLIC;
SQL
done
