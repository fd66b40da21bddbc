"""Django's own check of a deployment finds nothing, on loopback and behind a proxy with TLS."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("https", ["false", "true"])
def test_the_check_of_a_deployment_is_clean(tmp_path, https):
    env = {**os.environ, "FAKELAKE_LAKE": str(tmp_path / "lake"), "FAKELAKE_DESK_HTTPS": https}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    command = [sys.executable, "-m", "fakelake.review.manage", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0 and "no issues" in done.stdout, done.stdout + done.stderr


def test_no_change_of_the_desks_tables_lacks_its_migration(tmp_path):
    env = {**os.environ, "FAKELAKE_LAKE": str(tmp_path / "lake")}
    command = [sys.executable, "-m", "fakelake.review.manage", "makemigrations", "--check", "--dry-run"]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_secrets_are_for_this_user_alone(tmp_path):
    env = {**os.environ, "FAKELAKE_LAKE": str(tmp_path / "lake")}
    subprocess.run([sys.executable, "-m", "fakelake.review.manage", "check"], env=env, check=True, capture_output=True)
    own = tmp_path / "lake" / "_up" / "desk"
    assert own.stat().st_mode & 0o077 == 0 and (own / "secret_key").stat().st_mode & 0o077 == 0
    assert len((own / "secret_key").read_text()) > 50
