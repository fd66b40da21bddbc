"""prefect.yaml: every deployment loads, and what it may be told is written down here, so that no change goes unseen."""

from pathlib import Path

import pytest
import yaml
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema

from fakelake.flows.up import POOL

PLAN = yaml.safe_load((Path(__file__).parents[2] / "prefect.yaml").read_text())
DEPLOYMENTS = {each["name"]: each for each in PLAN["deployments"]}

# name -> parameters of the flow, with the defaults that the schema shows
PARAMETERS = {
    "ingest-and-score": {"paths", "lake", "recipe", "overrides", "dataset", "quiet"},
    "score": {"lake", "model", "dataset", "dry_run", "quiet", "parts", "hours"},
    "train-detector": {"lake", "recipe", "changes", "split", "dataset", "device", "promote", "quiet", "labels"},
    "train-generator": {"lake", "recipe", "changes", "split", "dataset", "device", "promote", "quiet"},
    "watch": {"lake", "dry_run"},
    "retrain": {"lake", "watermark", "recipe", "quiet"},
    "maintain": {"lake", "days", "deep"},
    "drift": {"lake", "days", "quiet"},
}
SCHEDULED = {
    "ingest-and-score": "*/5 * * * *",
    "watch": "17 * * * *",
    "maintain": "40 3 * * *",
    "drift": "10 4 * * *",
}


def loaded(name):
    return load_flow_from_entrypoint(DEPLOYMENTS[name]["entrypoint"], use_placeholder_flow=False)


def test_these_are_all_the_deployments():
    assert set(DEPLOYMENTS) == set(PARAMETERS)


@pytest.mark.parametrize("name", PARAMETERS)
def test_each_flow_loads_and_takes_these_parameters_all_typed_and_told_of(name):
    flow = loaded(name)
    schema = parameter_schema(flow)
    assert set(schema.properties) == PARAMETERS[name]
    assert all({"type", "anyOf"} & set(told) for told in schema.properties.values())
    assert schema.required == [], "a schedule gives none"
    assert flow.description


@pytest.mark.parametrize("name", PARAMETERS)
def test_what_a_deployment_sets_its_flow_takes(name):
    loaded(name).validate_parameters(DEPLOYMENTS[name].get("parameters") or {})
    assert set(DEPLOYMENTS[name].get("parameters") or {}) <= PARAMETERS[name]


@pytest.mark.parametrize("name", PARAMETERS)
def test_no_two_runs_of_a_deployment_overlap(name):
    assert DEPLOYMENTS[name]["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}


def test_each_is_tagged_described_and_of_the_pool_that_up_starts():
    for each in DEPLOYMENTS.values():
        assert "fakelake" in each["tags"] and each["description"] and each["work_pool"] == {"name": POOL}


def test_these_run_by_themselves():
    schedules = {name: each["schedules"][0]["cron"] for name, each in DEPLOYMENTS.items() if each.get("schedules")}
    assert schedules == SCHEDULED


def test_what_the_schedule_runs_ends_one_day_even_if_it_hangs():
    assert all(loaded(name).timeout_seconds for name in ("ingest-and-score", "watch", "retrain", "maintain"))


def test_a_flow_file_is_fetched_from_nowhere():
    assert PLAN["pull"] == []
