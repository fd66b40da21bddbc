"""Joining a Ray cluster, or starting Ray on this machine."""

from __future__ import annotations

import os

import ray

STARTS = 3  # tries to start Ray on this machine
# Settings and credentials follow the driver to the workers of a cluster that others started.
FOLLOWING = ("FAKELAKE_", "AWS_")


def connect(address: str | None, cpus: int | None) -> None:
    """Join a cluster, or start Ray on this machine; nothing when this process has joined already."""
    if ray.is_initialized():
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if address:
        following = {name: value for name, value in os.environ.items() if name.startswith(FOLLOWING)}
        options = {"runtime_env": {"env_vars": following}} if following else {}
    else:
        address = "local"  # none at all would mean any Ray that somebody runs on this machine
        options = {"num_cpus": cpus, "object_store_memory": 512 << 20, "include_dashboard": False}
    for attempt in range(STARTS):
        try:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", **options)
            return
        except Exception as error:
            ray.shutdown()
            # Ray gives its own processes 30 s to come up, which a busy machine may exceed.
            if address != "local" or "timed out during startup" not in str(error) or attempt == STARTS - 1:
                raise
