#!/bin/sh
# Makes the passwords that compose.yaml hands to its services. What is there stays.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
# The directory keeps others out. The files themselves must be readable: containers see them alone, under other users.
chmod 700 secrets
umask 022
random() { od -An -tx1 -N24 /dev/urandom | tr -d ' \n'; }
for name in postgres_superuser postgres_prefect postgres_mlflow s3_access_key s3_secret_key ray_token; do
  [ -s "secrets/$name" ] || random > "secrets/$name"
done
# Prefect wants user:password.
[ -s secrets/prefect_api ] || printf 'fakelake:%s' "$(random)" > secrets/prefect_api
