"""Puts the deployments of a prefect.yaml onto a server, and closes runs that a killed worker left.

    python -m fakelake.infra.register POOL --deploy prefect.yaml    in the directory that runs shall begin in
    python -m fakelake.infra.register POOL --close-left             while the pool has no worker

One program, as each call of Prefect's command line imports it anew.
"""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectAlreadyExists
from prefect.states import Crashed
from prefect.workers.process import ProcessWorker

UNDER_WAY = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]


def make_pool(name: str) -> None:
    """A work pool whose runs are processes beside its worker, in the directory that this program was called in."""
    template = ProcessWorker.get_default_base_job_template()
    template["variables"]["properties"]["working_dir"]["default"] = str(Path.cwd())
    with get_client(sync_client=True) as client:
        try:
            client.create_work_pool(WorkPoolCreate(name=name, type="process", base_job_template=template))
        except ObjectAlreadyExists:
            client.update_work_pool(name, WorkPoolUpdate(base_job_template=template))


def mark_crashed(pool: str) -> int:
    """Runs that a worker left when it was killed: they would be called running for ever, and hold up their schedule.

    Only for a pool that has no worker at this moment. Returns how many there were.
    """
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=UNDER_WAY))),
            work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[pool])),
        )
        for run in runs:
            client.set_flow_run_state(run.id, Crashed(message="its worker is gone"), force=True)
    return len(runs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("pool")
    parser.add_argument("--deploy", metavar="PREFECT_YAML")
    parser.add_argument("--close-left", action="store_true")
    asked = parser.parse_args()
    if asked.close_left:
        print(f"{mark_crashed(asked.pool)} runs were left by a worker that is gone")
    if asked.deploy:
        make_pool(asked.pool)
        sys.argv = ["prefect", "--no-prompt", "deploy", "--all", "--prefect-file", asked.deploy]
        runpy.run_module("prefect", run_name="__main__")
