"""The command line as a person or a script meets it: help, exit codes, words."""

import os
import subprocess
import sys

import pytest

from fakelake.catalog.lake import Lake


def fakelake(*arguments, **env):
    return subprocess.run(
        [sys.executable, "-m", "fakelake.flows.cli", *map(str, arguments)],
        capture_output=True, text=True, timeout=120, env={**os.environ, **env},
    )  # fmt: skip


def test_help_lists_every_command():
    done = fakelake("--help")
    assert done.returncode == 0
    for command in ("ingest", "sql", "doctor", "demo", "catalog", "quarantine", "export", "labels", "splits", "consent",
                    "forget"):  # fmt: skip
        assert f" {command} " in done.stdout


def test_the_help_of_ingest_says_what_its_exit_codes_mean():
    done = fakelake("ingest", "-h")
    assert done.returncode == 0
    assert "Exit code 0: all done. 3: done, with something in quarantine." in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["nosuchcommand"],
        ["ingest"],
        ["ingest", "x.mp4", "--label", "genuine"],
        ["ingest", "x.mp4", "--set", "stride"],
        ["ingest", "x.mp4", "--set", "colour=red"],
        ["ingest", "x.mp4", "--recipe", "cake", "--dry-run"],
    ],
    ids=" ".join,
)
def test_bad_usage_is_exit_code_2_without_a_traceback(arguments, tmp_path):
    done = fakelake(*arguments, FAKELAKE_LAKE=str(tmp_path / "lake"))
    assert done.returncode == 2
    assert done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "lake").exists()


def test_a_lake_that_is_not_there_is_exit_code_1_with_what_to_do(tmp_path):
    done = fakelake("sql", "SELECT 1", "--lake", tmp_path / "none")
    assert done.returncode == 1
    assert f"There is no lake at {tmp_path / 'none'}. Name another with --lake" in done.stderr
    assert "Traceback" not in done.stderr


def test_sql_that_is_no_select_is_refused_with_exit_code_2(tmp_path):
    Lake.create(tmp_path / "lake")
    done = fakelake("sql", "COPY videos TO 'stolen.csv'", FAKELAKE_LAKE=str(tmp_path / "lake"))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
